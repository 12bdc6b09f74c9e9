"""The label map of a folder in VOC's layout: `labelmap.txt`, as CVAT and Datumaro write it.

A line a class, `name:r,g,b:parts:actions`; the colour may be missing. The background is the label
called background, wherever it stands; else the one coloured 0,0,0, unless it is called car; and
where there is neither, black and the number 0 are the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError, reason
from core.mask_classes import Colour
from training.data.layouts.classes import is_background, says_car

BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Label:
    """A class of a label map."""

    name: str
    number: int | None
    """Its number in masks; None where the order of the labels does not tell it."""
    colour: Colour | None
    """Its colour in masks: the map's, else VOC's for its number; None where it has neither."""
    ground: bool = False
    """Whether it is the background."""

    @property
    def void(self) -> bool:
        """Whether its pixels are those that nobody judges, by its name."""
        return self.name.strip(" _").lower() in ("void", "ignore", "ignored")


def number_labels(names: Sequence[tuple[str, Colour | None]]) -> list[Label]:
    """Returns the labels of names and colours, with the background found and numbers given.

    Numbers count from 0, the background. So they are known if the background stands first, or if
    a single label, which is not the background, stands alone and so is 1. Otherwise programs
    differ: some count the lines, others move the background to the front.
    """
    called = any(is_background(name) for name, _ in names)
    grounds = [
        is_background(name) or (not called and colour == BLACK and not says_car(name))
        for name, colour in names
    ]
    first = 0 if grounds[0] else 1
    numbered = first == 0 or len(names) == 1
    labels = []
    for number, ((name, colour), ground) in enumerate(zip(names, grounds, strict=True), first):
        usual = colour_of(number) if numbered else None
        labels.append(Label(name, number if numbered else None, colour or usual, ground))
    return labels


def colour_of(number: int) -> Colour:
    """Returns the colour in which VOC draws a class: bits of the number, spread over R, G, B."""
    red = green = blue = 0
    for place in range(8):
        bits = number >> (3 * place)
        red |= (bits & 1) << (7 - place)
        green |= (bits >> 1 & 1) << (7 - place)
        blue |= (bits >> 2 & 1) << (7 - place)
    return red, green, blue


def find_label_map(root: Path) -> Path | None:
    """Returns a folder's label map, whatever the case of its name; None if it has none."""
    found = [path for path in root.iterdir() if path.name.lower() == "labelmap.txt"]
    return max(found, default=None)  # labelmap.txt itself before LabelMap.txt


def read_label_map(path: Path) -> list[Label]:
    """Returns the labels of a label map in order.

    Raises:
        DataError: It can't be read or lists no class.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        labels = [_label(line) for line in lines if line.strip() and not line.startswith("#")]
        if not labels:
            raise ValueError("it lists no class")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} can't be read ({reason(error)}); needed is a line name:r,g,b:parts:actions "
            "for each class."
        ) from error
    return number_labels(labels)


def _label(line: str) -> tuple[str, Colour | None]:
    name, _, rest = line.partition(":")
    colour = [int(text) for text in rest.partition(":")[0].split(",") if text.strip()]
    if colour and (len(colour) != 3 or not all(0 <= part <= 255 for part in colour)):
        raise ValueError(f"{line!r} has no colour of three numbers from 0 to 255")
    return name.strip(), (colour[0], colour[1], colour[2]) if colour else None
