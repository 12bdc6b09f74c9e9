"""The writing of an augmented set as a background job: starting, watching and stopping it.

The set's folder is the job's. Its state.json is no part of the set: it differs from one writing to
the next.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.errors import CarmaskError, DataError, RunError
from training.augment.recipe import RECIPES, Recipe
from training.augment.written.settings import (
    MANIFEST,
    OWN_RECIPE,
    SETTINGS,
    AugmentJob,
    check_folder,
    read_settings,
    settings_of,
)
from training.data.folder import Reading, open_dataset
from training.jobs.job import JobStatus, read_job, start_job, stop_job


def read_status(out: Path) -> JobStatus:
    """Returns how far an augmented set is, in pictures; those that can't be read count as done."""
    status = read_job(out)
    if status.running:
        return status
    try:
        settings = read_settings(out)
    except CarmaskError as error:
        return JobStatus(status="failed", message=str(error))
    if settings is None:
        return status
    # The manifest says more than the state: that one may be missing, or of an earlier writing.
    versions = settings["per_image"] + settings["originals"]
    total, done = settings["source"]["photos"] * versions, _done(out / MANIFEST, versions)
    status = replace(status, done=done, total=total)
    if total and done >= total:
        return replace(status, status="finished")
    return replace(status, status="failed" if status.status == "failed" else "stopped")


def augment_command(job: AugmentJob, recipe: str) -> list[str]:
    """Returns the command that a person would type for a job, with whole paths.

    Args:
        job: What to make.
        recipe: The recipe's name, or the path of its JSON file.
    """
    return [sys.executable, "-m", "training", *_arguments(job, recipe)]


def start_augment(job: AugmentJob) -> None:
    """Starts a process of its own that writes a set, or goes on with it; see `read_status`.

    A recipe that does not ship with the program is kept in out/recipe.json.

    Raises:
        ConfigError: The folder holds a set with other settings.
        DataError: The data can't be opened, or the folder holds other files.
        RunError: It is being written already, or the folder can't be.
    """
    check_folder(job, settings_of(job, open_dataset(job.data, job.reading)))
    if read_status(job.out).running:
        raise RunError(f"{job.out} is being written already; wait for it, or stop it.")
    job.out.mkdir(parents=True, exist_ok=True)
    recipe = job.recipe.name
    if RECIPES.get(recipe) != job.recipe:
        recipe = str(job.out.resolve() / OWN_RECIPE)
        job.recipe.save(Path(recipe))
    start_job(job.out, _arguments(job, recipe), **facts_of(job))


def job_of(out: Path) -> AugmentJob:
    """Returns the job that a set's folder was last written by, to go on with it.

    Raises:
        DataError: The folder does not say it.
    """
    facts, settings = read_job(out).facts, read_settings(out)
    try:
        if settings is None:
            raise KeyError(SETTINGS)
        reading = facts["reading"]
        return AugmentJob(
            data=Path(facts["data"]),
            out=out,
            per_image=settings["per_image"],
            recipe=Recipe.from_json(settings["recipe"]),
            seed=settings["seed"],
            size=settings["size"],
            originals=settings["originals"],
            workers=facts["workers"],
            reading=Reading(
                tuple(reading["classes"]),
                reading["car_rule"],
                Path(reading["cars"]) if reading["cars"] else None,
                tuple(reading.get("inverted", ())),
                tuple(reading.get("left_out", ())),
            ),
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{out} does not say what it was made from ({error} is missing)."
        ) from error


def stop_augment(out: Path) -> bool:
    """Returns whether a running writer was told to stop; it keeps what it has made."""
    return stop_job(out)


def facts_of(job: AugmentJob) -> dict[str, Any]:
    """Returns what augment.json keeps no word of: where the data lies, and how it is read."""
    cars = str(job.reading.cars.resolve()) if job.reading.cars else ""
    return {
        "data": str(job.data.resolve()),
        "workers": job.workers,
        "reading": asdict(job.reading) | {"cars": cars},
    }


def _arguments(job: AugmentJob, recipe: str) -> list[str]:
    """Returns the command line after `python -m training`."""
    words = ["augment", "--data", str(job.data.resolve()), "--out", str(job.out.resolve())]
    words += ["--per-image", str(job.per_image), "--recipe", recipe, "--seed", str(job.seed)]
    words += ["--size", str(job.size)] if job.size else []
    words += ["--workers", str(job.workers)] if job.workers else []
    words += ["--originals"] if job.originals else []
    return words + job.reading.arguments()


def _done(manifest: Path, versions: int) -> int:
    """Returns how many pictures a manifest tells of, without parsing it."""
    try:
        data = manifest.read_bytes()
    except OSError:
        return 0
    images = data.count(b'\n{"image"') + data.startswith(b'{"image"')
    failed = data.count(b'\n{"source"') + data.startswith(b'{"source"')
    return images + failed * versions
