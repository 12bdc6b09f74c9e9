"""Pascal VOC's layout: `JPEGImages/x.jpg` beside `SegmentationClass/x.png`, one number a class.

Source: the VOC2012 development kit, section 5 (class numbers, void 255, colours).
"""

from __future__ import annotations

from pathlib import Path

from core.errors import DataError, reason
from core.mask_classes import Colour
from training.layouts.classes import Class, choose_classes
from training.layouts.listing import Listing, list_pictures
from training.mask_source import ClassMask

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
    *("chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant"),
    *("sheep", "sofa", "train", "tvmonitor"),
)
"""The classes of Pascal VOC by number."""
VOID = 255
"""What is not judged, such as the seam around an object; it is not the car."""


def recognise(root: Path) -> bool:
    """Returns whether both of its folders are there."""
    return (root / "SegmentationClass").is_dir() and suggests(root)


def suggests(root: Path) -> bool:
    """Returns whether its folder of photos is there."""
    return (root / "JPEGImages").is_dir()


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns its photos, and its masks of the wanted classes.

    The names of the classes are those of Pascal VOC, or those of a `labelmap.txt` as CVAT writes
    it (a line a class: `name:r,g,b:parts:actions`).

    Raises:
        DataError: No class is the car, or `labelmap.txt` is damaged.
    """
    labels = root / "labelmap.txt"
    known = _read_labels(labels) if labels.is_file() else [(name, None) for name in NAMES]
    there: list[Class] = [(i, name) for i, (name, _) in enumerate(known) if i > 0]
    # Sets of someone's own often number their classes without naming them.
    unnamed = [(int(text), text) for text in classes if text.isdecimal() and len(text) < 4]
    unnamed = [each for each in unnamed if len(known) <= each[0] < VOID]
    chosen = choose_classes(root.name, there + unnamed, classes)
    numbers = tuple(number for number, _ in chosen)
    given = dict(enumerate(colour for _, colour in known))
    colours = tuple(given.get(number) or colour_of(number) for number in numbers)
    photos = list_pictures(root / "JPEGImages")
    masks = list_pictures(root / "SegmentationClass")
    return Listing(
        photos=photos.files,
        masks={name: ClassMask(path, numbers, colours) for name, path in masks.files.items()},
        doubled=photos.doubled + masks.doubled,
        classes=tuple(name for _, name in chosen),
        all_classes=tuple(name for _, name in there),
    )


def colour_of(number: int) -> Colour:
    """Returns the colour in which VOC draws a class: bits of the number, spread over R, G, B."""
    red = green = blue = 0
    for place in range(8):
        bits = number >> (3 * place)
        red |= (bits & 1) << (7 - place)
        green |= (bits >> 1 & 1) << (7 - place)
        blue |= (bits >> 2 & 1) << (7 - place)
    return red, green, blue


def _read_labels(path: Path) -> list[tuple[str, Colour | None]]:
    """Returns the classes of a label map in order, each with its colour where it has one."""
    labels: list[tuple[str, Colour | None]] = []
    try:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            if line.strip() and not line.startswith("#"):
                name, _, rest = line.partition(":")
                colour = [int(text) for text in rest.partition(":")[0].split(",") if text.strip()]
                if colour and (len(colour) != 3 or not all(0 <= part <= 255 for part in colour)):
                    raise ValueError(f"{line!r} has no colour of three numbers from 0 to 255")
                labels.append((name.strip(), (colour[0], colour[1], colour[2]) if colour else None))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} can't be read ({reason(error)}); needed is a line name:r,g,b:parts:actions "
            "for each class, background first."
        ) from error
    return labels
