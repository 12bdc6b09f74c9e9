"""True masks: where the car is, and where nobody judges."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
MOST_OF_BORDER = 0.5
"""Share of the border beyond which a mask seems to be inverted."""
IGNORED = 255
"""Label of a pixel that nobody judges; 0 is background, 1 the car."""


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class Truth:
    """A true mask, and the pixels that nobody judges, such as the void of Pascal VOC."""

    car: Mask
    """Where the car is, bool (H, W)."""
    ignored: Mask | None = None
    """Where neither a loss nor a metric looks, bool (H, W), never on the car; None: nowhere."""

    def judged(self, mask: Mask) -> Mask:
        """The part of a mask, bool (H, W), that metrics compare with `car`."""
        return mask if self.ignored is None else mask & ~self.ignored

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """0, 1 for the car and `IGNORED`, uint8 (H, W); a view of `car` where nothing is."""
        labels = np.ascontiguousarray(self.car).view(np.uint8)
        if self.ignored is None:
            return labels
        return np.where(self.ignored, np.uint8(IGNORED), labels)

    @classmethod
    def of_labels(cls, labels: npt.NDArray[np.uint8]) -> "Truth":
        """The truth that has these `labels`, uint8 (H, W)."""
        ignored = labels == IGNORED
        return cls(labels == 1, ignored if ignored.any() else None)

    def inverted(self) -> "Truth":
        """The truth of a mask that was drawn the wrong way round; what is ignored stays so."""
        return Truth(self.judged(~self.car), self.ignored)


_FRAME = 1 / 8  # of a side: the widest empty frame that is taken off
_EMPTY_LINE = 0.02  # share of car up to which a row or column belongs to a frame


def border_share(mask: Mask) -> float:
    """The share of a mask's border pixels, from a bool mask (H, W), that are car, in [0, 1].

    The border lies inside an empty frame of up to an eighth of a side, such as black lines that a
    program left there or the bars of a padded photo, unless all that is inside of it is car.
    """
    inner = mask[_without_frame(mask, 1), _without_frame(mask, 0)]
    if inner.all():
        inner = mask
    sides = (inner[0], inner[-1], inner[1:-1, 0], inner[1:-1, -1])
    return float(np.concatenate(sides).mean())


def _without_frame(mask: Mask, axis: int) -> slice:
    """The rows (axis 1) or columns (axis 0) inside of an empty frame."""
    lines = mask.mean(axis=axis) > _EMPTY_LINE
    most = int(len(lines) * _FRAME)
    before, after = (int(ends.argmax()) for ends in (lines[: most + 1], lines[::-1][: most + 1]))
    return slice(before, len(lines) - after)


def seems_inverted(mask: Mask) -> bool:
    """Whether most of a mask's border is car, but not all of the mask: a car is seldom so."""
    return border_share(mask) > MOST_OF_BORDER and not bool(mask.all())
