"""Whether to rely on a mask: a network that knows what it sees says the same of the mirrored photo.

Measured by `benchmarks/doubt.py`; docs/doubt.md has the figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DOUBT_LIMIT = 0.02
"""A mask with more doubt than this comes with a warning."""
ASK_LIMIT = 0.01
"""Where the first of two networks has more doubt than this, the second one is asked."""


def disagreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns how far two answers about one photo are apart, in [0, 1].

    One minus their soft Dice, 2 sum(min(p, q)) / (sum p + sum q): 0 for equal ones, 1 where they
    share nothing, and 1 too where neither finds as much as one pixel of car.

    Args:
        one: Probability of car, float32 (H, W) in [0, 1].
        other: The other answer, of the same shape.
    """
    both = float(one.sum(dtype=np.float64) + other.sum(dtype=np.float64))
    if both < 2:
        return 1.0
    shared = float(np.minimum(one, other).sum(dtype=np.float64))
    return max(0.0, 1 - 2 * shared / both)


def advice(doubt: float, share: float) -> str:
    """Returns what a person should know before relying on a mask; "" if nothing speaks against it.

    Args:
        doubt: What `Predictor.answer` says, in [0, 1].
        share: Share of the picture that the mask takes, in [0, 1].
    """
    if not share:
        return "No car was found in this photo."
    if doubt <= DOUBT_LIMIT:
        return ""
    return (
        f"Look closely before you use this mask: of the mirrored photo the network says something "
        f"else (doubt {doubt:.1%}, usual is less than {DOUBT_LIMIT:.0%}). Perhaps there is no car "
        "in it, or it is unlike the photos that the network was trained on; another checkpoint may "
        "know better."
    )
