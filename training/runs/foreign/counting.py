"""Which epoch a step belongs to, in a log that counts steps alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

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
