"""What is finished or measured in a folder of listing photos."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.journal import Journal
from core.listing.car import CarBox

NAME = ".carmask_listing.jsonl"
_BOX = TypeAdapter(CarBox)


class ListingJournal(Journal):
    """A journal that also has the place of each car of a series."""

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        super().__init__(folder / NAME, anew=anew)

    def measured(self, photo: str, key: str) -> CarBox | None:
        """Returns where a photo's car is, None if it is to be measured."""
        known = self.known("box", photo, key)
        try:
            return _BOX.validate_python(known["box"]) if known else None
        except (ValidationError, KeyError):
            return None

    def measure(self, photo: str, key: str, box: CarBox) -> None:
        """Notes where a photo's car is."""
        self.add("box", photo, key, {"box": asdict(box) | {"cut": sorted(box.cut)}})
