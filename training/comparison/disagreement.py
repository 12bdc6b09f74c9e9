"""Where two masks of one photo disagree, and which of them is right there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.drawing import Area, Image, marked_picture
from core.edges import require_pair
from core.masks import Mask


@dataclass(frozen=True)
class DisagreementColours:
    """Colours of a picture of disagreement, for the picture and its legend alike."""

    a: str = "#1C86C7"
    """A alone is right (blue)."""
    b: str = "#E69F00"
    """B alone is right (orange)."""
    both: str = "#FFFFFF"
    """Both are wrong (white, which no checkpoint's colour is)."""


DISAGREEMENT_COLOURS = DisagreementColours()


@dataclass(frozen=True)
class Spot:
    """A box inside a picture, in px."""

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to cut it out of an array (H, W, ...)."""
        columns = slice(self.left, self.left + self.width)
        return slice(self.top, self.top + self.height), columns


@dataclass(frozen=True, eq=False)
class Disagreement:
    """The pixels of one photo that at least one of two masks gets wrong, in three kinds."""

    a_right: Mask
    """A is right and B is wrong, bool (H, W)."""
    b_right: Mask
    """B is right and A is wrong, bool (H, W)."""
    both_wrong: Mask
    """Both say the opposite of the truth, bool (H, W)."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Pixels in which A is right, B is right, both are wrong."""
        kinds = self.a_right, self.b_right, self.both_wrong
        a, b, both = (int(np.count_nonzero(kind)) for kind in kinds)
        return a, b, both

    @property
    def spot(self) -> Spot:
        """The box in which A and B differ most; where they don't, most is wrong in it."""
        differs = self.a_right | self.b_right
        return densest_spot(differs if differs.any() else self.both_wrong)


def disagreement_of(a: Mask, b: Mask, truth: Mask) -> Disagreement:
    """Returns where two masks disagree with each other or with the truth.

    Args:
        a: Mask of A, bool (H, W).
        b: Mask of B, bool (H, W).
        truth: The true mask, bool (H, W).

    Raises:
        MaskError: One of them is no mask, or their sizes differ.
    """
    require_pair(a, truth)
    require_pair(b, truth)
    wrong_a, wrong_b = a ^ truth, b ^ truth
    return Disagreement(wrong_b & ~wrong_a, wrong_a & ~wrong_b, wrong_a & wrong_b)


def disagreement_picture(
    image: Image, found: Disagreement, colours: DisagreementColours = DISAGREEMENT_COLOURS
) -> Image:
    """Returns the dimmed grey photo with the three kinds in colour, uint8 RGB (H, W, 3).

    Args:
        image: The photo, uint8 RGB (H, W, 3).
        found: Where its masks disagree.
        colours: Colours of the three kinds; a legend takes them from here.

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: The masks have another size than the photo.
    """
    kinds = (
        (found.a_right, colours.a),
        (found.b_right, colours.b),
        (found.both_wrong, colours.both),
    )
    return marked_picture(image, tuple(Area(where, colour, 1.0) for where, colour in kinds))


def densest_spot(where: Mask, share: float = 0.25) -> Spot:
    """Returns the box of a picture that holds most of the marked pixels.

    Of equal boxes it is the uppermost and then the leftmost one; without a marked pixel it lies
    in the middle.

    Args:
        where: The marked pixels, bool (H, W).
        share: The box's sides as a share of the picture's, in (0, 1].
    """
    rows, columns = where.shape
    height, width = max(1, round(rows * share)), max(1, round(columns * share))
    if not where.any():
        return Spot((columns - width) // 2, (rows - height) // 2, width, height)
    sums = cv2.integral(where.view(np.uint8))
    inside = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
        + sums[:-height, :-width]
    )  # fmt: skip
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return Spot(int(left), int(top), width, height)
