"""Which car a photo shows, the group that a split never divides: from its name or from a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from core.errors import ConfigError, DataError, reason
from core.names import composed, first_few
from core.photos import PHOTO_SUFFIXES


def car_of(name: str) -> str:
    """Returns the car that a photo's name says: its part before the first "_"."""
    return name.rpartition("/")[2].partition("_")[0]


def cars_by_rule(names: Iterable[str], rule: str) -> dict[str, str]:
    """Returns the car of each name.

    Args:
        names: Photos' names without suffix, with the folders before them.
        rule: Regular expression with a group named "car"; it may match anywhere in the name.

    Raises:
        ConfigError: The rule is no regular expression, or has no such group.
        DataError: It does not fit a name, or finds an empty car there.
    """
    try:
        pattern = re.compile(rule)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"The rule for cars {rule!r} is no regular expression: {error}. One that is: "
            "(?P<car>[^_]+)_."
        ) from error
    if "car" not in pattern.groupindex:
        raise ConfigError(
            f"The rule for cars {rule!r} has no group named car; put (?P<car>...) around the part "
            "of the name that is the car."
        )
    found = {name: pattern.search(name) for name in names}
    cars = {name: match["car"] for name, match in found.items() if match and match["car"]}
    _check_all(found, cars, f"The rule for cars {rule!r} does not fit", "Change the rule.")
    return cars


def cars_by_table(names: Iterable[str], path: Path) -> dict[str, str]:
    """Returns the car of each name.

    Args:
        names: Photos' names without suffix, in NFC, with the folders before them.
        path: CSV file with a head row and the columns image (name with or without suffix) and
            car; other columns are not looked at.

    Raises:
        DataError: It can't be read, lacks a column or a photo, or gives a photo two cars.
    """
    table = _read_table(path)
    wanted = list(names)
    cars = {name: table[name] for name in wanted if name in table}
    _check_all(wanted, cars, f"{path.name} names no car for", "Add rows for them.")
    return cars


def _read_table(path: Path) -> dict[str, str]:
    cars: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = list(rows.fieldnames or ())
            if not {"image", "car"} <= set(columns):
                raise DataError(
                    f"{path} has the columns {columns}; needed are image and car, parted by a "
                    "comma, in its first row."
                )
            for row in rows:
                _add_row(cars, row, f"{path.name}, line {rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"The table of cars {path} can't be read ({reason(error)}); give a CSV file in UTF-8 "
            "with the columns image and car."
        ) from error
    return cars


def _add_row(cars: dict[str, str], row: Mapping[str, str | None], place: str) -> None:
    image, car = (composed((row[column] or "").strip()) for column in ("image", "car"))
    name = image.replace("\\", "/").removeprefix("./")
    if PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES:
        name = name[: name.rindex(".")]
    if not name or not car:
        return  # reported as missing if the photo is there
    if cars.setdefault(name, car) != car:
        raise DataError(
            f"{place}: {image} is of car {car!r} here and of {cars[name]!r} above; keep one row."
        )


def _check_all(names: Iterable[str], cars: Mapping[str, str], start: str, remedy: str) -> None:
    missing = sorted(name for name in names if name not in cars)
    if missing:
        shown = first_few(missing, 5)
        raise DataError(f"{start} {len(missing)} photos: {shown}. {remedy}")
