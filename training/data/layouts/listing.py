"""What a layout's reader hands back, and how files are found and matched by their names.

A name leads to a listed picture below the data folder or to none, never out of it.
"""

from __future__ import annotations

import filecmp
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from core.errors import DataError, reason
from core.names import composed, is_hidden, printable
from core.photos import PHOTO_SUFFIXES
from training.data.mask_source import MaskSource

_COPY = re.compile(r"(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Remark:
    """What a reader took for granted, to be confirmed by a person."""

    kind: str
    """A word for programs."""
    title: str
    """What it is, with its count."""
    names: tuple[str, ...]
    """Where: photos by their names, or files."""
    advice: str
    """What to do if it is wrong."""
    details: tuple[str, ...] = ()
    """What was found for each name; empty if the title says it all."""


@dataclass
class Listing:
    """The photos and masks of a folder by name, before they are paired."""

    photos: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, MaskSource] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    """Files left out because another file has their name or content, below the root."""
    remarks: list[Remark] = field(default_factory=list)
    cars: dict[str, str] = field(default_factory=dict)
    """The car by name, where the layout says it."""
    origins: dict[str, str] = field(default_factory=dict)
    """The name of the photo that a photo was made from, by name."""
    family: str = ""
    """Name of the data folder that it was made from."""
    classes: tuple[str, ...] = ()
    """Classes that are the car."""
    all_classes: tuple[str, ...] = ()
    """Classes that there were to choose from."""


@dataclass(frozen=True)
class Pictures:
    """The picture files below a folder, one for each name."""

    folder: Path
    files: dict[str, Path]
    """The file by its name: its path below the folder in NFC, with "/", without suffix and mark."""
    originals: dict[str, str]
    """Of a name that says copy, such as `x (1)`: the name of what it would be a copy of."""
    doubled: list[str]
    """Files whose name another file has, by their paths below the folder's parent."""

    def place(self, name: str) -> str:
        """Returns a file's path below the folder's parent."""
        return place_of(self.files[name], self.folder)


def list_pictures(folder: Path, mark: str = "") -> Pictures:
    """Returns the pictures below a folder and all folders in it, one for each name.

    Of `x.jpg` and `x.png` the first by name stands.

    Args:
        folder: May be missing; then there are none.
        mark: What a name must end with, such as "_mask", in upper or lower case; it is taken off.
            Files without it are no masks and left out.

    Raises:
        DataError: A folder can't be read.
    """
    pictures = Pictures(folder, {}, {}, [])
    # Of two names that are one in NFC, that in NFC stands.
    for place, path in sorted(
        walk_pictures(folder), key=lambda each: (composed(each[0]) != each[0], each[0])
    ):
        stem = composed(place[: place.rindex(".")])
        name = without_ending(stem, mark)
        original = _original(stem if name is None else name)
        if name is None:  # x_mask (1): not by its name, but maybe a copy of x_mask
            name, original = stem, without_ending(original, mark) or ""
            if not original:
                continue
        if pictures.files.setdefault(name, path) is not path:
            pictures.doubled.append(place_of(path, folder))
        elif original != name:
            pictures.originals[name] = original
    return pictures


def place_of(path: Path, folder: Path) -> str:
    """Returns a path below a folder's parent, with "/", fit to be shown."""
    return printable(path.relative_to(folder.parent).as_posix())


def without_ending(name: str, ending: str) -> str | None:
    """Returns a name without its ending, whatever its case; None if it has another."""
    return name[: len(name) - len(ending)] if name.lower().endswith(ending) else None


def _original(name: str) -> str:
    """Returns a name without what says copy."""
    return _COPY.sub("", name) if " " in name or "(" in name else name


def walk_pictures(folder: Path, below: str = "") -> Iterator[tuple[str, Path]]:
    """Yields all pictures below a folder, each with its path relative to it, unsorted.

    What `is_hidden` names is left out, links to folders are not followed, and a folder is none,
    even if it is called x.jpg.

    Args:
        folder: May be missing; then there are none.
        below: What to put before each relative path.

    Raises:
        DataError: A folder can't be read.
    """
    try:
        with os.scandir(folder) as entries:
            folders = {entry.name: entry.is_symlink() for entry in entries if entry.is_dir()}
        # Paths from `iterdir` cost a quarter of those put together; it counts at 100,000.
        paths = [path for path in folder.iterdir() if not is_hidden(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DataError(
            f"The folder {folder} can't be read ({reason(error)}); check its permissions."
        ) from error
    for path in paths:
        name = path.name
        dot = name.rfind(".")
        if name in folders:
            if not folders[name]:
                yield from walk_pictures(path, f"{below}{name}/")
        elif dot > 0 and name[dot:].lower() in PHOTO_SUFFIXES:
            yield below + name, path


def match(
    photos: Pictures, masks: Pictures, source: Callable[[Path], MaskSource], ending: str = ""
) -> Listing:
    """Returns photos and masks, each mask by the name of its photo where there is one.

    Names are equal in NFC. Where none is, a mask also belongs to the photo whose name is the same
    but for upper and lower case or an inner suffix (`x.jpg.png`), if there is one such photo and
    one such mask; that is remarked.

    `x (1).jpg`, `x(1).jpg` and `x - Copy.jpg` are left out if an `x.jpg` is there that is equal
    byte for byte; of masks only if they have no photo of their own.

    Args:
        photos: The photos.
        masks: The masks.
        source: Makes the source of a mask of its file.
        ending: What a mask's name may have after that of its photo, such as "_mask".
    """
    photo_copies = _copies(photos)
    files = {name: path for name, path in photos.files.items() if name not in photo_copies}
    mask_copies = _copies(masks, but=files)
    doubled = [*photos.doubled, *masks.doubled]
    doubled += map(photos.place, photo_copies)
    doubled += map(masks.place, mask_copies)
    own = {name: name for name in masks.files if name in files}
    for name in masks.files:
        if name in own or name in mask_copies:
            continue
        short = (without_ending(name, ending) if ending else None) or name
        if own.setdefault(short, name) != name:
            doubled.append(masks.place(name))
    remarks = _match_loosely(files, own, masks)
    found = {name: source(masks.files[mask]) for name, mask in own.items()}
    return Listing(photos=files, masks=found, doubled=doubled, remarks=remarks)


def bare_name(name: str) -> str:
    """Returns a path without its picture suffix, if it has one, in lower case."""
    name = name.casefold()
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix in PHOTO_SUFFIXES else name


def grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    """Returns the names by what a key makes of them."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return found


def loosely_named(pairs: Iterable[tuple[str, str]]) -> list[Remark]:
    """Returns the remark that names agree but for case or suffix, if any do.

    Args:
        pairs: Each photo and what was matched with it.
    """
    pairs = sorted(pairs)
    if not pairs:
        return []
    return [
        Remark(
            "loose_names",
            f"{len(pairs):,} matched although names differ in upper and lower case or suffix",
            tuple(name for name, _ in pairs),
            "No other name would fit, so this guess is safe. If it is wrong, rename the files.",
            tuple(detail for _, detail in pairs),
        )
    ]


def _copies(pictures: Pictures, but: Collection[str] = ()) -> dict[str, str]:
    """Returns names that say copy, with equal bytes to the original, of all but some."""
    files = pictures.files
    return {
        name: original
        for name, original in pictures.originals.items()
        if name not in but and original in files and _equal(files[name], files[original])
    }


def _equal(first: Path, second: Path) -> bool:
    """Returns whether two files hold the same bytes; False if one can't be read."""
    try:
        return filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False


def _match_loosely(files: dict[str, Path], own: dict[str, str], masks: Pictures) -> list[Remark]:
    """Gives masks without a photo to photos without a mask, in `own`; returns what to remark."""
    pairs = []
    folds: tuple[Callable[[str], str], ...] = (str.casefold, bare_name)
    for fold in folds:
        if not (own.keys() - files.keys() and files.keys() - own.keys()):
            break
        mask_names = grouped(own, fold)
        for key, (photo, *others) in grouped(files, fold).items():
            mask, *more = mask_names.get(key, [photo])
            if mask != photo and not (others or more):
                own[photo] = own.pop(mask)
                pairs.append((photo, masks.place(own[photo])))
    return loosely_named(pairs)


_FOLDS: tuple[Callable[[str], str], ...] = (str, str.casefold, bare_name)
"""What two names share that are the same: all, all but upper and lower case, or also suffix."""


@dataclass(frozen=True)
class Found:
    """A picture that a name led to."""

    place: str
    """Its path below the data folder."""
    rank: int
    """How far the name was from the path; 0: it is the path below a likely folder."""
    loose: bool
    """Whether upper and lower case or the suffix differ."""


class Locator:
    """Finds pictures by the names that annotations give them."""

    def __init__(self, places: Iterable[str]) -> None:
        """Takes the paths of all pictures below the data folder, with "/"."""
        self._places = sorted(places)
        self._folders = sorted({composed(place.rpartition("/")[0]) for place in self._places})
        self._last_names = {_last(folder) for folder in self._folders} - {""}
        self._likely: dict[tuple[str, str], list[str]] = {}
        self._by_path = cache(self._paths_by)
        self._by_name = cache(self._names_by)

    def find(self, name: str, folder: str, stem: str) -> Found | None:
        """Returns what a name leads to, None if it isn't there.

        Looked for beside the annotations, then in the folders that their file's name says
        (`train2017/` for `instances_train2017.json`), in `images/` and at the top; then in any
        folder, if only one has it. At each of both, names may also differ in upper and lower case,
        or also in their suffix, if there is only one such picture.

        Args:
            name: What the annotations call it, in NFC with "/".
            folder: Their file's folder below the data folder, "" for the top.
            stem: Their file's name without suffix.
        """
        inner, _, bare = name.rpartition("/")
        likely = self._likely_folders(folder, stem)
        rank = 0
        for fold in _FOLDS:
            for tried in (name, bare):  # bare: of a name with the folders of another machine
                for way in likely:
                    same = self._by_path(fold).get(fold(way + tried), ())
                    if same:
                        return _only(same, rank, fold)
                rank += 1
        # Elsewhere may lie a namesake; only where there is no better place is it the photo.
        if any(way.rstrip("/") in self._folders for way in likely) or inner in self._last_names:
            return None
        for fold in _FOLDS:
            same = self._by_name(fold).get(fold(bare), ())
            if same:
                return _only(same, rank, fold)
            rank += 1
        return None

    def _paths_by(self, fold: Callable[[str], str]) -> dict[str, list[str]]:
        return grouped(self._places, lambda place: fold(composed(place)))

    def _names_by(self, fold: Callable[[str], str]) -> dict[str, list[str]]:
        return grouped(self._places, lambda place: fold(composed(_last(place))))

    def _likely_folders(self, folder: str, stem: str) -> list[str]:
        key = (folder, stem)
        if key not in self._likely:
            named = [each for each in self._folders if _last(each) and _last(each) in stem]
            named.sort(key=lambda each: (-len(_last(each)), each))
            ways = dict.fromkeys([folder, *named, "images", ""])
            self._likely[key] = [f"{way}/" if way else "" for way in ways]
        return self._likely[key]


def common_folder(places: Iterable[str]) -> str:
    """Returns the folders that all paths begin with, "a/b/", or ""."""
    shared: list[str] | None = None
    for folder in {place.rpartition("/")[0] for place in places}:
        parts = folder.split("/") if folder else []
        if shared is None:
            shared = parts
        same = [a == b for a, b in zip(shared, parts, strict=False)]
        shared = shared[: same.index(False) if False in same else len(same)]
    return "".join(f"{part}/" for part in shared or ())


def _only(places: list[str], rank: int, fold: Callable[[str], str]) -> Found | None:
    """Returns the only one of some pictures, None of several."""
    return Found(places[0], rank, fold is not str) if len(places) == 1 else None


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]
