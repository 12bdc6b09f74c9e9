"""Processes that outlive the one that started them, its terminal and its Ctrl-C."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from core.places import workspace


def start_detached(
    command: Sequence[str], output: Path, on_end: Callable[[int], None] | None = None
) -> None:
    """Starts a process and looks after its end.

    Args:
        command: What to run, in the workspace.
        output: The file that all it prints is appended to.
        on_end: Called with the exit status, from a thread, if this process still lives then.
    """
    process = detached(command, output)

    def reap() -> None:  # nobody else would wait for it, and it would stay as a zombie
        status = process.wait()
        if on_end is not None:
            on_end(status)

    threading.Thread(target=reap, daemon=True).start()


def detached(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Returns a started process for which the caller waits; arguments as for `start_detached`."""
    with output.open("ab") as out:  # a file: a pipe that nobody reads would block it
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=workspace(),
            start_new_session=True,
        )
