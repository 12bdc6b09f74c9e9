"""COCO's layout: photos in folders, and JSON files that list them with the outlines on them.

Source: cocodataset.org, "Data format"; what it leaves open is decided here.
- A listed photo without an annotation of the car's classes shows no car: its mask is empty.
- A photo with such an annotation that has no outline (a box alone) counts as one without a mask.
- Crowds (`iscrowd`) are cars too.
- Photos beside listed ones that no file lists count as photos without a mask.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from core.errors import DataError, reason
from training.layouts.classes import Class, choose_classes
from training.layouts.listing import Listing, walk_pictures
from training.layouts.located import Locator, common_folder
from training.mask_source import CocoMask

_HEAD = 1 << 16  # bytes of a file that are looked at to tell what it is
_KEYS = (b'"images"', b'"annotations"', b'"categories"')


@dataclass(frozen=True)
class _File:
    """One COCO file, read."""

    path: Path
    classes: list[Class]
    photos: list[dict[str, Any]]
    annotations: dict[Any, list[dict[str, Any]]]
    """By their photo's id."""


@dataclass
class _Photo:
    """One listed photo: its size, and the outlines of its cars from all files that list it."""

    file: _File
    called: str
    height: int
    width: int
    outlines: list[Any]
    boxes: bool = False
    """Whether one of its cars has no outline."""


def recognise(root: Path) -> bool:
    """Returns whether there is a file of annotations."""
    return bool(_paths(root))


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns the listed photos, and masks made of the outlines of the wanted classes.

    Raises:
        DataError: A file is cut short or of another form, or no class is the car.
    """
    files = [file for path in _paths(root) if (file := _read(path)) is not None]
    there = sorted(set(chain.from_iterable(file.classes for file in files)))
    chosen = {name for _, name in choose_classes(root.name, there, classes)}
    pictures = sorted(walk_pictures(root))
    locator = Locator(place for place, _ in pictures)
    found, lost = _photos(root, files, chosen, locator)
    listing = Listing(
        classes=tuple(sorted(chosen)),
        all_classes=tuple(dict.fromkeys(name for _, name in there)),
    )
    shared = common_folder(found)
    folders = {place.rpartition("/")[0] for place in found}
    for place, path in pictures:
        name = place[len(shared) : place.rindex(".")]
        if place.rpartition("/")[0] not in folders:
            continue
        if listing.photos.setdefault(name, path) is not path:
            listing.doubled.append(place)
        elif place in found and not found[place].boxes:
            listing.masks[name] = _mask(found[place])
    for place, photo in lost.items():
        name = place.rpartition(".")[0]
        listing.masks[place if name in listing.photos else name] = _mask(photo)
    return listing


def _photos(
    root: Path, files: list[_File], chosen: set[str], locator: Locator
) -> tuple[dict[str, _Photo], dict[str, _Photo]]:
    """Returns the photos by their place below the root, and those not there by their file name."""
    found: dict[str, _Photo] = {}
    lost: dict[str, _Photo] = {}
    for file in files:
        numbers = {number for number, name in file.classes if name in chosen}
        folder = file.path.parent.relative_to(root).as_posix()
        for facts in file.photos:
            called = facts["file_name"]
            place = locator.find(called, "" if folder == "." else folder, file.path.stem)
            photos = found if place else lost
            photo = photos.setdefault(
                place or called, _Photo(file, called, facts["height"], facts["width"], [])
            )
            for annotation in file.annotations.get(facts["id"], ()):
                if annotation["category_id"] in numbers:
                    outline = annotation.get("segmentation")
                    photo.boxes |= not outline
                    photo.outlines += [outline] if outline else []
    return found, lost


def _mask(photo: _Photo) -> CocoMask:
    outlines = json.dumps(photo.outlines, separators=(",", ":"))
    return CocoMask(photo.file.path, photo.called, photo.height, photo.width, outlines)


def _paths(root: Path) -> list[Path]:
    """Returns the files of annotations in their usual places, sorted."""
    places = ("annotations/*.json", "*.json", "*/_annotations.coco.json")
    return [path for place in places for path in sorted(root.glob(place)) if _is_coco(path)]


def _is_coco(path: Path) -> bool:
    """Returns whether a file begins like COCO's, be it whole or not."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return any(key in head for key in _KEYS)


def _read(path: Path) -> _File | None:
    """Returns a file's content; None for one of captions or boxes alone, which draws nothing."""
    try:
        content = json.loads(path.read_bytes())
        annotations = content.get("annotations", [])
        if "categories" not in content:
            return None
        if annotations and not any("segmentation" in each for each in annotations):
            return None
        by_photo: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for each in annotations:
            by_photo[each["image_id"]].append({"category_id": each["category_id"], **each})
        classes = [(int(each["id"]), str(each["name"])) for each in content["categories"]]
        return _File(path, classes, [_checked(each) for each in content["images"]], by_photo)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is cut short or no JSON ({reason(error)}); export or copy it again."
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not of COCO's form ({type(error).__name__}: {error}); needed are images "
            "(id, file_name), annotations (image_id, category_id, segmentation) and categories "
            "(id, name)."
        ) from error


def _checked(image: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a photo's entry that counts."""
    if not isinstance(image["file_name"], str):
        raise TypeError(f"file_name {image['file_name']!r} is no text")
    sizes = {side: int(image.get(side) or 0) for side in ("height", "width")}
    return {"id": image["id"], "file_name": image["file_name"], **sizes}
