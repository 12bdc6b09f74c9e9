"""The few parts of a large picture that matter, side by side in one tall picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

CORE = 64
"""Side of a tile in px, without what it overlaps its neighbours by."""
MARGIN = 12
"""Px that a tile sees beyond each of its sides: filters that reach no further are exact."""
SIDE = CORE + 2 * MARGIN
_AT_ONCE = 96  # tiles: 3 MB a plane of floats

_WORKERS = min(4, os.cpu_count() or 1)

Number = TypeVar("Number", np.uint8, np.float32, np.bool_)


def in_tiles(where: NDArray[np.bool_], work: Callable[[Tiles], None]) -> None:
    """Works on the tiles that hold all true pixels of a plane (H, W), some of them at a time.

    Several threads do, so `work` may write to the cores of its own tiles only, and read nothing
    that others write.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(work, _tiles_of(where)):
            pass


def _tiles_of(where: NDArray[np.bool_]) -> Iterator[Tiles]:
    height, width = where.shape
    rows = np.bitwise_or.reduceat(where.view(np.uint8), np.arange(0, height, CORE), axis=0)
    wanted = np.bitwise_or.reduceat(rows, np.arange(0, width, CORE), axis=1)
    corners = np.argwhere(wanted) * CORE
    for first in range(0, len(corners), _AT_ONCE):
        yield Tiles((height, width), corners[first : first + _AT_ONCE])


class Tiles:
    """Some tiles of a picture."""

    def __init__(self, shape: tuple[int, int], corners: NDArray[np.intp]) -> None:
        """Takes the picture's height and width, and the tiles' upper left corners (N, 2)."""
        self.shape = shape
        self.corners = corners

    def gather(self, picture: NDArray[Number]) -> NDArray[Number]:
        """Returns the tiles of a picture (H, W) or (H, W, C), (N SIDE, SIDE) or with channels.

        Beyond the picture its border goes on.
        """
        height, width = self.shape
        tall = np.empty((len(self.corners) * SIDE, SIDE, *picture.shape[2:]), picture.dtype)
        for index, (top, left) in enumerate((self.corners - MARGIN).tolist()):
            target = tall[index * SIDE : (index + 1) * SIDE]
            bottom, right = top + SIDE, left + SIDE
            if top >= 0 and left >= 0 and bottom <= height and right <= width:
                target[:] = picture[top:bottom, left:right]
            else:
                rows = np.clip(np.arange(top, bottom), 0, height - 1)
                columns = np.clip(np.arange(left, right), 0, width - 1)
                target[:] = picture[np.ix_(rows, columns)]
        return tall

    def gather_enlarged(self, half: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the tiles of a plane of half the picture's size, enlarged to the picture's."""
        height, width = half.shape
        tall = np.empty((len(self.corners) * SIDE, SIDE), np.float32)
        reach = SIDE // 2 + 2
        for index, (top, left) in enumerate(((self.corners - MARGIN) // 2 - 1).tolist()):
            rows = np.clip(np.arange(top, top + reach), 0, height - 1)
            columns = np.clip(np.arange(left, left + reach), 0, width - 1)
            doubled = cv2.resize(half[np.ix_(rows, columns)], (2 * reach, 2 * reach))
            tall[index * SIDE : (index + 1) * SIDE] = doubled[2 : 2 + SIDE, 2 : 2 + SIDE]
        return tall

    def scatter(self, tall: NDArray[Number], picture: NDArray[Number]) -> None:
        """Writes the tiles' cores into a picture, in place."""
        height, width = self.shape
        for index, (top, left) in enumerate(self.corners.tolist()):
            bottom, right = min(top + CORE, height), min(left + CORE, width)
            first = index * SIDE + MARGIN
            picture[top:bottom, left:right] = tall[
                first : first + bottom - top, MARGIN : MARGIN + right - left
            ]
