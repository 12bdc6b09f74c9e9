"""A log that goes back: a training was resumed after a crash, or began anew in the same folder.

What was written last counts. Values at or after the place where the log goes on were trained twice
or belong to an earlier run, so they are left out, and the log's remark says so. One exception: a
single validation without any training, such as Lightning's `validate` in a trainer of its own,
ends nothing. It does not say which epoch it is of, so it is left out instead. In a log that never
tells of training it is one if no validation stands at its step.

Which epoch a step belongs to, in a log that counts steps alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one curve, as a log has it."""

    tag: str
    step: int
    value: float
    time: float = 0.0
    """Seconds since 1970."""
    trains: bool = False
    """Whether only a training writes it."""


def stretches(places: Sequence[int]) -> list[slice]:
    """Returns the parts of a sequence within which it never falls, in order."""
    falls = [at for at, (before, after) in enumerate(pairwise(places), 1) if after < before]
    return [slice(*ends) for ends in pairwise([0, *falls, len(places)])]


def rows_that_count(places: Sequence[int], trains: Sequence[bool]) -> tuple[list[int], str]:
    """Returns the indices of a table's rows that count, and a remark where some do not.

    Args:
        places: The step or epoch of each row, in the order of writing.
        trains: Whether each row holds something that only a training writes.
    """
    kept: list[int] = []
    remark = _Remark("row")
    for part in stretches(places):
        rows = range(len(places))[part]
        if not rows:
            continue
        start = places[rows[0]]
        alone = start == places[rows[-1]] and not any(trains[part])
        if (
            alone
            and kept
            and (any(trains[row] for row in kept) or start not in set(places[: part.start]))
        ):
            remark.alone.append(start)
            continue
        before = [row for row in kept if places[row] < start]
        remark.goes_back(start, len(kept) - len(before))
        kept = [*before, *rows]
    return kept, remark.text()


def points_that_count(sessions: Iterable[Sequence[Point]]) -> tuple[list[Point], str]:
    """Returns the points that count, and a remark where some do not.

    Where all sessions count steps alike, one curve that goes back ends all curves there; else each
    curve ends for itself.

    Args:
        sessions: What each session wrote, in the order of their beginnings.
    """
    kept: list[Point] = []
    last: dict[str, int] = {}
    remark = _Remark("value")
    one_clock = True
    for session in sessions:
        first = {point.tag: point.step for point in sorted(session, key=lambda each: -each.step)}
        limits = {tag: step for tag, step in first.items() if step <= last.get(tag, -1)}
        alone = len({point.step for point in session}) == 1 and not _trains(session)
        if limits and alone and (_trains(kept) or not _validates(kept, session[0].step)):
            remark.alone.append(session[0].step)
            continue
        one_clock = one_clock and len(stretches([point.step for point in session])) == 1
        if limits:
            # A single value may be a constant of the run, which every session writes at step 0.
            counts = Counter(point.tag for point in kept)
            starts = [step for tag, step in limits.items() if counts[tag] > 1]
            if starts and one_clock:
                limits = dict.fromkeys(last, min(starts)) | limits
            before = [point for point in kept if point.step < limits.get(point.tag, point.step + 1)]
            if starts:
                remark.goes_back(min(starts), len(kept) - len(before))
            kept, last = before, _last_steps(before)
        kept.extend(session)
        last |= _last_steps(session)
    return kept, remark.text()


def _last_steps(points: Iterable[Point]) -> dict[str, int]:
    return {point.tag: point.step for point in sorted(points, key=lambda each: each.step)}


def _validates(points: Sequence[Point], step: int) -> bool:
    """Tells whether curves, and not constants alone, have a value at a step."""
    counts = Counter(point.tag for point in points)
    return any(point.step == step and counts[point.tag] > 1 for point in points)


def _trains(points: Iterable[Point]) -> bool:
    return any(point.trains for point in points)


@dataclass
class _Remark:
    """What a person is to know of values that were left out."""

    what: str
    alone: list[int] = field(default_factory=list)
    """Steps of single validations."""
    _starts: list[int] = field(default_factory=list)
    _dropped: int = 0

    def goes_back(self, start: int, dropped: int) -> None:
        if dropped:
            self._starts.append(start)
            self._dropped += dropped

    def text(self) -> str:
        parts = []
        if self._starts:
            parts.append(
                f"The log goes back to {_listed(self._starts)}: resumed, or a second run in the "
                "same folder. What was written last counts; earlier values from there on are left "
                f"out ({self.what}s: {self._dropped})."
            )
        if self.alone:
            parts.append(
                f"A single validation at {_listed(self.alone)}, apart from the training, does not "
                "say which epoch it is of; it is left out."
            )
        return " ".join(parts)


def _listed(steps: Sequence[int]) -> str:
    more = " ..." if len(steps) > 5 else ""
    return f"step {', '.join(map(str, steps[:5]))}{more}"


_EPOCHS_APART = 10
"""Widest usual distance of validations at which steps may be epochs; beyond it they are batches."""
_REGULAR = 0.8
"""Share of validations that stand at a multiple of an epoch's steps where that is known."""

Steps = NDArray[np.int64]


def counts_epochs(ends: Sequence[int], trained: Sequence[int]) -> bool:
    """Tells whether a writer took the epoch for its step; where epochs are skipped, it is a guess.

    Args:
        ends: Steps of validation, sorted, without repeats.
        trained: Steps of the training's curves, sorted, without repeats; empty where there are
            none.
    """
    if not ends:
        return False
    gaps = np.diff(ends)
    if len(gaps) > 1 and np.median(gaps) <= 1:
        return True
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    first = ends[0] - (trained[0] if trained else 0)
    one_by_one = bool((np.diff(trained) == 1).all())
    return one_by_one and max(usual, first) <= _EPOCHS_APART


def number_epochs(ends: Sequence[int], steps: Sequence[int]) -> tuple[list[int], list[int]]:
    """Returns the epochs, from 1, of validations and of training steps.

    Where nearly all validations stand at multiples of one number of steps, that is an epoch's
    length, so an epoch without validation leaves its number free. Else each validation ends an
    epoch.

    Args:
        ends: Steps of validation, sorted, without repeats.
        steps: Steps of the training, any; 0 is returned for them where there are no `ends`.
    """
    found = np.asarray(steps, np.int64)
    if not ends:
        return [], [0] * len(found)
    at = np.asarray(ends, np.int64)
    gaps = np.diff(at) if len(at) > 2 else at[:0]
    lengths = [int(np.median(gaps)), int(gaps.min())] if len(gaps) else []
    for length, first in product(lengths, (0, 1)):  # some count steps from 0
        if length > 1 and np.mean((at + first) % length == 0) >= _REGULAR:
            epochs = np.maximum(np.rint((at + first) / length), 1).astype(int)
            inside = np.maximum(-(-(found + first) // length), 1)
            return epochs.tolist(), inside.tolist()
    # One more validation after the end counts one step more.
    epochs = np.cumsum(np.diff(at, prepend=-2) > 1)
    inside = np.append(epochs, epochs[-1] + 1)[np.searchsorted(at, found)]
    return epochs.tolist(), inside.tolist()
