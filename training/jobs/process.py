"""Detached processes, and the locks that they hold for life.

A lock is free again however its process ends. `lockf` and not `flock`: a forked DataLoader worker
would keep the latter after its parent's death.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO
from weakref import WeakValueDictionary

from core.places import workspace


def start_detached(
    command: Sequence[str], output: Path, on_end: Callable[[int], None] | None = None
) -> None:
    """Starts a process that outlives this one, its terminal and its Ctrl-C.

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

    threading.Thread(target=reap, name="carmask-reaper", daemon=True).start()


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


def take_lock(path: Path) -> IO[bytes]:
    """Returns the open lock file, held until it is closed or the process ends.

    Raises:
        OSError: Another process holds it, or the file can't be made.
    """
    file = path.open("ab")
    try:
        with _PROBING:
            if _fcntl is not None:
                _fcntl.lockf(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
            _HELD[_identity(os.fstat(file.fileno()))] = file
    except OSError:
        file.close()
        raise
    return file


def lock_holder(path: Path) -> int | None:
    """Returns the id of the process that holds a lock file; None where nobody does.

    It asks and never takes the lock, so a process that takes it at this moment is not disturbed.
    0 stands for a holder that can't be named: it runs on another machine or in another container,
    or nobody can tell.
    """
    with _PROBING:
        try:
            # Closing any handle on the file would drop a lock of this very process.
            held = _HELD.get(_identity(path.stat()))
            if held is not None and not held.closed:
                return os.getpid()
            if _fcntl is None:
                return 0
            with path.open("rb") as file:
                wanted = [0] * 5
                wanted[_TYPE_AT] = _fcntl.F_WRLCK
                asked = _fcntl.fcntl(file, _fcntl.F_GETLK, struct.pack(_LAYOUT, *wanted))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return 0
    found = struct.unpack(_LAYOUT, asked)
    return None if found[_TYPE_AT] == _fcntl.F_UNLCK else max(0, int(found[_PID_AT]))


def stop_holder(path: Path) -> bool:
    """Returns whether the process that holds a lock file was told to end, by SIGTERM.

    Only the holder itself is: never this process, one that can't be named, or one that let go.
    """
    holder = lock_holder(path)
    if not holder or holder == os.getpid():
        return False
    try:
        os.kill(holder, signal.SIGTERM)
    except OSError:  # it has just ended, or is somebody else's
        return False
    return True


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    """Returns what tells a lock file of this process from any other; a fork is another process."""
    return os.getpid(), found.st_dev, found.st_ino


_PROBING = threading.Lock()
_HELD: WeakValueDictionary[tuple[int, int, int], IO[bytes]] = WeakValueDictionary()
"""Lock files that this process holds; a process can't see its own locks."""
_LAYOUT, _TYPE_AT, _PID_AT = ("hhqqi", 0, 4) if sys.platform == "linux" else ("qqihh", 3, 2)
"""C's `struct flock`, and where in it the lock's type and its holder stand."""

try:
    import fcntl as _fcntl
except ImportError:  # Windows has no POSIX locks; two writers of one file are not caught there
    _fcntl = None  # type: ignore[assignment]
