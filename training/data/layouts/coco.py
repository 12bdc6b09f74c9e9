"""COCO's layout: photos in folders, and JSON files that list them with the outlines on them.

Source: cocodataset.org, "Data format"; what it leaves open is decided here.
- Ids are matched by value, so 7, 7.0 and "7" are one. An annotation that belongs nowhere, or to
  several photos, is refused: it would be missing in a mask.
- A listed photo without an annotation of the car's classes shows no car: its mask is empty. Not so
  in a file without annotations, such as COCO's own of the test photos: it lists nothing.
- A photo with such an annotation that has no outline (a box alone) counts as one without a mask.
- Crowds (`iscrowd`) are cars too.
- Photos beside listed ones that no file lists count as photos without a mask.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from core.errors import DataError, reason
from core.files import read_json
from core.names import composed, first_few, printable
from training.data.layouts.listing import (
    Found,
    Listing,
    Locator,
    Remark,
    common_folder,
    loosely_named,
    walk_pictures,
)
from training.data.layouts.voc import Class, choose_classes
from training.data.mask_source import CocoMask

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


@dataclass
class _Photo:
    """One listed photo: its size, and the outlines of its cars from all files that list it."""

    file: CocoFile
    called: str
    height: int
    width: int
    outlines: list[Any] = field(default_factory=list)
    boxes: bool = False
    """Whether one of its cars has no outline."""


@dataclass(frozen=True)
class _Entry:
    """A photo in the list of a file."""

    file: CocoFile
    photo: CocoPhoto
    found: Found | None
    """Where it lies; None if it isn't there."""


def recognise(root: Path) -> bool:
    """Returns whether there is a file of annotations."""
    return bool(_paths(root))


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns the listed photos, and masks made of the outlines of the wanted classes.

    Raises:
        DataError: A file can't be used (see `read_coco`), none has outlines, a photo is listed at
            two sizes, or no class is the car.
    """
    files = _files(root)
    there = list(dict.fromkeys(chain.from_iterable(file.classes for file in files)))
    chosen = {name for _, name in choose_classes(root.name, there, classes)}
    pictures = sorted(walk_pictures(root))
    entries = _located(root, files, [place for place, _ in pictures])
    found = _photos(((each.found.place, each) for each in entries if each.found), chosen)
    lost = _photos(((each.photo.called, each) for each in entries if not each.found), chosen)
    listing = Listing(
        classes=tuple(sorted(chosen)),
        all_classes=tuple(dict.fromkeys(name for _, name in there)),
    )
    shared = common_folder(found)
    folders = {place.rpartition("/")[0] for place in found}
    names: dict[str, str] = {}
    for place, path in sorted(pictures, key=lambda each: each[0] not in found):
        if place.rpartition("/")[0] not in folders:
            continue
        names[place] = name = composed(place[len(shared) : place.rindex(".")])
        if listing.photos.setdefault(name, path) is not path:
            listing.doubled.append(printable(place))
        elif place in found and not found[place].boxes:
            listing.masks[name] = _mask(found[place])
    for called, photo in lost.items():
        name = called.rpartition(".")[0] or called
        listing.masks[called if name in listing.photos else name] = _mask(photo)
    listing.remarks = _remarks(entries, names)
    return listing


def _remarks(entries: list[_Entry], names: dict[str, str]) -> list[Remark]:
    """Returns what was taken for granted of photos; `names` has them by their places."""
    listed: Counter[tuple[Path, str]] = Counter()
    loose: dict[str, str] = {}
    for each in entries:
        if each.found:
            name = names[each.found.place]
            listed[each.file.path, name] += 1
            if each.found.loose:
                loose[name] = f"{each.photo.called} in {each.file.path.name}"
    remarks = loosely_named(loose.items())
    several = {name: f"in {path.name}" for (path, name), count in listed.items() if count > 1}
    if several:
        remarks.append(
            Remark(
                "listed_again",
                f"{len(several):,} listed under several ids",
                tuple(several),
                "The outlines of all these ids are put together. If they are of different photos, "
                "correct the file_name of each.",
                tuple(several.values()),
            )
        )
    return remarks


def _files(root: Path) -> list[CocoFile]:
    paths = _paths(root)
    files = [file for path in paths if (file := read_coco(path)) is not None]
    if not files:
        raise DataError(
            f"{first_few([str(path) for path in paths], 5)}: no outline of a car is in there, only "
            "lists, boxes or captions. Export the annotations with their outlines (segmentation)."
        )
    return files


def _located(root: Path, files: list[CocoFile], places: list[str]) -> list[_Entry]:
    """Returns all entries with what they were found at; two of different names never share it."""
    locator = Locator(places)
    entries = []
    at: dict[str, list[_Entry]] = defaultdict(list)
    for file in files:
        folder = file.path.parent.relative_to(root).as_posix()
        for photo in file.photos:
            found = locator.find(photo.called, "" if folder == "." else folder, file.path.stem)
            entries.append(_Entry(file, photo, found))
            if found:
                at[found.place].append(entries[-1])
    owners = {place: _owners(same) for place, same in at.items() if len(same) > 1}
    return [
        _Entry(each.file, each.photo, None)
        if each.found and each.photo.called not in owners.get(each.found.place, {each.photo.called})
        else each
        for each in entries
    ]


def _owners(entries: list[_Entry]) -> set[str]:
    """Returns the names, of those found at one place, that are its photo's: the best one.

    Several are it where each is its path in full; of several others none is.
    """
    ranks = [(each.found.rank, each.photo.called) for each in entries if each.found]
    best, _ = min(ranks)
    owners = {called for rank, called in ranks if rank == best}
    return owners if best == 0 or len(owners) == 1 else set()


def _photos(entries: Iterable[tuple[str, _Entry]], chosen: set[str]) -> dict[str, _Photo]:
    """Returns photos by the places that come with their entries, the outlines put together."""
    photos: dict[str, _Photo] = {}
    for place, entry in entries:
        listed = entry.photo
        photo = photos.setdefault(
            place, _Photo(entry.file, listed.called, listed.height, listed.width)
        )
        sizes = (photo.width, photo.height), (listed.width, listed.height)
        if sizes[0] != sizes[1] and all(map(all, sizes)):
            raise DataError(
                f"{photo.file.path} and {entry.file.path} list {listed.called} at two sizes, "
                f"{photo.width} x {photo.height} and {listed.width} x {listed.height} px, so they "
                "mean two photos. Name each with its folder."
            )
        cars = {number for number, name in entry.file.classes if name in chosen}
        for number, outline in listed.outlines:
            if number in cars:
                photo.boxes |= not outline
                photo.outlines += [outline] if outline else []
    return photos


def _mask(photo: _Photo) -> CocoMask:
    try:
        outlines = json.dumps(photo.outlines, separators=(",", ":"))
    except RecursionError:
        outlines = "[null]"  # refused where the mask is read
    return CocoMask(photo.file.path, photo.called, photo.height, photo.width, outlines)


def _paths(root: Path) -> list[Path]:
    """Returns the files of annotations in their usual places, sorted."""
    places = ("annotations/*.json", "*.json", "*/_annotations.coco.json")
    return [path for place in places for path in sorted(root.glob(place)) if is_coco(path)]
