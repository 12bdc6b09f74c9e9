"""Where the photos lie that a COCO file names: with or without their folder, or with a foreign one.

A name leads to a listed picture below the data folder or to none, never out of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Locator:
    """Finds pictures by the names that annotations give them."""

    def __init__(self, places: Iterable[str]) -> None:
        """Takes the paths of all pictures below the data folder, with "/"."""
        self._places = set(places)
        self._folders = sorted({place.rpartition("/")[0] for place in self._places})
        self._last_names = {_last(folder) for folder in self._folders} - {""}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for place in sorted(self._places):
            self._by_name[place.rpartition("/")[2]].append(place)
        self._likely: dict[tuple[str, str], list[str]] = {}

    def find(self, name: str, folder: str, stem: str) -> str:
        """Returns a picture's path below the data folder, "" if it isn't there.

        Looked for beside the annotations, then in the folders that their file's name says
        (`train2017/` for `instances_train2017.json`), in `images/` and at the top; then in any
        folder, if only one has it.

        Args:
            name: What the annotations call it.
            folder: Their file's folder below the data folder, "" for the top.
            stem: Their file's name without suffix.
        """
        name = name.replace("\\", "/").removeprefix("./")
        inner, _, bare = name.rpartition("/")
        likely = self._likely_folders(folder, stem)
        for tried in (name, bare):  # bare: of a name with the folders of another machine
            for way in likely:
                if way + tried in self._places:
                    return way + tried
        # Elsewhere may lie a namesake; only where there is no better place is it the photo.
        if any(way.rstrip("/") in self._folders for way in likely) or inner in self._last_names:
            return ""
        same = self._by_name.get(bare, [])
        return same[0] if len(same) == 1 else ""

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


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]
