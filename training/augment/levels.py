"""True masks on their way through resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.preprocess import HALF_LEVEL, mask_levels
from core.truth import Truth


@dataclass(frozen=True, eq=False)
class Levels:
    """A true mask as levels, uint8 (H, W): 255 inside, 0 outside, in between along resampled edges.

    What is ignored goes with the car as one plane, so that no background opens between them.
    """

    car: NDArray[np.uint8]
    foreground: NDArray[np.uint8] | None = None
    """The car and what is ignored together; None: nothing is ignored."""

    @classmethod
    def of(cls, mask: AnyMask) -> Levels:
        """Returns the levels of a mask, of the car alone where it is an array."""
        if isinstance(mask, Levels):
            return mask
        if isinstance(mask, Truth):
            ignored = mask.ignored
            together = None if ignored is None else mask_levels(mask.car | ignored)
            return cls(mask_levels(mask.car), together)
        is_bits = mask.dtype == np.bool_
        return cls(mask_levels(mask.view(np.bool_)) if is_bits else mask.view(np.uint8))

    def truth(self) -> Truth:
        """Returns the mask: car is what is half car at least, never ignored."""
        car = self.car >= HALF_LEVEL
        if self.foreground is None:
            return Truth(car)
        return Truth(car, (self.foreground >= HALF_LEVEL) & ~car)


AnyMask: TypeAlias = NDArray[np.bool_ | np.uint8] | Truth | Levels
"""A mask (H, W): an array of where the car is, bool or as levels; or one with what is ignored."""
