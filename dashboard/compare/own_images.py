"""A run's own validation cars: the photos that its first comparison is on."""

from __future__ import annotations

from pathlib import Path

from core.errors import CarmaskError
from core.places import workspace
from dashboard.compare.measured import ImageSet, open_set
from dashboard.compare.wanted import Wanted
from dashboard.dataset.sources import Source
from dashboard.ui.access import local_only
from training.config import TrainConfig
from training.runs.runlog import read_config
from training.teaching import CheckSet


def own_images(run: Path) -> Wanted:
    """Returns the validation cars of a run with how the run read them.

    Raises:
        CarmaskError: The run's settings, its split or its data can't be read.
    """
    config = read_config(run)
    reading = config.reading(workspace())
    images = open_set(own_sources(config), reading, "val", run / "split.json")
    return Wanted(ImageSet.of_images(images), images, "", reading)


def images_of(check: CheckSet) -> Wanted:
    """Returns the photos that a taught run is compared with its base on.

    Raises:
        CarmaskError: They or the split can't be read.
    """
    sources = [Source(folder.name, folder) for folder in check.folders]
    images = open_set(sources, check.reading, "val", check.split)
    return Wanted(ImageSet.of_images(images), images, "", check.reading)


def own_sources(config: TrainConfig) -> list[Source]:
    """Returns the data folders of a run; a relative path starts at the workspace."""
    folders = [Path(workspace(), folder) for folder in config.data]
    return [Source(folder.name, folder) for folder in folders]


def own_link(run: Path, config: TrainConfig) -> dict[str, str | list[str]]:
    """Returns what the URL of the Compare page says of a run's own validation cars."""
    sources = own_sources(config)
    words: dict[str, str | list[str]] = {
        "data": [str(source.root) for source in sources],
        "on": [source.name for source in sources],
        "dataset": sources[0].name,
        "images": "other",
        "part": "Validation",
        "split": run.name,
    }
    reading = {
        "classes": list(config.classes),
        "inverted": list(config.inverted_masks),
        "rule": [config.car_rule] if config.car_rule else [],
        "leave_out": list(config.leave_out),
    }
    return words | {word: values for word, values in reading.items() if values}


@local_only
def own_images_or_none(run: Path) -> Wanted | None:
    """Returns a run's validation cars; None where they can't be had here."""
    try:
        return own_images(run)
    except (CarmaskError, OSError):
        return None
