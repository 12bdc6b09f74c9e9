"""Which car a photo shows, the group that a split never divides: from its name or from a table.

Of a drawn set, its manifest says what the cars were drawn from.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import ConfigError, DataError, reason
from core.files import read_bytes_within, read_json
from core.names import composed, counted, first_few, shortened
from core.photos import PHOTO_SUFFIXES
from training.data import rule_process

KIND = "carmask synthetic set"
"""How the manifest of a set that `training.synthetic` drew begins."""
MANIFEST = "manifest.json"


def drawing_of(root: Path) -> str:
    """Returns the seed that a folder's cars were drawn from, as text; "" of any other folder.

    Two seeds draw other cars under the same ids.
    """
    try:
        facts = read_json(root / MANIFEST)
    except (OSError, ValueError):
        return ""
    seed = facts.get("seed") if isinstance(facts, dict) and facts.get("kind") == KIND else None
    return str(seed) if type(seed) is int else ""


RULE_SECONDS = 5.0
"""Time that a rule may take on all names together."""
_EXAMPLE = "a rule that can be used: (?P<car>[^_]+)_."


def car_of(name: str) -> str:
    """Returns the car that a photo's name says: its part before the first "_"."""
    return name.rpartition("/")[2].partition("_")[0]


def cars_by_rule(names: Iterable[str], rule: str) -> dict[str, str]:
    """Returns the car of each name; takes `RULE_SECONDS` at most, whatever the rule is.

    Args:
        names: Photos' names without suffix, with the folders before them.
        rule: Regular expression with a group named "car"; it may match anywhere in the name.

    Raises:
        ConfigError: The rule is no regular expression, has no such group, or takes too long.
        DataError: It does not fit a name, or finds an empty car there.
    """
    wanted = list(names)
    about = f"The rule for cars {shortened(rule)!r}"
    found = _searched(wanted, rule, about)
    cars = {name: car for name, car in zip(wanted, found, strict=True) if car}
    _check_all(wanted, cars, f"{about} does not fit", "Change the rule.")
    return cars


def _searched(names: Sequence[str], rule: str, about: str) -> Sequence[str | None]:
    """Returns what a rule finds in each name, by a process that ends in time."""
    answer = _answer(json.dumps([rule, names]))
    if "error" in answer:
        raise ConfigError(f"{about} {answer['error']}; {_EXAMPLE}")
    return answer["cars"]  # type: ignore[no-any-return]


@lru_cache(maxsize=8)
def _answer(given: str) -> dict[str, Any]:
    """Returns what `rule_process.search` does, or why it had no time or memory to.

    Remembered, for a page opens its data folder at each redraw and a bad rule takes all its time.

    Args:
        given: JSON of the rule and the names.
    """
    command = [sys.executable, "-I", "-S", rule_process.__file__]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=RULE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        slow = f"takes longer than {RULE_SECONDS:g} s on these names"
        return {"error": f"{slow}. Leave out repetitions within repetitions"}
    if done.returncode:
        return {"error": "can't be searched for within 1 GB of memory"}
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        return {"error": f"can't be used: {answer['error']}"}
    return answer


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
    lines: dict[str, tuple[str, int]] = {}
    try:
        text = read_bytes_within(path).decode("utf-8-sig")
        rows = csv.DictReader(StringIO(text, newline=""))
        # No message repeats what stands in the file: it may be any, and the reader another person.
        if not {"image", "car"} <= set(rows.fieldnames or ()):
            raise DataError(
                f"{path} is no table of cars: its first row lacks the columns image and car, with "
                "a comma between them."
            )
        for row in rows:
            _add_row(lines, row, rows.line_num, path.name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"The table of cars {path} can't be read ({reason(error)}); give a CSV file in UTF-8 "
            "with the columns image and car."
        ) from error
    return {name: car for name, (car, _) in lines.items()}


def _add_row(
    lines: dict[str, tuple[str, int]], row: Mapping[str, str | None], line: int, table: str
) -> None:
    image, car = (composed((row[column] or "").strip()) for column in ("image", "car"))
    name = image.replace("\\", "/").removeprefix("./")
    if PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES:
        name = name[: name.rindex(".")]
    if not name or not car:
        return  # reported as missing if the photo is there
    before, first = lines.setdefault(name, (car, line))
    if before != car:
        raise DataError(
            f"{table} gives the photo of line {first} another car in line {line}; keep one of them."
        )


def _check_all(names: Iterable[str], cars: Mapping[str, str], start: str, remedy: str) -> None:
    missing = sorted(name for name in names if name not in cars)
    if missing:
        shown = first_few(missing, 5)
        raise DataError(f"{start} {counted(len(missing), 'photo')}: {shown}. {remedy}")
