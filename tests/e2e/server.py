"""A Streamlit server of its own, for a browser test or a benchmark."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
STOP_SECONDS = 10


@contextmanager
def serve(
    log: Path,
    script: str = "streamlit_app.py",
    *arguments: str,
    places: Mapping[str, Path | str] | None = None,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Starts a page on a free port and gives its address and its process; stops it at the end.

    Args:
        log: File for what the server says.
        script: The page, relative to the project.
        arguments: What the page is given.
        places: More environment variables.

    Raises:
        RuntimeError: It did not start.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", script]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none", "--", *arguments]
    more = {name: str(path) for name, path in (places or {}).items()}
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stdout=out, stderr=out)
        try:
            wait_for_health(address, server, log)
            yield address, server
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_health(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the server answers.

    Raises:
        RuntimeError: It ended, or said nothing for too long.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise RuntimeError(f"The server did not start:\n{said}")
