"""Adds a photo and its mask to a data folder that every training can read; overwrites nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.edit_facts import EditFacts
from core.errors import DataError, MaskError, reason
from core.files import append_line, write_bytes_atomically
from core.image import encode_png
from core.names import safe_stem
from training.data.cars import car_of
from training.data.folder import open_dataset
from training.data.history import HISTORY

IMAGES, MASKS = "images", "masks"
CORRECTED = "corrected"
"""Name of the data folder that is proposed for corrected photos."""


@dataclass(frozen=True)
class Added:
    """What was written."""

    name: str
    """The photo's name in the data folder."""
    photo: Path
    mask: Path


def proposed_car(name: str) -> str:
    """Returns the car that a photo's name says, as it may stand in a data folder."""
    return car_of(safe_stem(name)) or "car"


def add_to_dataset(
    folder: Path,
    photo: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    *,
    name: str,
    car: str,
    edit: EditFacts | None = None,
) -> Added:
    """Returns the files of a photo and its mask, written as PNG without loss.

    Photos lie in `images/`, masks in `masks/`, under one name that begins with the car; a name that
    is taken gets a number. What an edit says of itself goes to `edits.jsonl` beside them.

    Args:
        folder: A data folder with images/ and masks/, or one that is to be made.
        photo: RGB (H, W, 3).
        mask: The car, bool (H, W).
        name: What people call the photo.
        car: The group that a split never divides.
        edit: The edit that the mask is of.

    Raises:
        DataError: The folder has another layout, has this photo already, or can't be written.
        MaskError: The mask has another size than the photo.
    """
    if mask.shape != photo.shape[:2]:
        raise MaskError(f"{name}: the mask is {mask.shape}, the photo {photo.shape[:2]}.")
    car = safe_stem(car.strip()).replace("_", "-")
    try:
        _check_layout(folder)
        data = encode_png(photo)
        twin = _same_photo(folder / IMAGES, data)
        if twin is not None:
            raise DataError(
                f"{name} is in {folder} already, as {twin.name}. Nothing was changed; take photo "
                "and mask out of the folder to add them anew."
            )
        for part in (IMAGES, MASKS):
            (folder / part).mkdir(parents=True, exist_ok=True)
        stem = _free_stem(folder, f"{car}_{safe_stem(name).removeprefix(f'{car}_')}")
        added = Added(stem, folder / IMAGES / f"{stem}.png", folder / MASKS / f"{stem}.png")
        # The photo last: what a full disk cuts short is no pair, and no mask without its history.
        if edit is not None:
            _write_history(folder, stem, edit)
        try:
            write_bytes_atomically(added.mask, encode_png(mask))
            write_bytes_atomically(added.photo, data)
        except OSError:
            added.mask.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(
            f"{folder} can't be written ({reason(error)}). Choose another folder, or make room."
        ) from error
    return added


def _write_history(folder: Path, name: str, edit: EditFacts) -> None:
    """Appends the line of a photo."""
    line = {"name": name, "added": datetime.now(UTC).isoformat(timespec="seconds")}
    text = json.dumps(line | {"edit": edit.model_dump(mode="json")})
    append_line(folder / HISTORY, text.encode())


def _check_layout(folder: Path) -> None:
    """Refuses a folder that holds something else than images/ and masks/."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    ours = {path.name for path in folder.iterdir()} <= {IMAGES, MASKS, HISTORY}
    parted = all((folder / part).is_dir() for part in (IMAGES, MASKS))
    if ours or (parted and open_dataset(folder, allow_empty=True).layout == "paired"):
        return
    raise DataError(
        f"{folder} holds something else than the folders images and masks. Choose a new folder."
    )


def _same_photo(folder: Path, data: bytes) -> Path | None:
    """Returns the file with the same bytes; a PNG of equal pixels has equal bytes."""
    for path in sorted(folder.glob("*.png")):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
    return None


def _free_stem(folder: Path, wanted: str) -> str:
    """Returns a name that neither a photo nor a mask has, also where case doesn't count."""
    taken = {path.stem.casefold() for part in (IMAGES, MASKS) for path in (folder / part).iterdir()}
    stem, number = wanted, 1
    while stem.casefold() in taken:
        number += 1
        stem = f"{wanted}-{number}"
    return stem
