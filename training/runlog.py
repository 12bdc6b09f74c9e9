"""A run's folder: the only channel between a trainer and whoever watches it.

runs/<id>/ holds config.json, environment.json, split.json, metrics.jsonl (append-only), state.json,
log.txt, lock and checkpoints/. Only this module knows their form.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal
from weakref import WeakValueDictionary

from core.checkpoint import SUFFIX
from core.errors import CarmaskError, ConfigError, RunError
from core.files import write_bytes_atomically
from training.config import TrainConfig
from training.splits import Split, load_split

Status = Literal["running", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class RunState:
    """Where a run is, as state.json says it."""

    status: Status
    """"running" with nobody holding the lock means that the trainer crashed."""
    epoch: int = 0
    """Epochs finished."""
    epochs: int = 0
    """Epochs asked for."""
    step: int = 0
    """Optimiser steps done."""
    images: int = 0
    """Training samples seen."""
    message: str = ""
    """Why it ended, when it failed."""
    updated: str = ""
    """When this was written, ISO 8601, UTC."""


class RunLog:
    """The writer of one run's folder; holds its lock until it is closed."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        self.folder = folder
        self.config = config
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(folder / "lock")
        self._metrics = folder / "metrics.jsonl"
        self._log = (folder / "log.txt").open("a", encoding="utf-8")

    @property
    def training_state(self) -> Path:
        """The file with everything that a resumed trainer needs."""
        return self.checkpoints / "last.state.pt"

    def checkpoint(self, name: str) -> Path:
        """Returns the file of a checkpoint: "best", "last", ..."""
        return self.checkpoints / f"{name}{SUFFIX}"

    def write_config(self, environment: dict[str, Any], split: Split) -> None:
        """Writes what the run was told, where it runs and what it keeps for validation."""
        _write_json(self.folder / "config.json", asdict(self.config))
        _write_json(self.folder / "environment.json", environment)
        split.save(self.folder / "split.json")

    def append(self, line: dict[str, Any]) -> None:
        """Appends one line to metrics.jsonl, in one write."""
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def forget_after(self, step: int) -> None:
        """Drops the metrics that a crashed trainer wrote after its last saved state."""
        kept = [line for line in read_metrics(self.folder) if int(line["step"]) <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_bytes_atomically(self._metrics, text.encode())

    def write_state(self, state: RunState) -> None:
        """Writes state.json; a reader sees the old one or the new one."""
        _write_json(self.folder / "state.json", {**asdict(state), "updated": now()})

    def say(self, text: str) -> None:
        """Appends a line with the time to log.txt."""
        self._log.write(f"{now()} {text}\n")
        self._log.flush()

    def close(self) -> None:
        """Gives the lock back."""
        self._log.close()
        self._lock.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def create_run(runs: Path, name: str | None, config: TrainConfig) -> RunLog:
    """Returns a new run's writer; its folder is named by the name, else by the time.

    Raises:
        ConfigError: The name has characters that a folder can't have.
        RunError: A run of this name exists.
    """
    run = name or time.strftime("%Y%m%d-%H%M%S")
    if not re.fullmatch(r"[\w.-]{1,80}", run) or run.startswith("."):
        raise ConfigError(f"The name {run!r} is no folder name; use letters, digits, '-' and '_'.")
    folder = runs / run
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise RunError(
            f"There is a run {folder} already. Give another --name, or go on with "
            f"--resume {folder}."
        ) from error
    return RunLog(folder, config)


def read_config(folder: Path) -> TrainConfig:
    """Returns a run's configuration.

    Raises:
        RunError: The folder is no run, or its config.json is damaged.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise RunError(f"{folder} is not a run: it has no config.json.")
    try:
        return TrainConfig.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, CarmaskError) as error:
        raise RunError(f"{path} can't be read: {error}") from error


def read_split(folder: Path) -> Split:
    """Returns a run's split; raises a DataError where it can't be read."""
    return load_split(folder / "split.json")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Returns a run's metrics lines in order; a torn last line is left out."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "step" in line:
            lines.append(line)
    return lines


def is_own_run(names: Collection[str]) -> bool:
    """Tells from the names of a folder's files whether a trainer of ours wrote them."""
    return "metrics.jsonl" in names or "state.json" in names


def is_locked(folder: Path) -> bool:
    """Tells whether a trainer holds a run's lock; True where nobody can tell.

    It asks and never takes the lock, so a trainer that starts at this moment is not disturbed.
    """
    path = folder / "lock"
    with _PROBING:
        try:
            # Closing any handle on the file would drop a lock of this very process.
            held = _HELD.get(_identity(path.stat()))
            if held is not None and not held.closed:
                return True
            if _fcntl is None:
                return True
            with path.open("rb") as file:
                wanted = [0] * 5
                wanted[_LOCK_TYPE_AT] = _fcntl.F_WRLCK
                asked = _fcntl.fcntl(file, _fcntl.F_GETLK, struct.pack(_LOCK_LAYOUT, *wanted))
        except FileNotFoundError:
            return False
        except OSError:
            return True
    return bool(struct.unpack(_LOCK_LAYOUT, asked)[_LOCK_TYPE_AT] != _fcntl.F_UNLCK)


def now() -> str:
    """Returns the time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_bytes_atomically(path, (json.dumps(values, indent=1) + "\n").encode())


def _take_lock(path: Path) -> IO[bytes]:
    """Returns the open lock file, held until it is closed or the process ends.

    `lockf` and not `flock`: a forked DataLoader worker would keep the latter after the trainer's
    death.
    """
    file = path.open("ab")
    try:
        with _PROBING:
            if _fcntl is not None:
                _fcntl.lockf(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
            _HELD[_identity(os.fstat(file.fileno()))] = file
    except OSError as error:
        file.close()
        raise RunError(
            f"The run {path.parent} is being trained by another process; wait or stop that one."
        ) from error
    return file


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    """Returns what tells a lock file of this process from any other; a fork is another process."""
    return os.getpid(), found.st_dev, found.st_ino


_PROBING = threading.Lock()
_HELD: WeakValueDictionary[tuple[int, int, int], IO[bytes]] = WeakValueDictionary()
"""Lock files that this process holds; a process can't see its own locks."""
_LOCK_LAYOUT, _LOCK_TYPE_AT = ("hhqqi", 0) if sys.platform == "linux" else ("qqihh", 3)
"""C's `struct flock`, and where in it the lock's type stands."""

try:
    import fcntl as _fcntl
except ImportError:  # Windows has no POSIX locks; two trainers on one run are not caught there
    _fcntl = None  # type: ignore[assignment]
