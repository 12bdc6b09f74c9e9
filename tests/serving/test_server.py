"""The server as a process: its two steps to the end, and the dashboard with the API on one port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.server import free_port
from tests.serving.running import photo, wait_for
from tests.serving.test_api import SEGMENT

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def started(log: Path, *options: str, **more: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Starts `carmask serve` on a free port and waits until it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "serve", "--port", str(port), *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or status_of(port, "/readyz") == 200, 120)
        assert process.poll() is None, log.read_text()
        yield port, process
    finally:
        process.kill()
        process.wait()


def status_of(port: int, path: str, body: bytes | None = None, **headers: str) -> int:
    """Returns the status of an answer; 0 where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST" if body else "GET", path, body, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.slow
def test_running_requests_end_and_new_ones_are_refused(
    runs_of_module: Path, tmp_path: Path
) -> None:
    with started(tmp_path / "log", "--api-only") as (port, process):
        body = photo()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
            head = f"POST {SEGMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            slow.sendall(head.encode() + b"Connection: close\r\n\r\n" + body[:100])
            time.sleep(0.3)  # it has a place now
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: status_of(port, "/readyz") == 503, 10)
            assert status_of(port, SEGMENT, body) == 503
            assert status_of(port, "/healthz") == 200
            slow.sendall(body[100:])
            assert b" 200 " in slow.recv(4096).split(b"\r\n")[0]
        assert process.wait(30) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_page_and_api_on_one_port(runs_of_module: Path, tmp_path: Path) -> None:
    with started(tmp_path / "log", "--public", CARMASK_CACHE=str(tmp_path / "cache")) as (port, _):
        assert status_of(port, "/") == status_of(port, "/segment") == 200
        assert status_of(port, "/_stcore/health") == 200
        assert status_of(port, SEGMENT, photo()) == 403  # no key, so no API
        assert status_of(port, "/api/v1/docs") == 200
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        headers = dict(connection.getresponse().getheaders())
        connection.close()
        named = {name.lower(): value for name, value in headers.items()}
        assert "frame-ancestors 'self'" in named["content-security-policy"]
        assert named["x-frame-options"] == "SAMEORIGIN"
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        path = "/_stcore/stream"
        assert status_of(port, path, **upgrade, Origin="http://evil.example") == 403
        assert status_of(port, path, **upgrade, Origin=f"http://127.0.0.1:{port}") == 101
    lines = (tmp_path / "log").read_text().splitlines()
    assert "Traceback" not in "".join(lines)
    assert not [line for line in lines if "_stcore" in line and "websocket" not in line.lower()]
