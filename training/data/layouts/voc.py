"""Pascal VOC's layout: `JPEGImages/x.jpg` beside `SegmentationClass/x.png`, one number a class.

Source: the VOC2012 development kit, section 5 (class numbers, void 255, colours). Its label map
is `labelmap.txt`, as CVAT and Datumaro write it: a line a class, `name:r,g,b:parts:actions`, where
the colour may be missing. The background is the label called background, wherever it stands; else
the one coloured 0,0,0, unless it is called car; and where there is neither, black and the number 0
are the background.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError, reason
from core.mask_classes import VOID, Colour
from core.names import first_few
from training.data.label_mask import Known, LabelMask
from training.data.layouts.listing import Listing, Remark, list_pictures, match

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


NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
    *("chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant"),
    *("sheep", "sofa", "train", "tvmonitor"),
)
"""The classes of Pascal VOC by number."""
_LABELS = number_labels([(name, None) for name in NAMES])
_NO_BACKGROUND = Remark(
    "no_background",
    "labelmap.txt lists no background",
    ("labelmap.txt",),
    "Black (0,0,0) and the number 0 are taken for it. If something else is, add its line, such as "
    "background:255,255,255::.",
)


def recognise(root: Path) -> bool:
    """Returns whether both of its folders are there."""
    return (root / "SegmentationClass").is_dir() and suggests(root)


def suggests(root: Path) -> bool:
    """Returns whether its folder of photos is there."""
    return (root / "JPEGImages").is_dir()


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns its photos, and its masks of the wanted classes.

    The names of the classes are those of Pascal VOC, or those of a `labelmap.txt` as CVAT writes
    it.

    Raises:
        DataError: No class is the car, or `labelmap.txt` is damaged or ambiguous.
    """
    path = find_label_map(root)
    own = path is not None
    labels = _LABELS if path is None else read_label_map(path)
    there = [label for label in labels if not (label.ground or label.void)]
    extra = _nameless(labels, classes, own=own)
    chosen = choose_classes(root.name, [_class(label) for label in there + extra], classes)
    cars = [label for label in there + extra if _class(label) in chosen]
    _check_colours(root, labels, cars, sure=bool(classes))
    known = _known(labels, own=own, every=bool(extra))
    values, colours = tuple(_numbers(cars)), tuple(_colours(cars))
    listing = match(
        list_pictures(root / "JPEGImages"),
        list_pictures(root / "SegmentationClass"),
        lambda path: LabelMask(path, values, colours, known),
    )
    listing.classes = tuple(name for _, name in chosen)
    listing.all_classes = tuple(label.name for label in there + extra)
    if not any(label.ground for label in labels):
        listing.remarks.append(_NO_BACKGROUND)
    return listing


def _known(labels: Sequence[Label], *, own: bool, every: bool) -> Known:
    """Returns what may stand in masks.

    Args:
        labels: The classes.
        own: Whether they are of a label map.
        every: Whether there are numbers without a name: then any number is a class.
    """
    void = [label for label in labels if label.void]
    grounds = [label for label in labels if label.ground]
    numbers, colours = {0, *_numbers(labels)}, {*_colours(labels)}
    if every:
        numbers |= set(range(VOID))
        colours |= set() if own else set(map(colour_of, range(VOID)))
    if not _colours(grounds):
        colours.add(BLACK)
    void_numbers, void_colours = {VOID, *_numbers(void)}, {colour_of(VOID), *_colours(void)}
    return Known(
        values=frozenset(numbers | void_numbers),
        colours=frozenset(colours | void_colours),
        void_values=frozenset(void_numbers),
        void_colours=frozenset(void_colours),
        source="labelmap.txt" if own else "Pascal VOC",
        numbered=labels[0].number is not None,
    )


def _nameless(labels: Sequence[Label], classes: Sequence[str], *, own: bool) -> list[Label]:
    """Returns the wanted numbers that no label has: many sets number classes without a name."""
    numbered = labels[0].number is not None
    taken = {0, *_numbers(labels)} if numbered else set()
    wanted = [int(text) for text in classes if text.isdecimal() and len(text) < 4]
    return [
        Label(str(number), number, None if own else colour_of(number))
        for number in wanted
        if number not in taken and number < VOID
    ]


def _class(label: Label) -> Class:
    return (label.name if label.number is None else label.number), label.name


def _numbers(labels: Sequence[Label]) -> list[int]:
    return [label.number for label in labels if label.number is not None]


def _colours(labels: Sequence[Label]) -> list[Colour]:
    return [label.colour for label in labels if label.colour is not None]


def _check_colours(
    root: Path, labels: Sequence[Label], cars: Sequence[Label], *, sure: bool
) -> None:
    """Raises a DataError if a colour of the car may be something else."""
    own = set(_colours(cars))
    same = [label.name for label in labels if label not in cars and label.colour in own]
    names = " and ".join(label.name for label in cars)
    if same:
        raise DataError(
            f"{root.name}/labelmap.txt gives {names} a colour that {first_few(same, 5)} has too, "
            "so masks don't tell them apart. Give each class a colour of its own, there and in the "
            "masks."
        )
    if BLACK in own and not sure:
        raise DataError(
            f"{root.name}/labelmap.txt gives {names} the colour 0,0,0, which is the background's. "
            "Correct the file; or if black is the car in these masks, choose it (--class NAME)."
        )
