"""The options that say how a data folder is to be read; several commands have them."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.folder import Reading


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Declares --car-rule, --cars, --class, --inverted-masks and --leave-out."""
    parser.add_argument(
        "--car-rule",
        default="",
        metavar="RE",
        help='regular expression whose group "car" finds the car in a photo\'s name '
        '(default: the part before the first "_")',
    )
    parser.add_argument(
        "--cars", type=Path, metavar="CSV", help="file with the columns image and car"
    )
    parser.add_argument(
        "--class",
        "--classes",  # as `fit` calls it
        dest="classes",
        action="append",
        default=[],
        metavar="NAME",
        help="category (COCO) or class (VOC) that is a car, or its number or colour (64,0,128) in "
        "masks with a file each, or all; FOLDER=NAME for one data folder; give more than one to "
        "join them",
    )
    parser.add_argument(
        "--inverted-masks",
        dest="inverted",
        action="append",
        default=[],
        metavar="FOLDER",
        help="name of a data folder whose masks are the wrong way round: bright beside the car",
    )
    parser.add_argument(
        "--leave-out",
        dest="left_out",
        action="append",
        default=[],
        metavar="PHOTO",
        help="name of a photo to pass over, or FOLDER/NAME, such as one that can't be read",
    )


def reading_of(options: argparse.Namespace) -> Reading:
    """Returns how the data folders are to be read."""
    return Reading(
        classes=tuple(options.classes),
        car_rule=options.car_rule,
        cars=options.cars,
        inverted=tuple(options.inverted),
        left_out=tuple(options.left_out),
    )
