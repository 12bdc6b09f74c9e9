"""Augmented sets, as `python -m training augment` writes them, also while it still does."""

from __future__ import annotations

from pathlib import Path

from core.errors import DataError, reason
from core.files import parse_json, read_bytes_within, read_json
from core.names import composed
from training.data.layouts.listing import Listing, walk_pictures
from training.data.mask_source import written_mask

LARGEST_MANIFEST = 1 << 30
"""Bytes of a manifest that is read: over a million pictures."""


def recognise(root: Path) -> bool:
    """Returns whether its settings are there."""
    return (root / "augment.json").is_file()


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns the photos and masks that its manifest names; a torn last line is none.

    A file that is named but not there is missing among the photos or masks. One that is there but
    not named is no part of the set: it was being written when the work stopped.

    Raises:
        DataError: The settings or the manifest can't be read.
    """
    listing = Listing(family=_family(root / "augment.json"))
    photos = {composed(place): path for place, path in walk_pictures(root / "images", "images/")}
    masks = {composed(place): path for place, path in walk_pictures(root / "masks", "masks/")}
    for number, line in enumerate(_lines(root / "manifest.jsonl"), start=1):
        try:
            facts = parse_json(line)
            if "error" in facts:
                continue  # the photo could not be read, so nothing was made of it
            image, mask, car, origin = (
                composed(facts[key]) for key in ("image", "mask", "car", "source")
            )
            name = image[image.index("/") + 1 : image.rindex(".")]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{root.name}/manifest.jsonl, line {number} is damaged ({reason(error)}); write "
                "the set again with python -m training augment."
            ) from error
        listing.cars[name], listing.origins[name] = car, origin
        if image in photos:
            listing.photos[name] = photos[image]
        if mask in masks:
            listing.masks[name] = written_mask(masks[mask], facts)
    return listing


def _family(path: Path) -> str:
    """Returns the name of the data folder whose cars are in the set."""
    try:
        source = read_json(path)["source"]
        return str(source["family"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} can't be read ({reason(error)}); it must name its source. Write the set again "
            "with python -m training augment."
        ) from error


def _lines(path: Path) -> list[bytes]:
    """Returns the manifest's lines that were written to their end."""
    try:
        return read_bytes_within(path, LARGEST_MANIFEST).split(b"\n")[:-1]
    except FileNotFoundError:
        return []  # the work has only begun
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({reason(error)}); check its permissions."
        ) from error
