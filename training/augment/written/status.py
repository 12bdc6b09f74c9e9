"""How far the writing of an augmented set is; starting and stopping it from a page.

The writer keeps state.json in the set's folder. It holds times, so it is no part of the set: it
differs from one writing to the next.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CarmaskError, DataError, RunError
from training.augment.recipe import RECIPES, Recipe
from training.augment.written.folder import is_locked
from training.augment.written.settings import (
    LOCK,
    LOG,
    MANIFEST,
    OWN_RECIPE,
    SETTINGS,
    STATE,
    AugmentJob,
    check_folder,
    read_settings,
    settings_of,
)
from training.data.folder import Reading, open_dataset
from training.jobs.detached import start_detached
from training.jobs.locks import stop_holder

_EVERY = 0.5
"""Seconds between two writings of state.json."""
_WINDOW = 20.0
"""Seconds over which the speed is taken."""
_START = 60.0
"""Seconds within which a started process must have taken its lock."""


@dataclass(frozen=True)
class AugmentStatus:
    """How far an augmented set is."""

    done: int = 0
    """Pictures done; those of photos that can't be read count as done."""
    total: int = 0
    """Pictures in all; 0 if not known yet."""
    running: bool = False
    """Whether a process writes it, or is just starting to."""
    images_per_second: float = 0.0
    seconds_left: float | None = None
    """None where it can't be told."""
    status: str = "missing"
    """"missing" (no set there), "starting", "running", "finished", "stopped" or "failed"."""
    message: str = ""
    """Why it ended, if it failed; how to go on."""
    data: str = ""
    """The source's folder on this machine, "" if not known."""

    @property
    def finished(self) -> bool:
        """Whether the whole set is there."""
        return self.status == "finished"


class StateFile:
    """The writer of state.json."""

    def __init__(
        self, job: AugmentJob, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = job.out / STATE
        self._about = _about(job)
        self._total = total
        self._clock = clock
        self._written = float("-inf")
        self._seen: deque[tuple[float, int]] = deque()

    def running(self, done: int) -> None:
        """Says how many pictures are done; written twice a second at most."""
        now = self._clock()
        self._seen.append((now, done))
        while self._seen[0][0] < now - _WINDOW:
            self._seen.popleft()
        if now - self._written >= _EVERY:
            self._written = now
            self._write("running", done, "")

    def ended(self, status: str, done: int, message: str = "") -> None:
        """Says how it ended: "finished", "stopped" or "failed"."""
        self._write(status, done, message)

    @property
    def speed(self) -> float:
        """Pictures a second over the last 20 seconds."""
        if len(self._seen) < 2:
            return 0.0
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def _write(self, status: str, done: int, message: str) -> None:
        speed = self.speed
        left = (self._total - done) / speed if speed and status == "running" else None
        state = self._about | {
            "status": status,
            "done": done,
            "total": self._total,
            "images_per_second": round(speed, 2),
            "seconds_left": left if left is None else round(left, 1),
            "message": message,
        }
        with suppress(OSError):  # a full disk: the pictures tell it
            _write_state(self._path, state)


def read_status(out: Path) -> AugmentStatus:
    """Returns how far an augmented set is; quick, and fit to be asked every second."""
    state, locked = _read_state(out), is_locked(out)
    known = {k: state[k] for k in AugmentStatus.__dataclass_fields__ if k in state}
    if locked:
        return AugmentStatus(**known | {"status": "running", "running": True})
    if state.get("status") == "starting" and time.time() - state.get("at", 0.0) < _START:
        return AugmentStatus(**known | {"running": True})
    try:
        settings = read_settings(out)
    except CarmaskError as error:
        return AugmentStatus(status="failed", message=str(error))
    if settings is not None:
        versions = settings["per_image"] + settings["originals"]
        known |= {"total": settings["source"]["photos"] * versions}
        known |= {"done": _done(out / MANIFEST, versions)}
    elif not state:
        return AugmentStatus()
    ended = state.get("status", "stopped")
    if known.get("total") and known["done"] >= known["total"]:
        ended = "finished"
    elif ended in ("starting", "running", "finished"):
        ended = "stopped" if ended == "finished" else "failed"
        known["message"] = "It ended without a word; start it again to go on."
    return AugmentStatus(**known | {"status": ended, "seconds_left": None, "running": False})


def augment_command(job: AugmentJob, recipe: str) -> list[str]:
    """Returns the command that a person would type for a job, with whole paths.

    Args:
        job: What to make.
        recipe: The recipe's name, or the path of its JSON file.
    """
    command = [sys.executable, "-m", "training", "augment", "--data", str(job.data.resolve())]
    command += ["--out", str(job.out.resolve()), "--per-image", str(job.per_image)]
    command += ["--recipe", recipe, "--seed", str(job.seed)]
    command += ["--size", str(job.size)] if job.size else []
    command += ["--workers", str(job.workers)] if job.workers else []
    command += ["--originals"] if job.originals else []
    return command + job.reading.arguments()


def start_augment(job: AugmentJob) -> None:
    """Starts a process of its own that writes a set, or goes on with it; see `read_status`.

    It outlives the page's server. What it prints is in out/log.txt; a recipe that ships not is
    kept in out/recipe.json.

    Raises:
        ConfigError: The folder holds a set with other settings.
        DataError: The data can't be opened, or the folder holds other files.
        RunError: It is being written already.
    """
    check_folder(job, settings_of(job, open_dataset(job.data, job.reading)))
    if read_status(job.out).running:
        raise RunError(f"{job.out} is being written already; wait for it, or stop it.")
    job.out.mkdir(parents=True, exist_ok=True)
    recipe = job.recipe.name
    if RECIPES.get(recipe) != job.recipe:
        recipe = str(job.out.resolve() / OWN_RECIPE)
        job.recipe.save(Path(recipe))
    _write_state(job.out / STATE, _about(job) | {"status": "starting", "at": time.time()})
    start_detached(
        augment_command(job, recipe), job.out / LOG, lambda status: _explain(job.out, status)
    )


def job_of(out: Path) -> AugmentJob:
    """Returns the job that a set's folder was last written by, to go on with it.

    Raises:
        DataError: The folder does not say it.
    """
    state, settings = _read_state(out), read_settings(out)
    try:
        if settings is None:
            raise KeyError(SETTINGS)
        reading = state["reading"]
        return AugmentJob(
            data=Path(state["data"]),
            out=out,
            per_image=settings["per_image"],
            recipe=Recipe.from_json(settings["recipe"]),
            seed=settings["seed"],
            size=settings["size"],
            originals=settings["originals"],
            workers=state["workers"],
            reading=Reading(
                tuple(reading["classes"]),
                reading["car_rule"],
                Path(reading["cars"]) if reading["cars"] else None,
                tuple(reading.get("inverted", ())),
            ),
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{out} does not say what it was made from ({error} is missing)."
        ) from error


def stop_augment(out: Path) -> bool:
    """Returns whether a running writer was told to stop; it keeps what it has made."""
    return stop_holder(out / LOCK)


def _about(job: AugmentJob) -> dict[str, Any]:
    """Returns what augment.json keeps no word of: where the data lies, and how it is read."""
    reading = job.reading
    return {
        "data": str(job.data.resolve()),
        "workers": job.workers,
        "reading": {
            "classes": list(reading.classes),
            "car_rule": reading.car_rule,
            "cars": str(reading.cars.resolve()) if reading.cars else "",
            "inverted": list(reading.inverted),
        },
    }


def _explain(out: Path, status: int) -> None:
    """Says why a process ended that never began to write."""
    state = _read_state(out)
    if state.get("status") == "starting":
        lines = (out / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        message = lines[-1] if lines else f"It ended with status {status}."
        with suppress(OSError):
            _write_state(out / STATE, state | {"status": "failed", "message": message})


def _done(manifest: Path, versions: int) -> int:
    """Returns how many pictures a manifest tells of, without parsing it."""
    try:
        data = manifest.read_bytes()
    except OSError:
        return 0
    images = data.count(b'\n{"image"') + data.startswith(b'{"image"')
    failed = data.count(b'\n{"source"') + data.startswith(b'{"source"')
    return images + failed * versions


def _read_state(out: Path) -> dict[str, Any]:
    try:
        state = json.loads((out / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write_state(path: Path, state: dict[str, Any]) -> None:
    """Writes by renaming; not synced, as a sync would wait for all pictures written before."""
    temporary = path.with_name(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(state) + "\n", encoding="utf-8")
    temporary.replace(path)
