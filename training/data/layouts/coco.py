"""COCO's layout: photos in folders, and JSON files that list them with the outlines on them.

Source: cocodataset.org, "Data format"; what it leaves open is decided here.
- A listed photo without an annotation of the car's classes shows no car: its mask is empty. Not so
  in a file without annotations, such as COCO's own of the test photos: it lists nothing.
- A photo with such an annotation that has no outline (a box alone) counts as one without a mask.
- Crowds (`iscrowd`) are cars too.
- Photos beside listed ones that no file lists count as photos without a mask.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.names import composed, first_few, printable
from training.data.layouts.classes import choose_classes
from training.data.layouts.coco_file import CocoFile, CocoPhoto, is_coco, read_coco
from training.data.layouts.listing import Listing, Remark, walk_pictures
from training.data.layouts.located import Found, Locator, common_folder
from training.data.layouts.matching import loosely_named
from training.data.mask_source import CocoMask


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
