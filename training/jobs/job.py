"""A background job: a process that works on when the page is closed, and the folder it reports in.

The folder holds state.json (how far it is, and why it ended), log.txt (what it printed) and lock
(held by its process for life). A page reads these and nothing else. "running" with a free lock
means that the process was killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Annotated, Any, Literal, cast, get_args

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from core.errors import CarmaskError, DataError, RunError, reason
from core.files import Facts, read_facts
from core.places import cache_folder
from training.jobs.process import lock_holder, start_detached, stop_holder, take_lock

Status = Literal["missing", "starting", "waiting", "running", "finished", "stopped", "failed"]
"""Of a job: "missing" was never started; "waiting" lets another one end first."""

LOCK, STATE, LOG = "lock", "state.json", "log.txt"
STOPPED = 130
"""Exit status of a process that was told to stop."""
_ALIVE = ("starting", "waiting", "running")
_EVERY = 0.5
"""Seconds between two writings of the state, and between two looks whether it is one's turn."""
_WINDOW = 20.0
"""Seconds over which the speed is taken."""
_START = 60.0
"""Seconds within which a started process must have taken its lock."""


@dataclass(frozen=True)
class JobStatus:
    """How far a job is."""

    status: Status = "missing"
    done: int = 0
    """What is done, that from before included."""
    total: int = 0
    """What there is to do in all; 0 if not known yet."""
    speed: float = 0.0
    """How many are done a second; 0 if not known."""
    seconds_left: float | None = None
    """None where it can't be told."""
    message: str = ""
    """Why it ended, if it failed; how to go on."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else its kind of job keeps in the state."""

    @property
    def running(self) -> bool:
        """Whether a process works on it, or soon will."""
        return self.status in _ALIVE

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return self.status == "finished"


class StateFile(Facts):
    """state.json as it is read: a missing field, or one that does not hold, has its default."""

    status: Annotated[str, Field(pattern="^[a-z]{0,20}$")] = ""
    """As in JobStatus, "" where nothing stands; another version may know other words."""
    message: str = ""


class _JobFile(StateFile):
    """state.json of a job that knows no more than how much is done."""

    model_config = ConfigDict(extra="allow")

    done: NonNegativeInt = 0
    total: NonNegativeInt = 0
    speed: NonNegativeFloat = 0.0
    started: float = 0.0
    """When the process was started, in seconds since 1970."""
    cancelled: float = 0.0
    """When it was stopped, if its process held no lock yet by which it could be told."""


class JobState:
    """The writer of a job's state; made by `job_at`."""

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status: Status = "starting"
        self.done = self.total = 0
        self.facts = dict(facts or {})
        self._folder = folder
        self._clock = clock
        self._written = float("-inf")
        self._seen: deque[tuple[float, int]] = deque()

    def progress(self, done: int, total: int) -> None:
        """Says how much is done of what; written twice a second at most."""
        now = self._clock()
        if total != self.total:
            self._seen.clear()
        self.status, self.done, self.total = "running", done, total
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW:
            self._seen.popleft()
        if now - self._written >= _EVERY:
            self._written = now
            self._write("")

    def say(self, status: Status, message: str = "", **facts: Any) -> None:
        """Says how it stands otherwise, and what its kind of job found."""
        self.status = status
        self.facts |= facts
        self._write(message)

    @property
    def speed(self) -> float:
        """How many were done a second, over the last 20 seconds."""
        if len(self._seen) < 2:
            return 0.0
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return max(0.0, (after - before) / (end - start)) if end > start else 0.0

    def _write(self, message: str) -> None:
        state = {"status": self.status, "message": message, "speed": round(self.speed, 4)}
        with suppress(OSError):  # a full disk: what the job itself writes tells it
            _write(self._folder, self.facts | state | {"done": self.done, "total": self.total})


@contextmanager
def job_at(
    folder: Path, facts: Mapping[str, Any] | None = None, *, turn: Path | None = None
) -> Iterator[JobState]:
    """Gives what a job reports to; its end is written by itself, whatever it is.

    Args:
        folder: The job's; made if it is missing.
        facts: What its kind keeps in the state.
        turn: A lock that one job at a time holds; the others wait for it.

    Raises:
        DataError: The folder can't be written.
        RunError: Another process works on this very job.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(folder / LOCK)
    except BlockingIOError as error:
        raise RunError(
            f"{folder} is being written by another process; wait for it, or stop it."
        ) from error
    except OSError as error:
        raise DataError(f"{folder} can't be written ({reason(error)}).") from error
    state = JobState(folder, facts)
    with lock, ExitStack() as stack:
        try:
            if time.time() - _read(folder).cancelled < _START:
                raise KeyboardInterrupt
            if turn is not None:
                stack.enter_context(_turn(turn, state))
            yield state
        except KeyboardInterrupt:
            state.say("stopped", "Stopped; start it again to go on.")
            raise
        except CarmaskError as error:
            state.say("failed", str(error))
            raise
        except Exception as error:
            state.say("failed", f"{type(error).__name__}: {error}")
            raise
        if state.status in _ALIVE:
            state.say("finished")


def job_folder(kind: str, arguments: Sequence[str]) -> Path:
    """Returns where a job of these arguments reports, in the cache; equal ones are one job."""
    key = hashlib.sha256(json.dumps(list(arguments)).encode()).hexdigest()[:24]
    return cache_folder() / kind / key


def start_job(folder: Path, arguments: Sequence[str], **facts: Any) -> None:
    """Starts the process of a job, or goes on with it; it outlives the page's server.

    Args:
        folder: The job's; made if it is missing.
        arguments: The command line after `python -m training`; it must enter `job_at(folder)`.
        facts: What its kind keeps in the state.

    Raises:
        RunError: It is under way already, or its folder can't be written.
    """
    if read_job(folder).running:
        raise RunError(f"{folder.name} is under way already; wait for it, or stop it.")
    started = time.time()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).unlink(missing_ok=True)
        _write(folder, facts | {"status": "starting", "started": started})
    except OSError as error:
        raise RunError(f"{folder} can't be written ({reason(error)}).") from error

    def explain(status: int) -> None:
        try:
            text = (folder / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:  # the folder was deleted meanwhile
            return
        # Meanwhile another process may have been started.
        if _read(folder).started in (0.0, started):
            message = why_it_ended(status, text) or "It ended before it began."
            explain_end(folder, {"status": "failed", "message": message})

    start_detached([sys.executable, "-m", "training", *arguments], folder / LOG, explain)


def read_job(folder: Path) -> JobStatus:
    """Returns how far a job is; quick, and fit to be asked every second."""
    state = _read(folder)
    status = JobStatus(
        status=cast(Status, state.status if state.status in get_args(Status) else "missing"),
        done=state.done,
        total=state.total,
        speed=state.speed,
        message=state.message,
        facts=state.model_extra or {},
    )
    # Where there are no POSIX locks, nobody can tell, and a job would be under way for ever.
    if os.name == "posix" and lock_holder(folder / LOCK) is not None:
        if not status.running:  # its process is about to end, and has not yet
            return replace(status, status="running")
        left = (state.total - state.done) / state.speed if state.speed else None
        return replace(status, seconds_left=left)
    if not status.running:
        return status
    if status.status == "starting" and time.time() - state.started < _START:
        return status
    message = "It ended without a word; start it again to go on where it stopped."
    return replace(status, status="failed", message=message)


def stop_job(folder: Path) -> bool:
    """Returns whether a job was told to stop; what it has done is kept."""
    if stop_holder(folder / LOCK):
        return True
    if read_job(folder).status != "starting":
        return False
    with suppress(OSError):
        state = _read(folder).model_dump(exclude_unset=True)
        _write(folder, state | {"status": "stopped", "cancelled": time.time()})
        return True
    return False


def explain_end(
    folder: Path,
    end: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    schema: type[StateFile] | None = None,
) -> bool:
    """Writes why a process ended that could not say it itself; leaves what it did say.

    Args:
        folder: The job's.
        end: Status and message, and what else the state is to hold.
        defaults: What the state holds where nothing stands yet.
        schema: What of the state is kept.

    Returns:
        Whether it was written.
    """
    try:
        lock = take_lock(folder / LOCK)
    except OSError:  # it goes on already, or it never began
        return False
    with lock, suppress(OSError):
        state = read_facts(folder / STATE, schema or _JobFile).facts
        if state.status in ("", *_ALIVE):
            _write(folder, {**(defaults or {}), **state.model_dump(exclude_unset=True), **end})
            return True
    return False


def why_it_ended(status: int, text: str) -> str:
    """Returns why a process ended, in words; "" where it finished or was stopped.

    Args:
        status: Its exit status, negative for a signal's number.
        text: What it printed.
    """
    if status in (0, STOPPED):
        return ""
    if status < 0:
        name = signal.Signals(-status).name
        message = f"The process was killed by signal {-status} ({name})."
        if -status == signal.SIGKILL:
            message += " Where nobody did that, the machine ran out of memory."
        return message
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [f"The process ended with status {status}."])[-1]


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


def _read(folder: Path) -> _JobFile:
    return read_facts(folder / STATE, _JobFile).facts


def _write(folder: Path, state: Mapping[str, Any]) -> None:
    """Writes by renaming; not synced, as a sync would wait for all that the job wrote before."""
    temporary = folder / f".{os.getpid()}.tmp"
    temporary.write_text(json.dumps(state) + "\n", encoding="utf-8")
    temporary.replace(folder / STATE)
