"""Which classes of a data folder are the car: those asked for, or those whose names say so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import DataError
from core.names import first_few

Class = tuple[int | str, str]
"""A class's number, or a text in place of it, and its name."""

_NAMES = frozenset({"car", "cars", "auto", "autos", "automobile", "automobiles"})
_WORDS = _NAMES | {"vehicle", "vehicles"}


def choose_classes(title: str, there: Sequence[Class], wanted: Sequence[str]) -> list[Class]:
    """Returns the classes that are the car.

    Without a wish these are the classes called car (or cars, auto, automobile); else those with
    such a word or vehicle in their name, such as "parked car"; else the only one beside the
    background.

    Args:
        title: How messages call the data.
        there: The classes to choose from.
        wanted: Names (upper and lower case alike) or numbers; empty for those called car.

    Raises:
        DataError: A wanted class is not there, or none is wanted and no name says car.
    """
    if wanted:
        return _wanted(title, there, wanted)
    there = [each for each in there if not is_background(each[1])]
    called = [each for each in there if each[1].strip().lower() in _NAMES]
    called = called or [each for each in there if says_car(each[1])]
    if called or len({name for _, name in there}) == 1:
        return called or there
    raise DataError(f"{title}: no class is called car. {_choice(there)}")


def is_background(name: str) -> bool:
    """Returns whether a class is called background, also as `_background_`."""
    return name.strip(" _").lower() == "background"


def says_car(name: str) -> bool:
    """Returns whether a class's name has car, auto, automobile or vehicle in it as a word."""
    return not _WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def _wanted(title: str, there: Sequence[Class], wanted: Sequence[str]) -> list[Class]:
    chosen: list[Class] = []
    for wish in wanted:
        text = wish.strip().lower()
        found = [each for each in there if each[1].strip().lower() == text]
        found = found or [each for each in there if str(each[0]).lower() == text]
        if not found:
            raise DataError(f"{title}: there is no class {wish!r}. {_choice(there)}")
        chosen += [each for each in found if each not in chosen]
    return chosen


def _choice(there: Sequence[Class]) -> str:
    names = list(dict.fromkeys(name for _, name in there))
    if not names:
        return "It names no class that could be; export the annotations again, with their classes."
    shown = first_few(names, 100)
    return f"Say which of its classes is the car (--class NAME, once for each); it has: {shown}."
