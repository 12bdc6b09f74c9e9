"""Where a car comes to stand in its frame, alone or through a whole series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.listing.car import CarBox
from core.listing.steps import Place

_NOTEWORTHY = 0.6
"""A car that is drawn at less than this share of the wanted width gets a note. Seen from the front
a car is two thirds as wide as from the side at the same height, which is nothing to note."""


@dataclass(frozen=True)
class Placement:
    """How a photo comes to lie in its frame; lengths are in widths of the photo and the frame."""

    scale: float
    """Widths of the frame for a width of the photo."""
    x: float
    """Where the photo's left side lies in the frame."""
    y: float
    """Where the photo's top lies in the frame."""
    grounded: bool = True
    """Whether the ground under the car is in the picture, so that it can have a shadow."""
    notes: tuple[str, ...] = ()
    """What a person should know, in whole sentences."""


@dataclass(frozen=True)
class Series:
    """What all photos of a series share."""

    box: CarBox | None = None
    """Box that holds the cars of all photos of one camera position."""
    height: float | None = None
    """Height that every car gets, in widths of the frame."""


def measure_series(step: Place | None, boxes: Sequence[CarBox], ratio: float) -> Series:
    """Returns what the photos of a series share; cars that the photo cuts don't count.

    Args:
        step: How cars are placed.
        boxes: Where they are in their photos.
        ratio: Height of the frame over its width.
    """
    if step is None or step.series == "each":
        return Series()
    whole = [box for box in boxes if not box.cut] or list(boxes)
    if not whole:
        return Series()
    if step.series == "height":
        return Series(height=min(_fitting_scale(step, box, ratio) * box.height for box in whole))
    union = CarBox(
        min(box.left for box in whole),
        min(box.top for box in whole),
        max(box.right for box in whole),
        max(box.bottom for box in whole),
        whole[0].photo_height,
    )
    return Series(box=union)


def place_car(
    step: Place | None, box: CarBox, ratio: float, series: Series | None = None
) -> Placement:
    """Returns where a photo comes to lie in its frame.

    Args:
        step: How the car is placed; None leaves it where the photo has it.
        box: Where the car is in its photo.
        ratio: Height of the frame over its width.
        series: What the photos of its series share.
    """
    grounded = "bottom" not in box.cut
    notes = [_cut_note(box.cut)] if box.cut else []
    if step is None:
        scale = min(1.0, ratio / box.photo_height)
        x, y = (1 - scale) / 2, (ratio - scale * box.photo_height) / 2
        return Placement(scale, x, y, grounded, tuple(notes))
    series = series or Series()
    if series.box is not None:
        scale = _fitting_scale(step, series.box, ratio)
        x = step.centre - scale * (series.box.left + series.box.right) / 2
        y = step.ground * ratio - scale * series.box.bottom
        return Placement(scale, x, y, grounded, tuple(notes))
    if series.height is not None:
        scale = series.height / box.height
    elif {"left", "right"} <= box.cut:
        scale = 1 / box.width
    else:
        scale = _fitting_scale(step, box, ratio)
        drawn = scale * box.width
        if drawn < _NOTEWORTHY * step.car_width:
            notes.append(
                f"The car would not fit at {step.car_width:.0%} of the frame's width; it has "
                f"{drawn:.0%}."
            )
    return _at_the_edges(step, box, ratio, scale, grounded, tuple(notes))


def _at_the_edges(
    step: Place, box: CarBox, ratio: float, scale: float, grounded: bool, notes: tuple[str, ...]
) -> Placement:
    """Returns the place of a car; a side that the photo cut comes to lie at the frame's."""
    x = step.centre - scale * (box.left + box.right) / 2
    if "left" in box.cut:
        x = -scale * box.left
    elif "right" in box.cut:
        x = 1 - scale * box.right
    y = step.ground * ratio - scale * box.bottom
    if not grounded:
        y = ratio - scale * box.bottom
    elif "top" in box.cut:
        y = -scale * box.top
    return Placement(scale, x, y, grounded, notes)


def _fitting_scale(step: Place, box: CarBox, ratio: float) -> float:
    """Returns the scale at which the car is as wide as wanted, or less where it must fit."""
    half = min(step.centre, 1 - step.centre) or 0.5
    margin = step.margin * box.width
    ground = ratio if "bottom" in box.cut else step.ground * ratio
    return min(
        step.car_width / box.width,
        half / (box.width / 2 + margin),
        ground / (box.height + margin),
    )


def _cut_note(cut: frozenset[str]) -> str:
    sides = " and ".join(side for side in ("left", "right", "top", "bottom") if side in cut)
    lost = (
        " Its wheels are not in it, so it has no shadow and no reflection."
        if "bottom" in cut
        else ""
    )
    return f"The photo cuts the car ({sides}).{lost}"
