"""From the rows of a review to lists of photos, the most worthwhile first, with a reason each.

A score of 1 is the line from which a photo is suspected. What is usual is learnt from the rows
themselves, by median and median absolute deviation, so that a few wrong labels hardly move it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.uncertainty import UNCERTAINTY_LIMIT
from training.health.leaks import HASH_BITS, close_hashes
from training.review.rows import ReviewRow

ListName = Literal["parts", "edges", "siblings", "uncertain", "disagreement"]
Values: TypeAlias = NDArray[np.float64]

LEAST_WEIGHT = 0.003
"""Share of the car from which a contradicted part is suspected."""
UNUSUAL = 6.0
"""Robust standard deviations from which something is unusual."""
LEAST_OFFSET = 1.0
"""Px by which an edge must differ from what is usual, whatever the deviations."""
DIVERSE = ("uncertain", "disagreement")
"""Lists in which the views of one car, and near duplicates, are one question: one of each comes
first, then the second of each."""
_EDGE_FLOOR = LEAST_OFFSET / UNUSUAL
_FEWEST = 3
"""Sisters that a view is compared with, at least."""
_VIEWS = 5
"""Cars of which a view must be there, at least, to say what is usual for that view."""


@dataclass(frozen=True)
class Suspect:
    """A photo in a list."""

    row: ReviewRow
    score: float
    """1 and more is suspected."""
    reason: str
    """Why, in one sentence."""

    @property
    def is_suspected(self) -> bool:
        """Whether it is above the line."""
        return self.score >= 1


def suspects(rows: Sequence[ReviewRow], name: ListName) -> list[Suspect]:
    """Returns the photos of a list that have a score, highest first.

    Args:
        rows: Of one review; what is usual is learnt from all of them.
        name: "parts" and "edges" compare label and prediction, "siblings" a view with the other
            views of its car, "uncertain" a prediction with that of the mirrored photo, and
            "disagreement" those of two networks.
    """
    found = _LISTS[name]([row for row in rows if not row.error])
    found.sort(key=lambda each: (-each.score, each.row.key))
    return _one_of_each_first(found) if name in DIVERSE else found


def _parts(rows: Sequence[ReviewRow]) -> list[Suspect]:
    found = []
    for row in rows:
        if row.gross is not None:
            part, score = row.gross, row.gross.weight / LEAST_WEIGHT
            said, seen = ("no car", "car") if part.kind == "missing" else ("car", "no car")
            where = f"A part of {part.area:,} px ({part.weight:.1%} of the car)"
            sure = f"the network sees {seen} there ({part.confidence:.0%} sure)"
            found.append(Suspect(row, score, f"{where} is labelled {said}; {sure}."))
        elif row.is_scored and row.mask:
            found.append(Suspect(row, 0.0, "No part contradicts the label."))
    return found


def _edges(rows: Sequence[ReviewRow]) -> list[Suspect]:
    """Each of mean, shift and rest is compared with what is usual in the folder."""
    known = [(row, row.edge) for row in rows if row.edge is not None]
    if not known:
        return []
    mean, right, down, rest = (
        np.array([getattr(edge, field) for _, edge in known])
        for field in ("mean", "right", "down", "rest")
    )
    around, spread = _usual(mean, _EDGE_FLOOR)
    means = (mean - around) / spread
    moved = np.hypot(right - np.median(right), down - np.median(down))
    # A shift has no sign: its usual length stands for the deviation, as of a normal distribution.
    moves = moved / max(float(np.median(moved)) / 1.1774, _EDGE_FLOOR)
    ragged, spread_rest = _usual(rest, _EDGE_FLOOR)
    rests = (rest - ragged) / spread_rest
    found = []
    for place, (row, edge) in enumerate(known):
        scores = (abs(means[place]), moves[place], rests[place])
        which = int(np.argmax(scores))
        side = "outside" if edge.mean > 0 else "inside"
        reason = (
            f"The label's edge lies {abs(edge.mean):.1f} px {side} the predicted one, all around; "
            f"usual here is {around:+.1f} px.",
            f"The label is shifted by {moved[place]:.1f} px {_direction(edge.right, edge.down)} "
            "against the prediction.",
            f"The label's edge wanders by {edge.rest:.1f} px around the predicted one; usual here "
            f"are {ragged:.1f} px.",
        )[which]
        found.append(Suspect(row, float(scores[which]) / UNUSUAL, reason))
    return found


_SISTERS: Mapping[str, tuple[float, str]] = {
    "area": (0.02, "covers {:.0%} of the area that its car's other views suggest"),
    "height": (0.008, "is {:+.1%} of the photo's height off in height"),
    "centre_x": (0.008, "lies {:+.1%} of the photo's width beside where the other views suggest"),
    "centre_y": (0.008, "lies {:+.1%} of the photo's height from where the other views suggest"),
    "offset": (_EDGE_FLOOR, "has its edge {:+.1f} px off, compared with the other views"),
}
"""What views are compared by: the least deviation that counts as one, and what is said."""


def _siblings(rows: Sequence[ReviewRow]) -> list[Suspect]:
    """What is usual for a view, and then for a car, is taken off; the rest is unusual or not."""
    labelled = [row for row in rows if row.label is not None]
    if not labelled:
        return []
    cars = _groups([(row.source, row.car) for row in labelled])
    views = _groups([row.view for row in labelled])
    compared = [len(group) > _FEWEST for group in cars.values()]
    if not any(compared):
        return []
    best: dict[int, tuple[float, str]] = {}
    for name, (floor, text) in _SISTERS.items():
        values = np.array([_figure(row, name) for row in labelled])
        rest = values - _by_group(values, views, _VIEWS, leave_out="")
        rest = rest - _by_group(rest, cars, _FEWEST + 1)
        kept = np.isfinite(rest)
        if not kept.any():
            continue
        middle, spread = _usual(rest[kept], floor)
        for place in np.flatnonzero(kept).tolist():
            away = float(rest[place] - middle)
            score = abs(away) / spread / UNUSUAL
            if score > best.get(place, (-1.0, ""))[0]:
                best[place] = score, text.format(math.exp(away) if name == "area" else away)
    return [
        Suspect(labelled[place], score, f"The label {text}.")
        for place, (score, text) in best.items()
    ]


def _uncertain(rows: Sequence[ReviewRow]) -> list[Suspect]:
    known = [row for row in rows if row.uncertainty is not None]
    return [
        Suspect(
            row,
            (row.uncertainty or 0.0) / (row.limit or 1.0),
            f"The mirrored photo has another mask (uncertainty {row.uncertainty:.1%}, usually "
            f"below {row.limit:.1%}).",
        )
        for row in known
    ]


def _disagreement(rows: Sequence[ReviewRow]) -> list[Suspect]:
    return [
        Suspect(
            row,
            row.disagreement / UNCERTAINTY_LIMIT,
            f"The two networks' masks differ by {row.disagreement:.1%} (1 - soft Dice).",
        )
        for row in rows
        if row.disagreement is not None
    ]


_LISTS: Mapping[ListName, Callable[[Sequence[ReviewRow]], list[Suspect]]] = {
    "parts": _parts,
    "edges": _edges,
    "siblings": _siblings,
    "uncertain": _uncertain,
    "disagreement": _disagreement,
}


def _one_of_each_first(found: Sequence[Suspect]) -> list[Suspect]:
    """Returns the suspected ones, one of each question first, then the others likewise."""
    questions = _questions([each.row for each in found])
    turns: dict[int, int] = defaultdict(int)
    order = []
    for place, (each, question) in enumerate(zip(found, questions, strict=True)):
        order.append((not each.is_suspected, turns[question], place))
        turns[question] += 1
    return [found[place] for *_, place in sorted(order)]


def _questions(rows: Sequence[ReviewRow]) -> list[int]:
    """Returns a number for each photo, equal for views of one car and for near duplicates.

    Without a label the car is guessed from the name, where that names a view too.
    """
    question = list(range(len(rows)))

    def first(place: int) -> int:
        while question[place] != place:
            question[place] = place = question[question[place]]
        return place

    cars: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        if row.car and (row.mask or row.view):
            question[place] = cars.setdefault((row.source, row.car), place)
    hashed = [place for place, row in enumerate(rows) if row.hash]
    hashes = np.array([rows[place].hash for place in hashed], np.uint64)
    for one, other in close_hashes(hashes, HASH_BITS):
        question[first(hashed[other])] = first(hashed[one])
    return [first(place) for place in range(len(rows))]


def _usual(values: Values, floor: float) -> tuple[float, float]:
    """Returns the median, and the standard deviation by the median absolute deviation."""
    middle = float(np.median(values))
    return middle, max(1.4826 * float(np.median(np.abs(values - middle))), floor)


def _figure(row: ReviewRow, name: str) -> float:
    if name == "offset":
        return math.nan if row.edge is None else row.edge.mean
    assert row.label is not None
    return math.log(row.label.area) if name == "area" else float(getattr(row.label, name))


def _groups(keys: Sequence[object]) -> dict[object, list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        groups[key].append(place)
    return groups


def _by_group(
    values: Values,
    groups: Mapping[object, Sequence[int]],
    fewest: int,
    *,
    leave_out: object = None,
) -> Values:
    """Returns the median of each value's group; of small groups nothing: 0 for a view, nan else."""
    small = math.nan if leave_out is None else 0.0
    found = np.full(len(values), small)
    for key, places in groups.items():
        here = values[list(places)]
        here = here[np.isfinite(here)]
        if len(here) >= fewest and key != leave_out:
            found[list(places)] = np.median(here)
    return found


def _direction(right: float, down: float) -> str:
    across, along = ("right" if right > 0 else "left"), ("down" if down > 0 else "up")
    if abs(right) > 2 * abs(down):
        return f"to the {across}"
    return along if abs(down) > 2 * abs(right) else f"{along} and to the {across}"
