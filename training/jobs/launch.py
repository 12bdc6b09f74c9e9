"""Processes: starts, stops and queues trainings with the very commands that a person would type.

A start goes into the queue of its device (`training.jobs.queue`). A worker of the device, a
detached process `python -m training queue`, runs one after the other and ends when none waits.
Neither it nor a trainer is a child that the page's server could take along.
"""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.places import short_path, workspace
from training.config import TrainConfig
from training.jobs.job import why_it_ended
from training.jobs.process import detached, lock_holder, start_detached, stop_holder, take_lock
from training.jobs.queue import Entry, Queue, device_of
from training.presets import find_preset
from training.runs.listing import list_runs
from training.runs.runlog import Cause, check_name, explain_end, is_locked, read_config, usual_name
from training.runs.summary import ALIVE

_POLL = 1.0
"""Seconds between two looks at a device that a run outside the queue is using."""
_KEPT = 4000
"""Characters of a failed trainer's output that are kept."""


def start_run(runs: Path, name: str, config: TrainConfig, preset: str = "") -> Path:
    """Puts a new run into its device's queue and returns the folder that it will have.

    Args:
        runs: Folder of all runs.
        name: The run's; empty takes the time.
        config: Its settings.
        preset: The preset that they were made from, for a shorter command.

    Raises:
        ConfigError: The name can't be a folder's.
        RunError: A run of this name exists or waits, or the folder of runs can't be written.
    """
    device = device_of(config.device)
    return _enqueue(runs, name, "", device, lambda run: fit_arguments(config, runs, run, preset))


def start_teaching(
    runs: Path, base: Path, corrected: Path, check: Sequence[Path], minutes: float
) -> Path:
    """Puts the teaching of a network into the queue and returns the folder that it will have.

    Args:
        runs: Folder of all runs.
        base: The network's checkpoint, or its run.
        corrected: Data folder of corrected photos.
        check: Data folders to compare on.
        minutes: How long to learn.

    Raises:
        RunError: The folder of runs can't be written.
    """
    words = ["teach", "--base", short_path(base), "--data", short_path(corrected)]
    for folder in check:
        words += ["--check", short_path(folder)]
    words += ["--minutes", f"{minutes:g}", *_place(runs)]
    return _enqueue(runs, "", "taught-", device_of("auto"), lambda run: [*words, "--name", run])


def resume_run(folder: Path, **lengths: Any) -> None:
    """Puts a run into the queue once more: it goes on where its last saved state is.

    Args:
        folder: The run's.
        lengths: New values of some of `training.config.CHANGEABLE`, to extend it.

    Raises:
        ConfigError: A length is out of its range.
        RunError: It is no run, runs already or waits, or the folder can't be written.
    """
    config = read_config(folder)
    config.extended(lengths)
    if is_locked(folder):
        raise RunError(f"The run {folder.name} is being trained already.")
    arguments = ["fit", "--resume", short_path(folder), *_options(lengths)]
    Queue(folder.parent).add(folder.name, device_of(config.device), arguments)
    wake(folder.parent)


def stop_run(folder: Path) -> None:
    """Tells a run's trainer to save its state and to end; only the process that holds its lock.

    Raises:
        RunError: Nobody trains it, or not on this machine.
    """
    if stop_holder(folder / "lock"):
        return
    if lock_holder(folder / "lock") is None:
        raise RunError(f"The run {folder.name} is not being trained; it may have ended just now.")
    raise RunError(
        f"Which process trains {folder.name} can't be told from here: stop it where it was "
        "started, with Ctrl-C."
    )


def fit_arguments(config: TrainConfig, runs: Path, name: str, preset: str = "") -> list[str]:
    """Returns the arguments of `python -m training` for a new run: only what is not usual."""
    named = ["--name", name] if name else []
    return ["fit", *settings_options(config, preset), *named, *_place(runs)]


def settings_options(config: TrainConfig, preset: str = "") -> list[str]:
    """Returns settings as options: the preset, and what differs from it."""
    usual = find_preset(preset).config({}) if preset else TrainConfig()
    changed = {
        field.name: getattr(config, field.name)
        for field in fields(config)
        if getattr(config, field.name) != getattr(usual, field.name)
    }
    changed["data"] = [short_path(Path(folder)) for folder in config.data]
    return [*(["--preset", preset] if preset else []), *_options(changed)]


def typed_command(arguments: Sequence[str]) -> str:
    """Returns the command line as a person would type it in the workspace."""
    return shlex.join(["python", "-m", "training", *arguments])


def wake(runs: Path) -> None:
    """Starts a worker for each device that has something to do and nobody who does it."""
    queue = Queue(runs)
    for device in {entry.device for entry in queue.waiting() + queue.begun()}:
        if lock_holder(queue.lock(device)) is None:
            command = [sys.executable, "-m", "training", "queue", "--runs", str(runs.resolve())]
            start_detached([*command, "--device", device], queue.folder / "worker.txt")


def work(runs: Path, device: str) -> None:
    """Runs what waits for a device, one after the other, until nothing does.

    Returns at once where another worker does it. A run that was started by hand is waited for.
    """
    queue = Queue(runs)
    while True:
        try:
            lock = take_lock(queue.lock(device))
        except OSError:
            return
        with lock:
            queue.put_back(device)
            while queue.waiting(device):
                if _is_busy(runs, device):
                    time.sleep(_POLL)
                elif entry := queue.take(device):
                    _run(queue, entry)
        if not queue.waiting(device):  # who asked just now found the lock taken
            return


def _run(queue: Queue, entry: Entry) -> None:
    """Runs one entry to its end and writes why it ended, where it could not say it itself."""
    folder, console = queue.folder.parent / entry.run, queue.console(entry.run)
    console.unlink(missing_ok=True)
    status = detached([sys.executable, "-m", "training", *entry.arguments], console).wait()
    said = console.read_text(encoding="utf-8", errors="replace")[-_KEPT:].strip()
    failure = why_it_ended(status, said)
    if failure and folder.is_dir():
        cause: Cause = "killed" if status == -signal.SIGKILL else ""
        explain_end(folder, "running" if status < 0 else "failed", failure, cause)
    with suppress(OSError):
        if folder.is_dir():
            with (folder / "console.txt").open("a", encoding="utf-8") as file:
                file.write(said + "\n")
    console.unlink(missing_ok=True)
    queue.done(entry.run, failure)


def _enqueue(
    runs: Path, name: str, prefix: str, device: str, arguments: Callable[[str], list[str]]
) -> Path:
    """Puts a new run into a queue and returns the folder that it will have.

    Args:
        runs: Folder of all runs.
        name: The run's; empty takes the time, and a number where that is taken.
        prefix: What stands before the time.
        device: The device's queue.
        arguments: Returns the command line for a run's name.

    Raises:
        ConfigError: The name can't be a folder's.
        RunError: A run of this name exists or waits, or the folder of runs can't be written.
    """
    queue, given = Queue(runs), name or f"{prefix}{usual_name()}"
    check_name(given)
    for number in count(1):
        run = given if number == 1 else f"{given}-{number}"
        try:
            if _is_taken(runs, run):
                raise RunError(f"There is a run {run} already; give another name.")
            queue.add(run, device, arguments(run))
            break
        except RunError:
            if name or not _is_taken(runs, run):
                raise
    wake(runs)
    return runs / run


def _place(runs: Path) -> list[str]:
    usual = runs.resolve() == workspace() / "runs"
    return [] if usual else ["--runs", short_path(runs)]


def _is_taken(runs: Path, name: str) -> bool:
    queue = Queue(runs)
    return (runs / name).exists() or name in {e.run for e in queue.waiting() + queue.begun()}


def _is_busy(runs: Path, device: str) -> bool:
    """Tells whether a run is being trained on a device, whoever started it."""
    alive = [run for run in list_runs(runs) if run.status in ALIVE]
    return any(not run.device or device_of(run.device) == device for run in alive)


def _options(changed: dict[str, Any]) -> list[str]:
    """Returns settings as options of the command line."""
    words: list[str] = []
    for name, value in changed.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            option, text = f"--{name.replace('_', '-')}", str(each)
            words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    return words
