"""One COCO file, read and checked: its classes, and its photos with the outlines on them.

Source: cocodataset.org, "Data format". Ids are matched by value, so 7, 7.0 and "7" are one. An
annotation that belongs nowhere, or to several photos, is refused: it would be missing in a mask.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.files import read_json
from core.errors import DataError, reason
from core.names import composed, first_few, printable
from training.data.layouts.classes import Class

Id = int | str

_HEAD = 1 << 16  # bytes of a file that are looked at to tell what it is
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_NUMBER = re.compile(r"\s*(-?[0-9]{1,40})(?:\.0*)?\s*")
_SHOWN = 5


@dataclass(frozen=True)
class CocoPhoto:
    """A photo that a file lists."""

    called: str
    """Its name in the file, in NFC with "/" between folders."""
    height: int
    """In px; 0 if the file does not say."""
    width: int
    outlines: list[tuple[Id, Any]] = field(default_factory=list)
    """Class and "segmentation" of each annotation on it, as the file has them."""


LARGEST = 1 << 30
"""Bytes of a file that is read; that of COCO's 118,000 training photos has 470 MB."""


@dataclass(frozen=True)
class CocoFile:
    """A file of annotations."""

    path: Path
    classes: list[Class]
    photos: list[CocoPhoto]


def is_coco(path: Path) -> bool:
    """Returns whether a file begins like COCO's, be it whole or not."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return any(key in head for key in _KEYS)


def read_coco(path: Path) -> CocoFile | None:
    """Returns a file's content; None if it draws nothing: captions, boxes, or photos alone.

    Raises:
        DataError: It is cut short or of another form, an annotation names a photo or a category
            that it does not list, or an id stands for two of them.
    """
    try:
        content = read_json(path, LARGEST)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is cut short or no JSON ({reason(error)}); export or copy it again."
        ) from error
    try:
        return _parsed(path, content)
    except KeyError as error:
        raise _other_form(path, f"{error} is missing") from error
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise _other_form(path, reason(error)) from error


def _parsed(path: Path, content: dict[str, Any]) -> CocoFile | None:
    if "annotations" not in content:
        return None
    annotations = content["annotations"]
    outlined = any("segmentation" in each for each in annotations)
    if not outlined and (annotations or "categories" not in content):
        return None
    named = ((_id(each["id"]), printable(str(each["name"]))) for each in content["categories"])
    classes = _by_id(path, "categories", named)
    listed = ((_id(each["id"]), _photo(each)) for each in content["images"])
    photos = _by_id(path, "images", listed)
    strange: dict[str, list[Id]] = {"images": [], "categories": []}
    for each in annotations:
        image, category = _id(each["image_id"]), _id(each["category_id"])
        if image not in photos:
            strange["images"].append(image)
        elif category not in classes:
            strange["categories"].append(category)
        else:
            photos[image].outlines.append((category, each.get("segmentation")))
    for key, ids in strange.items():
        if ids:
            shown = first_few([repr(each) for each in dict.fromkeys(ids)], _SHOWN)
            raise DataError(
                f"{path}: {len(ids):,} of {len(annotations):,} annotations have an id that is not "
                f"among the {key}: {shown}. Their outlines would be lost. Add these {key}, "
                "correct the ids, or take the annotations out."
            )
    return CocoFile(path, list(classes.items()), list(photos.values()))


def _by_id(path: Path, key: str, entries: Iterable[tuple[Id, Any]]) -> dict[Id, Any]:
    """Returns entries by their ids; one that is repeated as it is counts once."""
    found: dict[Id, Any] = {}
    doubled = []
    for number, entry in entries:
        if found.setdefault(number, entry) != entry:
            names = [getattr(each, "called", each) for each in (found[number], entry)]
            doubled.append(f"{number!r} ({' and '.join(names)})")
    if doubled:
        raise DataError(
            f"{path}: in {key}, the same id is given to several, so which annotations are whose "
            f"can't be told ({len(doubled):,} in all): {first_few(doubled, _SHOWN)}. Give each an "
            "id of its own, or export again."
        )
    return found


def _id(value: Any) -> Id:
    """Returns an id as a number where it is one in any form, else as text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        number = _NUMBER.fullmatch(value)
        return int(number[1]) if number else value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"an id is of type {type(value).__name__}, neither a whole number nor a text")


def _photo(image: dict[str, Any]) -> CocoPhoto:
    name = image["file_name"]
    if not isinstance(name, str) or not name:
        raise TypeError(f"a file_name is of type {type(name).__name__} or empty, no text")
    height, width = (int(image.get(side) or 0) for side in ("height", "width"))
    return CocoPhoto(composed(name.replace("\\", "/").removeprefix("./")), height, width)


def _other_form(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} is not of COCO's form ({what}); needed are images (id, file_name), annotations "
        "(image_id, category_id, segmentation) and categories (id, name)."
    )
