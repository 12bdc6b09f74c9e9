"""What an augmented set shall be, what its augment.json says, and what it holds of one photo."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.files import parse_json, read_json
from core.image import read_image
from core.names import first_few
from training.augment.recipe import Recipe
from training.data.folder import Dataset, Reading
from training.data.mask_source import MaskSource, written_mask
from training.jobs.job import LOCK, LOG, STATE

SETTINGS, MANIFEST, OWN_RECIPE = "augment.json", "manifest.jsonl", "recipe.json"
IMAGES, MASKS = "images", "masks"
FORMAT = 2
"""Rises when the same settings begin to make other files: 2 when masks were resampled as levels."""
JPEG_QUALITY = 95

_KIND = "carmask augmented set"
_BESIDE = {LOCK, STATE, LOG, OWN_RECIPE}
_LIBRARIES = ("albumentations", "opencv-python-headless", "pillow", "numpy")


@dataclass(frozen=True)
class AugmentJob:
    """What a person asks for: which data, what is done to it, where it goes."""

    data: Path
    """Folder of the photos and masks."""
    out: Path
    """Folder of the augmented set; made if it is missing."""
    per_image: int
    """Pictures made of each photo, 1 to 999."""
    recipe: Recipe
    seed: int = 0
    """0 or more."""
    size: int | None = None
    """Side in px of the square that photos become first; None keeps their size."""
    originals: bool = False
    """Whether the photo as it is (only resized) goes along, as version 0."""
    workers: int = 0
    """Processes; 0: one for each processor. Does not change what is made."""
    reading: Reading = field(default_factory=Reading)
    """How the data folder is to be read."""

    def __post_init__(self) -> None:
        for name, low, high in (("per_image", 1, 999), ("seed", 0, 2**31), ("workers", 0, 256)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value}; it must be from {low} to {high}.")
        if self.size is not None and not 16 <= self.size <= 4096:
            raise ConfigError(f"size is {self.size}; it must be from 16 to 4096 px.")

    @property
    def versions(self) -> range:
        """Numbers of the pictures of one photo; 0 is the photo itself."""
        return range(0 if self.originals else 1, self.per_image + 1)


def settings_of(job: AugmentJob, dataset: Dataset) -> dict[str, Any]:
    """Returns what augment.json says: equal settings, equal set. No times, no paths."""
    return {
        "kind": _KIND,
        "format": FORMAT,
        "source": {
            "name": dataset.name,
            "family": dataset.family,
            "layout": dataset.layout,
            "classes": list(dataset.classes),
            "photos": len(dataset.samples),
            "fingerprint": dataset.fingerprint(),
            "cars": dataset.cars_fingerprint(),
        },
        "recipe": job.recipe.to_json(),
        "seed": job.seed,
        "per_image": job.per_image,
        "originals": job.originals,
        "size": job.size,
        "images": f"JPEG, quality {JPEG_QUALITY}",
        "masks": "PNG, 0 and 255",
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def read_settings(out: Path) -> dict[str, Any] | None:
    """Returns what a folder's augment.json says; None where there is none.

    Raises:
        DataError: It can't be read, or is of another kind.
    """
    path = out / SETTINGS
    try:
        settings = read_json(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read ({error}); choose an empty folder.") from error
    if not isinstance(settings, dict) or settings.get("kind") != _KIND:
        raise DataError(f"{path} is of something else; choose an empty folder.")
    return settings


def check_folder(job: AugmentJob, settings: dict[str, Any]) -> None:
    """Makes sure that a job may write to its folder: it is new, empty, or of this very job.

    Raises:
        ConfigError: It holds a set with other settings (the message names them), or it lies in the
            data.
        DataError: It holds files that are no augmented set.
    """
    out, data = job.out.resolve(), job.data.resolve()
    if out == data or data in out.parents:
        raise ConfigError(f"{job.out} lies in the data {job.data}; choose a folder outside of it.")
    if job.out.exists() and not job.out.is_dir():
        raise DataError(f"{job.out} is a file; choose a folder.")
    found = read_settings(job.out)
    if found is None:
        names = sorted(path.name for path in job.out.iterdir()) if job.out.is_dir() else []
        foreign = [name for name in names if name not in _BESIDE and not is_temporary(name)]
        if foreign:
            raise DataError(
                f"{job.out} holds files that are of no augmented set ({first_few(foreign, 3)}); "
                "choose an empty folder."
            )
    elif found.get("format") != FORMAT:
        raise ConfigError(
            f"{job.out} was begun by another version, which makes other files from the same "
            f"settings (format {found.get('format')!r} there, {FORMAT} here). Choose another "
            "folder, or go on with the version that began it."
        )
    elif found != settings:
        raise ConfigError(
            f"{job.out} holds a set with other settings: {_differences(found, settings)}. Choose "
            "another folder, or give the settings of before to go on with it."
        )


def _differences(there: dict[str, Any], here: dict[str, Any], name: str = "") -> str:
    """Returns in words what differs between two settings."""
    found = []
    for key in sorted(there.keys() | here.keys()):
        old, new = there.get(key), here.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and key != "recipe":
            found.append(_differences(old, new, f"{key} "))
        elif key in ("fingerprint", "cars"):
            found.append(f"the source's {'files' if key == 'fingerprint' else 'cars'} are others")
        elif key == "recipe" and isinstance(old, dict) and isinstance(new, dict):
            names = [recipe.get("name") for recipe in (old, new)]
            if names[0] == names[1]:
                found.append(f"the recipe {names[0]!r} is another one of this name")
            else:
                found.append(f"recipe is {names[0]!r} there and {names[1]!r} here")
        else:
            found.append(f"{name}{key} is {old!r} there and {new!r} here")
    return "; ".join(found)


def is_temporary(name: str) -> bool:
    """Returns whether a file is one that a killed writer was about to rename."""
    return name.startswith(".") and name.endswith(".tmp")


@dataclass(frozen=True)
class WrittenVersion:
    """One picture of an augmented set."""

    version: int
    """From 1; 0 is the photo itself, only resized."""
    image_path: Path
    mask: MaskSource
    applied: tuple[tuple[str, dict[str, Any]], ...]
    """Name and drawn parameters of each transform, in order."""

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the image (H, W, 3) uint8 and its mask (H, W) bool.

        Raises:
            ImageError: The picture can't be read.
            MaskError: Its mask can't be read.
        """
        image = read_image(self.image_path)
        return image, self.mask.read((image.shape[0], image.shape[1]))


def read_versions(out: Path, source: str) -> list[WrittenVersion]:
    """Returns the versions that stand already of one photo, in their order.

    Args:
        out: Folder of the augmented set, which may still be written to.
        source: The photo's name in the dataset that it is of.
    """
    wanted = json.dumps(source).encode()
    found = []
    try:
        with (out / MANIFEST).open("rb") as file:
            for raw in file:
                line = _parsed(raw) if wanted in raw else {}
                if line.get("source") == source and "image" in line:
                    found.append(line)
    except OSError:
        return []
    return [
        WrittenVersion(
            int(line["version"]),
            out / line["image"],
            written_mask(out / line["mask"], line),
            tuple((each["transform"], each["parameters"]) for each in line["applied"]),
        )
        for line in found
    ]


def _parsed(raw: bytes) -> dict[str, Any]:
    """Returns a line of the manifest; an empty one where it is torn."""
    try:
        line = parse_json(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
