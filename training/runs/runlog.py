"""A run's folder: the only channel between a trainer and whoever watches it.

runs/<id>/ holds config.json, environment.json, split.json, metrics.jsonl (append-only), state.json,
log.txt, lock, checkpoints/ and probes/, and for other tools metrics.csv and tensorboard/. Only this
module knows their form.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Literal

from pydantic import Field

from core.checkpoint import SUFFIX
from core.errors import CarmaskError, ConfigError, RunError, reason
from core.facts import Count
from core.files import read_facts, read_json, write_bytes_atomically
from training.config import TrainConfig
from training.data.sides import Split, load_split
from training.jobs import job
from training.jobs.process import lock_holder, take_lock
from training.runs.exports import CsvFile, EventFiles
from training.runs.summary import WrittenStatus
from training.runs.tail import Line, parse_lines

Cause = Literal["", "diverged", "memory", "killed"]


@dataclass(frozen=True)
class RunState:
    """Where a run is, as state.json says it."""

    status: WrittenStatus
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
    """Why it ended, when it failed or when another limit than its epochs ended it."""
    share: float = 0.0
    """How much of the training is done, in [0, 1]."""
    cause: Cause = ""
    """What kind of failure it was, where that is known: the loss became NaN or infinite, a step
    did not fit into the memory, or the system killed the trainer."""
    updated: str = ""
    """When this was written, ISO 8601, UTC."""


class StateFile(job.StateFile):
    """A run's state.json as it is read."""

    epoch: Count | None = None
    epochs: Count | None = None
    step: Count | None = None
    images: Count | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    cause: str = ""
    updated: str = ""


class RunLog:
    """The writer of one run's folder; holds its lock until it is closed."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        """Takes the run's lock.

        Raises:
            RunError: Another process trains it, or its folder can't be written.
        """
        self.folder = folder
        self.config = config
        self.checkpoints = folder / "checkpoints"
        self._metrics = folder / "metrics.jsonl"
        self._exports = (CsvFile(folder / "metrics.csv"), EventFiles(folder / "tensorboard"))
        with _told_as_unwritable(folder):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(folder / "lock")
            for leftover in folder.rglob(".*.tmp"):  # what a killed trainer was about to write
                leftover.unlink(missing_ok=True)
            self._log = (folder / "log.txt").open("a", encoding="utf-8")

    @property
    def training_state(self) -> Path:
        """The file with everything that a resumed trainer needs."""
        return self.checkpoints / "last.state.pt"

    @property
    def probes(self) -> Path:
        """The folder of the probes; see `training.engine.probes`."""
        return self.folder / "probes"

    def checkpoint(self, name: str) -> Path:
        """Returns the file of a checkpoint: "best", "last", ..."""
        return self.checkpoints / f"{name}{SUFFIX}"

    def write_settings(self) -> None:
        """Writes config.json: from here on the folder is a run that can be resumed."""
        _write_json(self.folder / "config.json", asdict(self.config))

    def write_config(self, environment: dict[str, Any], split: Split) -> None:
        """Writes what the run was told, where it runs and what it keeps for validation."""
        self.write_settings()
        _write_json(self.folder / "environment.json", environment)
        split.save(self.folder / "split.json")

    def append(self, line: dict[str, Any]) -> None:
        """Appends one line to metrics.jsonl, in one write, with the time of day."""
        timed = {**line, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(timed) + "\n")
        for export in self._exports:
            export.append(timed)

    def forget_after(self, step: int, epochs: int) -> None:
        """Drops the metrics that a killed trainer wrote after its last saved state.

        Args:
            step: Steps done at that state.
            epochs: Whole epochs done at that state; their lines stay.
        """
        lines = read_metrics(self.folder)
        kept = [line for line in lines if int(line["step"]) <= step and _is_done(line, epochs)]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_bytes_atomically(self._metrics, text.encode())
        for export in self._exports:
            export.rewrite(kept)

    def write_state(self, state: RunState) -> None:
        """Writes state.json; a reader sees the old one or the new one."""
        _write_json(self.folder / "state.json", {**asdict(state), "updated": now()})

    def end_before_start(self, status: WrittenStatus, message: str = "") -> None:
        """Writes how a trainer ended that never began; leaves what an earlier one wrote."""
        if not (self.folder / "state.json").is_file():
            self.write_state(RunState(status, 0, self.config.epochs, message=message))

    def say(self, text: str) -> None:
        """Appends a line with the time to log.txt."""
        self._log.write(f"{now()} {text}\n")
        self._log.flush()

    def close(self) -> None:
        """Gives the lock back."""
        for export in self._exports:
            export.close()
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


class SilentLog(RunLog):
    """The log of a process that leaves the writing to another, the holder of the lock."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        self.folder = folder
        self.config = config
        self.checkpoints = folder / "checkpoints"

    def append(self, line: dict[str, Any]) -> None:
        """Writes nothing."""

    def write_state(self, state: RunState) -> None:
        """Writes nothing, but for a failure that the other did not live to tell."""
        if state.status == "failed":
            time.sleep(0.2)  # a killed process frees its lock a little later than its connections
            explain_end(self.folder, "failed", state.message, state.cause)

    def say(self, text: str) -> None:
        """Writes nothing."""

    def close(self) -> None:
        """Holds nothing."""


def create_run(runs: Path, name: str | None, config: TrainConfig) -> RunLog:
    """Returns a new run's writer; its folder is named by the name, else by the time.

    A run of this name that failed before its first step makes room.

    Raises:
        ConfigError: The name has characters that a folder can't have.
        RunError: A run of this name exists, or the folder of runs can't be written.
    """
    run = name or usual_name()
    check_name(run)
    folder = runs / run
    with _told_as_unwritable(folder):
        if _never_began(folder):  # so that the same command, mended, can have the name
            shutil.rmtree(folder)
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            raise RunError(
                f"There is a run {folder} already. Give another --name, or go on with "
                f"--resume {folder}."
            ) from error
        log = RunLog(folder, config)
        log.write_settings()
    return log


def _never_began(folder: Path) -> bool:
    """Tells whether a folder is that of a run that failed before it had anything to lose."""
    state = read_facts(folder / "state.json", StateFile).facts
    failed = state.status == "failed" and state.step == 0
    # What it learnt, and what a person wrote about it.
    names = "metrics.jsonl", "notes.json", "checkpoints/*"
    kept = any(path for name in names for path in folder.glob(name))
    return failed and not kept and lock_holder(folder / "lock") is None


def usual_name() -> str:
    """Returns the name of a run that was given none: the time, to the second."""
    return time.strftime("%Y%m%d-%H%M%S")


def check_name(name: str) -> None:
    """Raises a ConfigError for a run's name with characters that a folder can't have."""
    if not re.fullmatch(r"[\w.-]{1,80}", name) or name.startswith("."):
        raise ConfigError(f"The name {name!r} is no folder name; use letters, digits, '-' and '_'.")


def explain_end(folder: Path, status: WrittenStatus, message: str, cause: Cause = "") -> None:
    """Writes why a trainer ended that could not say it itself; leaves what it did say.

    Args:
        folder: The run's.
        status: "failed", or "running" for one that was killed: with the lock free, it reads as
            crashed.
        message: Why.
        cause: Its kind.
    """
    end = {"status": status, "message": message, "cause": cause, "updated": now()}
    if job.explain_end(folder, end, asdict(RunState(status)), StateFile):
        with suppress(OSError), (folder / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"{now()} failed: {message}\n")


def read_config(folder: Path) -> TrainConfig:
    """Returns a run's configuration.

    Raises:
        RunError: The folder is no run, or its config.json is damaged.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise RunError(f"{folder} is not a run: it has no config.json.")
    try:
        values = read_json(path)
        if not isinstance(values, dict):
            raise ValueError("it holds no settings by name.")
        return TrainConfig.from_json(values)
    except (OSError, ValueError, TypeError, CarmaskError) as error:
        raise RunError(f"{path} can't be read: {reason(error)}") from error


def read_split(folder: Path) -> Split:
    """Returns a run's split; raises a DataError where it can't be read."""
    return load_split(folder / "split.json")


def read_metrics(folder: Path) -> list[Line]:
    """Returns a run's metrics lines in order; what does not hold is left out."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    return parse_lines(path.read_bytes())


def _is_done(line: dict[str, Any], epochs: int) -> bool:
    """Tells whether an epoch's line is of a whole epoch; a step's line always is."""
    return line.get("kind") != "epoch" or int(line.get("epoch", 0)) <= epochs


def is_own_run(names: Collection[str]) -> bool:
    """Tells from the names of a folder's files whether a trainer of ours wrote them."""
    return "metrics.jsonl" in names or "state.json" in names


def is_locked(folder: Path) -> bool:
    """Tells whether a trainer holds a run's lock; True where nobody can tell."""
    return lock_holder(folder / "lock") is not None


def now() -> str:
    """Returns the time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_bytes_atomically(path, (json.dumps(values, indent=1) + "\n").encode())


@contextmanager
def _told_as_unwritable(folder: Path) -> Iterator[None]:
    """Turns what the system says of a folder that can't be written into words."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"The run {folder} can't be written: {reason(error)}. Make room or give yourself the "
            "right to write there, then start again."
        ) from error


def _take_lock(path: Path) -> IO[bytes]:
    try:
        return take_lock(path)
    except BlockingIOError as error:
        raise RunError(
            f"The run {path.parent} is being trained by another process; wait or stop that one."
        ) from error
