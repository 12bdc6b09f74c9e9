"""A drawing in metres that colours a surface: polygons, lines and discs with colour and shine."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.floating]

PAINT, GLASS, MATT, LAMP, CHROME_SHINE = 64, 100, 30, 84, 190
"""Reflectance at normal incidence, as 255 times its square root."""

GAP: Colour = (10, 10, 11)
"""The dark of a joint between two panels."""

_RESOLUTION = 180.0  # pixels for each metre


class Sheet:
    """A drawing in metres: RGB and reflectance, uint8 (H, W, 4)."""

    def __init__(self, low: tuple[float, float], high: tuple[float, float], fill: Colour) -> None:
        self.low, self.high = low, high
        width = int((high[0] - low[0]) * _RESOLUTION) + 1
        height = int((high[1] - low[1]) * _RESOLUTION) + 1
        self.pixels = np.empty((height, width, 4), dtype=np.uint8)
        self.pixels[:] = (*fill, PAINT)

    def _place(self, points: Points) -> npt.NDArray[np.int32]:
        array = np.asarray(points, dtype=np.float64)
        u = (array[:, 0] - self.low[0]) * _RESOLUTION
        v = (self.high[1] - array[:, 1]) * _RESOLUTION
        return np.round(np.stack([u, v], axis=1) * 16).astype(np.int32)

    def fill(self, points: Points, colour: Colour, shine: int) -> None:
        """Fills a polygon (N, 2), metres."""
        place = self._place(points)[:, None]
        cv2.fillPoly(self.pixels, [place], (*colour, shine), cv2.LINE_AA, 4)

    def line(
        self, points: Points, colour: Colour = GAP, width: float = 0.008, shine: int = MATT,
        closed: bool = False,
    ) -> None:  # fmt: skip
        """Draws a line through points (N, 2); points and width in metres."""
        thickness = max(1, round(width * _RESOLUTION))
        place = self._place(points)[:, None]
        cv2.polylines(self.pixels, [place], closed, (*colour, shine), thickness, cv2.LINE_AA, 4)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, shine: int) -> None:
        """Fills a disc; metres."""
        angle = np.linspace(0, 2 * np.pi, 40)
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre
        self.fill(points, colour, shine)

    def sample(self, first: Floats, second: Floats) -> npt.NDArray[np.uint8]:
        """Returns colour and reflectance (N, 4) at the places (first, second), metres."""
        u = ((first - self.low[0]) * _RESOLUTION).astype(np.float32)
        v = ((self.high[1] - second) * _RESOLUTION).astype(np.float32)
        return _sampled(self.pixels, u, v)


def _sampled(pixels: npt.NDArray[np.uint8], u: Floats, v: Floats) -> npt.NDArray[np.uint8]:
    # OpenCV's remap takes at most 32,767 rows, so a long list is folded into columns.
    count, columns = len(u), 512
    if count == 0:
        return np.empty((0, pixels.shape[2]), dtype=np.uint8)
    short = -count % columns
    u = np.pad(u, (0, short)).reshape(-1, columns)
    v = np.pad(v, (0, short)).reshape(-1, columns)
    out = cv2.remap(pixels, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.uint8).reshape(-1, pixels.shape[2])[:count]
