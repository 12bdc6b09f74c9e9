"""What a public server never does, refused where Python meets the system.

A public server (`carmask serve --public`, or the environment variable CARMASK_PUBLIC) shows what
ships and segments what a visitor brings. Its pages offer nothing else; this module is the wall
behind them. Once `protect` was called, code that runs while `is_public` holds can't

- write, rename or delete a file outside its own temporary folder and the cache,
- read or list what lies outside the program, the shown runs, the samples, the cache and the
  system's libraries,
- start a process, or send a signal to one,

whatever a page does with what a visitor sent. It gets a PermissionError, as in a file system that
is mounted read-only. This is no sandbox against foreign code: there is none in the process.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.places import PACKAGES, app_folder, cache_folder, runs_folder, samples_folder

_PROGRAM = ("core", "dashboard", "pages", "serving", "training", "streamlit_app.py", ".streamlit")
"""What of a checkout is the program; data and notes may lie beside it."""
_SYSTEM: tuple[str, ...] = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/sys",
    "/dev/null",
    "/dev/urandom",
)
_SYSTEM += ("/dev/shm", "/etc/localtime", "/etc/ssl", "/etc/os-release", "/etc/mime.types")
_SYSTEM += ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/machine-id", "/proc")
_SYSTEM += ("/var/lib/dbus/machine-id",)
_SECRETS = frozenset({"environ", "mem", "cmdline", "auxv", "secrets.toml"})
"""Names of files below those folders that nobody but the server's own start may read."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def is_public() -> bool:
    """Returns whether this process serves strangers."""
    return os.environ.get("CARMASK_PUBLIC", "").lower() in ("1", "true", "yes", "on")


def protect() -> None:
    """Makes what a public server never does impossible in this process; once is enough.

    Temporary files go to a folder of this process's own from now on, which is removed at its end.
    Without `is_public` nothing changes.
    """
    if is_public():
        _protect()


@lru_cache(maxsize=1)
def _protect() -> None:
    own = tempfile.mkdtemp(prefix="carmask-public-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    tempfile.tempdir = own
    sys.dont_write_bytecode = True
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses one event of `sys.audit`; called for each, so the common ones end at once."""
    check = _CHECKS.get(event)
    if check is not None and is_public():
        check(*arguments)


def _check_open(path: Any, mode: str | None, flags: int | None) -> None:
    writes = set(mode or "") & set("wax+") or (mode is None and (flags or 0) & _WRITING)
    if writes:
        _check_written(path)
    else:
        _check_read(path)


def _check_read(path: Any, *_: Any) -> None:
    path = "." if path is None else path
    if not isinstance(path, str | bytes | os.PathLike):
        return  # a file that is open already
    whole = os.path.realpath(os.fsdecode(path))
    allowed = (*_readable(), *_writable())
    if Path(whole).name not in _SECRETS and _within(whole, allowed):
        return
    if os.path.lexists(whole):  # of what is not there the system says so, as everywhere
        _refuse(path)


def _check_written(path: Any, *more: Any) -> None:
    """Refuses a change outside what may be written.

    Args:
        path: What is to be changed.
        more: What else the event tells; its last value is the open folder that a relative path
            starts at (`shutil.rmtree` works so), or no such number.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        return
    whole = os.path.join(_folder_of(more[-1] if more else -1), os.fsdecode(path))  # noqa: PTH118
    if not _within(os.path.realpath(whole), _writable()):
        _refuse(path)


def _check_both(source: Any, target: Any, source_folder: Any = -1, folder: Any = -1) -> None:
    _check_written(source, source_folder)
    _check_written(target, folder)


def _folder_of(descriptor: Any) -> str:
    """Returns the path of an open folder; the current one for a number that is none."""
    if type(descriptor) is not int or descriptor < 0:
        return ""
    if sys.platform == "linux":
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    import fcntl

    path = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))  # type: ignore[attr-defined,unused-ignore]
    return os.fsdecode(path.rstrip(b"\0"))


def _check_signal(_process: int, number: int) -> None:
    if number:  # 0 asks whether the process lives
        _refuse("a signal")


def _check_process(*_: Any) -> None:
    _refuse("a process")


def _refuse(what: Any) -> None:
    raise PermissionError(errno.EACCES, "not allowed on a public server", what)


def _within(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(each.rstrip("/") + "/") for each in folders)


def _writable() -> tuple[str, ...]:
    return _resolved(tempfile.gettempdir(), str(cache_folder()), "/dev/null", "/dev/shm")


def _readable() -> tuple[str, ...]:
    return _resolved(*_program(), str(runs_folder()), str(samples_folder()))


@lru_cache(maxsize=1)
def _program() -> tuple[str, ...]:
    libraries = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    own = (folder / name for folder in {PACKAGES, app_folder()} for name in _PROGRAM)
    return (*_SYSTEM, *sorted(libraries), *map(str, own), *_imported())


def _imported() -> Iterator[str]:
    """Yields further folders that modules are imported from, the current one not."""
    for each in sys.path:
        if each and Path(each).resolve() not in (PACKAGES, app_folder(), Path.cwd()):
            yield each


@lru_cache(maxsize=8)
def _resolved(*folders: str) -> tuple[str, ...]:
    return tuple(os.path.realpath(each) for each in folders)


_CHECKS: dict[str, Callable[..., None]] = {
    "open": _check_open,
    "os.listdir": _check_read,
    "os.scandir": _check_read,
    "os.chdir": _check_read,
    **dict.fromkeys(("os.mkdir", "os.rmdir", "os.remove"), _check_written),
    "os.truncate": lambda path, _length: _check_written(path),
    **dict.fromkeys(("os.chmod", "os.chown", "os.utime"), _check_written),
    "os.setxattr": lambda path, *_: _check_written(path),
    **dict.fromkeys(("os.rename", "os.link"), _check_both),
    "os.symlink": lambda _source, target, *more: _check_written(target, *more),
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.exec", "os.spawn"), _check_process),
    **dict.fromkeys(("os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"), _check_process),
    "os.kill": _check_signal,
    "os.killpg": _check_signal,
}
"""What is looked at, by the names of the events that `sys.audit` raises."""
