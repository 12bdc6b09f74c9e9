"""Pascal VOC's layout: `JPEGImages/x.jpg` beside `SegmentationClass/x.png`, one number a class.

Source: the VOC2012 development kit, section 5 (class numbers, void 255, colours).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import DataError
from core.mask_classes import VOID, Colour
from core.names import first_few
from training.data.label_mask import Known, LabelMask
from training.data.layouts.classes import Class, choose_classes
from training.data.layouts.label_map import (
    BLACK,
    Label,
    colour_of,
    find_label_map,
    number_labels,
    read_label_map,
)
from training.data.layouts.listing import Listing, Remark, list_pictures
from training.data.layouts.matching import match

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
    it; see `training.data.layouts.label_map`.

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
