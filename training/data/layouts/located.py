"""Where the photos lie that a COCO file names: with or without their folder, or with a foreign one.

A name leads to a listed picture below the data folder or to none, never out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from core.names import composed
from training.data.layouts.matching import bare_name, grouped

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
