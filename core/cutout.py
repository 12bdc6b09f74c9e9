"""The car without its background: colours and alpha, ready for any other background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.alpha import estimate_alpha
from core.errors import ImageError
from core.foreground import estimate_foreground
from core.masks import Mask, Probability, require_pair

Edge: TypeAlias = Literal["soft", "hard"]
"""soft: alpha and colours are estimated along the edge; hard: alpha is the mask, 0 or 1."""

_ROWS_AT_ONCE = 256  # floats of a strip only: a 100 megapixel photo stays in bytes


@dataclass(frozen=True)
class Cutout:
    """A car without its background."""

    foreground: NDArray[np.uint8]
    """The car's colours, RGB (H, W, 3): the photo's, but along the edge, where they are free of the
    old background. Outside the car they mean nothing."""
    alpha: NDArray[np.float32]
    """Share of each pixel that is car, (H, W) in [0, 1]."""

    def rgba(self) -> NDArray[np.uint8]:
        """Returns the cut-out as RGBA (H, W, 4), not premultiplied.

        Pixels that are fully transparent are black as well: the background isn't in the file,
        which makes it small and keeps what was cut away private.
        """
        result = np.empty((*self.alpha.shape, 4), np.uint8)
        for top in range(0, len(result), _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            levels = cv2.convertScaleAbs(self.alpha[rows], alpha=255)
            visible = cv2.copyTo(self.foreground[rows], levels)
            cv2.cvtColor(visible, cv2.COLOR_RGB2RGBA, dst=result[rows])
            result[rows, :, 3] = levels
        return result

    def over(self, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the car laid over a background, RGB (H, W, 3).

        Args:
            background: A picture (H, W, 3), or anything that broadcasts to it, such as a colour.
        """
        result = np.array(np.broadcast_to(background, self.foreground.shape), np.uint8)
        for top in range(0, len(result), _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            share = self.alpha[rows, :, np.newaxis]
            blend = self.foreground[rows] * share + result[rows] * (1 - share)
            result[rows] = np.rint(blend)
        return result

    def box(self, above: float = 0.5) -> tuple[int, int, int, int]:
        """Returns top, left, bottom, right of the car in px, the latter two exclusive.

        All are 0 where nothing of the car is left. `above` is the least alpha that counts.
        """
        inside = self.alpha > above
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            return 0, 0, 0, 0
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    def region(self, margin: int, above: float = 0.5) -> tuple[slice, slice]:
        """Returns the slices of the box with a margin in px."""
        top, left, bottom, right = self.box(above)
        return (
            slice(max(0, top - margin), bottom + margin),
            slice(max(0, left - margin), right + margin),
        )

    def moved(self, factor: float, x: float, y: float, shape: tuple[int, int]) -> Cutout:
        """Returns the car on a canvas of another shape.

        Args:
            factor: Its pixels grow by this.
            x: Where the left border of the old canvas comes to lie, px.
            y: Where its upper border comes to lie, px.
            shape: Height and width of the new canvas, px.
        """
        # Shrunk over all pixels first: a warp looks at four of them and would flicker.
        height, width = (max(1, round(side * factor)) for side in self.alpha.shape)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        colours = cv2.resize(self.foreground, (width, height), interpolation=how)
        alpha = cv2.resize(self.alpha, (width, height), interpolation=cv2.INTER_AREA)
        shift = np.array([[1, 0, round(x)], [0, 1, round(y)]], np.float64)
        how, size = cv2.INTER_NEAREST, shape[::-1]
        over = np.asarray(cv2.warpAffine(alpha, shift, size, flags=how), np.float32)
        border = cv2.BORDER_REPLICATE
        paint = cv2.warpAffine(colours, shift, size, flags=how, borderMode=border)
        return Cutout(np.asarray(paint, np.uint8), over)


def cut_out(
    photo: NDArray[np.uint8],
    mask: Mask,
    probability: Probability | None = None,
    *,
    edge: Edge = "soft",
) -> Cutout:
    """Returns the car of a photo.

    Away from the mask's edge alpha is the mask, so windows stay opaque and what a person edited
    stays as it is.

    Args:
        photo: RGB (H, W, 3).
        mask: The car, bool (H, W); cleaned up or edited as it may be.
        probability: The network's, float32 (h, w) in [0, 1] on any grid, such as that of a
            `Prediction`: it tells how exactly the edge is known. None for a mask without one.
        edge: "soft", or "hard" for alpha 0 or 1 and the photo's own colours.

    Raises:
        ImageError: The photo has a wrong shape or dtype, or `edge` is none of the two.
        MaskError: Mask or probability have a wrong shape, dtype or range.
    """
    require_pair(photo, mask)
    if edge == "hard":
        return Cutout(photo, mask.astype(np.float32))
    if edge != "soft":
        raise ImageError(f"The edge is {edge!r}; choose soft or hard.")
    alpha = estimate_alpha(photo, mask, probability)
    return Cutout(estimate_foreground(photo, alpha), alpha)
