"""Evaluations that a page starts and watches: the command that a person would type, detached.

Each request has a folder in the cache: state.json (how far it is), log.txt (what it printed) and
lock (held by its process for life). They are done one after the other, so that two of them never
compute the same thing, nor take each other's processors.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from core.errors import CarmaskError, RunError
from core.files import read_json, write_bytes_atomically
from core.places import cache_folder
from training.data.folder import Reading
from training.evaluation.images import Part
from training.jobs.detached import start_detached
from training.jobs.locks import lock_holder, stop_holder, take_lock

Status = Literal["missing", "starting", "waiting", "running", "finished", "stopped", "failed"]

_ALIVE = ("starting", "waiting", "running")
_STATE, _LOG, _LOCK = "state.json", "log.txt", "lock"
_EVERY = 0.5
"""Seconds between two writings of the state, and between two looks whether it is one's turn."""
_START = 60.0
"""Seconds within which a started process must have taken its lock."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What a page asks for; two equal ones are the same job."""

    checkpoints: tuple[Path, ...]
    data: tuple[Path, ...]
    reading: Reading = field(default_factory=Reading)
    split: Path | None = None
    """A run's split.json; needed for parts other than "all"."""
    part: Part = "all"
    threshold: float | None = None
    """None takes each checkpoint's own."""
    tta: bool = False
    """Whether each is also scored with the mirrored photo."""
    ensemble: bool = False
    """Whether the mean of all checkpoints is scored, too."""
    cascade: bool = False
    """Whether the first checkpoint is scored with the second one as its fallback, and nothing
    else."""
    cost: bool = False
    """Whether speed and memory are measured, too."""
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """Where its state is kept."""
        told = json.dumps(self.arguments()).encode()
        return cache_folder() / "evaluations" / hashlib.sha256(told).hexdigest()[:24]

    def arguments(self) -> list[str]:
        """Returns the command line after `python -m training`, with whole paths."""
        words = ["evaluate", "--cascade" if self.cascade else "--checkpoint"]
        words += [str(path.resolve()) for path in self.checkpoints]
        for path in self.data:
            words += ["--data", str(path.resolve())]
        words += self.reading.arguments()
        if self.split is not None and self.part != "all":
            words += ["--split", str(self.split.resolve())]
        words += ["--part", self.part, "--device", self.device]
        words += [] if self.threshold is None else ["--threshold", str(self.threshold)]
        flags = {"--tta": self.tta, "--ensemble": self.ensemble, "--cost": self.cost}
        return words + [flag for flag, wanted in flags.items() if wanted]


@dataclass(frozen=True)
class EvaluationStatus:
    """How far a request is."""

    status: Status = "missing"
    """"missing": it was never asked for; "waiting": another one is under way."""
    done: int = 0
    """Answers known (one checkpoint's to one photo), those from before included; while costs are
    measured, rounds of that."""
    total: int = 0
    """Answers, or rounds, in all; 0 if not known yet."""
    seconds_left: float | None = None
    """None where it can't be told."""
    message: str = ""
    """Why it failed, or what to do."""

    @property
    def running(self) -> bool:
        """Whether a process works for it, or soon will."""
        return self.status in _ALIVE


def start_evaluation(request: EvaluationRequest) -> None:
    """Starts a process that evaluates, or goes on; it outlives the page's server.

    Raises:
        RunError: It is under way already, or the cache's folder can't be written.
    """
    if read_status(request).running:
        raise RunError("This evaluation is under way already; wait for it, or stop it.")
    folder = request.folder
    begun = time.time()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _LOG).unlink(missing_ok=True)
        _write(folder, {"status": "starting", "at": begun})
    except OSError as error:
        raise RunError(f"{folder} can't be written ({error}); see CARMASK_CACHE.") from error
    command = [sys.executable, "-m", "training", *request.arguments(), "--job", str(folder)]
    start_detached(command, folder / _LOG, lambda status: _explain(folder, status, begun))


def read_status(request: EvaluationRequest) -> EvaluationStatus:
    """Returns how far a request is; quick, and fit to be asked every second."""
    folder = request.folder
    state = _read(folder)
    told = EvaluationStatus(
        status=state.get("status", "missing"),
        done=int(state.get("done", 0)),
        total=int(state.get("total", 0)),
        message=str(state.get("message", "")),
    )
    if lock_holder(folder / _LOCK) is not None:
        if told.running:
            return replace(told, seconds_left=_left(state))
        return replace(told, status="running")  # its process is about to end, and has not yet
    if not told.running:
        return told
    if told.status == "starting" and time.time() - float(state.get("at", 0.0)) < _START:
        return told
    message = "It ended without a word; start it again to go on where it stopped."
    return replace(told, status="failed", message=message)


def stop_evaluation(request: EvaluationRequest) -> bool:
    """Returns whether a process was told to stop; what it has computed is kept."""
    return stop_holder(request.folder / _LOCK)


class JobState:
    """The writer of a job's state; made by `job_at`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state: dict[str, Any] = {}
        self._written = float("-inf")

    def progress(self, done: int, total: int) -> None:
        """Says how much is done of what; written twice a second at most."""
        if (self._state.get("status"), self._state.get("total")) != ("running", total):
            self._state = {"status": "running", "first": done, "since": time.time()}
        self._state |= {"done": done, "total": total, "at": time.time()}
        if time.monotonic() - self._written >= _EVERY:
            self._written = time.monotonic()
            self._write()

    def say(self, status: Status, message: str = "") -> None:
        """Says how it stands otherwise."""
        self._state |= {"status": status, "message": message, "at": time.time()}
        self._write()

    def _write(self) -> None:
        with suppress(OSError):  # a full disk: the evaluations' own files tell it
            _write(self._folder, self._state)


@contextmanager
def job_at(folder: Path) -> Iterator[JobState]:
    """Gives what a job's command says its progress to, once it is its turn.

    Raises:
        RunError: Another process works for this very job.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = JobState(folder)
    try:
        lock = take_lock(folder / _LOCK)
    except OSError as error:
        raise RunError("Another process does this evaluation; wait for it, or stop it.") from error
    with lock:
        try:
            with _turn(folder.parent / _LOCK, state):
                yield state
        except KeyboardInterrupt:
            state.say("stopped", "Stopped; start it again to go on.")
            raise
        except CarmaskError as error:
            state.say("failed", str(error))
            raise
        state.say("finished")


@contextmanager
def _turn(path: Path, state: JobState) -> Iterator[None]:
    """Waits until no other job is under way."""
    lock = _taken(path)
    if lock is None:
        state.say("waiting")
    while lock is None:
        time.sleep(_EVERY)
        lock = _taken(path)
    with lock:
        yield


def _taken(path: Path) -> IO[bytes] | None:
    try:
        return take_lock(path)
    except OSError:
        return None


def _explain(folder: Path, status: int, begun: float) -> None:
    """Says why a process, begun at a time, ended that could not say it itself."""
    state = _read(folder)
    told = status == 0 or state.get("status") not in _ALIVE
    # Meanwhile another one may have begun, or be under way.
    other = state.get("status") == "starting" and state.get("at") != begun
    if not (told or other or lock_holder(folder / _LOCK) is not None):
        lines = (folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        message = lines[-1] if lines else f"It ended with status {status}."
        with suppress(OSError):
            _write(folder, state | {"status": "failed", "message": message})


def _left(state: dict[str, Any]) -> float | None:
    """Returns the seconds that the rest takes at the pace so far."""
    try:
        fresh, passed = state["done"] - state["first"], state["at"] - state["since"]
        return float((state["total"] - state["done"]) * passed / fresh) if fresh > 0 else None
    except (KeyError, TypeError):
        return None


def _read(folder: Path) -> dict[str, Any]:
    try:
        state = read_json(folder / _STATE)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write(folder: Path, state: dict[str, Any]) -> None:
    write_bytes_atomically(folder / _STATE, (json.dumps(state) + "\n").encode())
