"""Whether to rely on a mask: a network that knows what it sees predicts the mirrored photo alike.

Measured by `benchmarks/doubt.py`; docs/doubt.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from core.facts import STRICT, Share

MaskState: TypeAlias = Literal["ready", "check", "no car"]
"""Whether a mask can be used as it is, should be looked at first, or found nothing."""

UNCERTAINTY_LIMIT = 0.02
"""A mask with more uncertainty than this comes with a warning, unless its checkpoint has a limit of
its own."""
FALLBACK_LIMIT = 0.01
"""Where the first network of a cascade has more uncertainty than this, its fallback predicts."""


@dataclass(frozen=True)
class Limits:
    """What a checkpoint's uncertainty means; measured by `python -m training calibrate`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    check: Share = UNCERTAINTY_LIMIT
    """A mask with more uncertainty than this comes with a warning."""
    no_car: Share = 1.0
    """With more uncertainty than this, what the network found is taken for no car."""


def disagreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns how far two predictions of one photo are apart, in [0, 1].

    One minus their soft Dice, 2 sum(min(p, q)) / (sum p + sum q): 0 for equal ones, 1 where they
    share nothing, and 1 too where neither finds as much as one pixel of car.

    Args:
        one: Probability of car, float32 (H, W) in [0, 1].
        other: The other one, of the same shape.
    """
    both = float(one.sum(dtype=np.float64) + other.sum(dtype=np.float64))
    if both < 2:
        return 1.0
    shared = float(np.minimum(one, other).sum(dtype=np.float64))
    return max(0.0, 1 - 2 * shared / both)


def hide(probability: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Returns a probability, float32 (h, w) in [0, 1], scaled to lie below a threshold above 0."""
    peak = float(probability.max())
    if peak < threshold or not threshold:
        return probability
    return probability * np.float32(0.99 * threshold / peak)


def mask_state(
    uncertainty: float | None, share: float, limit: float = UNCERTAINTY_LIMIT
) -> MaskState:
    """Returns the state of a mask; for the arguments see `advice`."""
    if not share:
        return "no car"
    return "ready" if uncertainty is None or uncertainty <= limit else "check"


def advice(uncertainty: float | None, share: float, limit: float = UNCERTAINTY_LIMIT) -> str:
    """Returns what a person should know before relying on a mask; "" if nothing speaks against it.

    Args:
        uncertainty: See `core.image_model.Prediction`, in [0, 1]; None if that is not known.
        share: Share of the photo that the mask takes, in [0, 1].
        limit: See `core.image_model.Prediction`, in [0, 1].
    """
    state = mask_state(uncertainty, share, limit)
    if state == "no car":
        return "No car was found in this photo."
    if state == "ready":
        return ""
    return (
        "Check this mask. The model gave a different answer for the mirrored photo (uncertainty "
        f"{uncertainty:.1%}, usually below {limit:.1%}), so the photo may have no car "
        "or be unlike its training photos."
    )
