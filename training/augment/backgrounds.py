"""A folder of backgrounds: listed once, read when needed, the latest few kept."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.image import read_image, thumbnail
from training.data.layouts.listing import walk_pictures

_KEPT = 16
"""Backgrounds that stay in memory; at 1024 px about 2 MB each."""
_LONGEST = 1024
"""Longest side in px that is kept of a background."""


class Backgrounds:
    """The photos of a folder, sorted by path, so that a number always means the same one."""

    def __init__(self, folder: Path) -> None:
        """Lists the folder and all below it; reads no photo.

        Raises:
            DataError: The folder is missing, can't be read or has no photo.
        """
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder} of backgrounds; give one with photos.")
        self.folder = folder
        self.paths = sorted(path for _, path in walk_pictures(folder))
        if not self.paths:
            raise DataError(f"{folder} has no photo for a background; put some in, without cars.")
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, number: int) -> str:
        """Returns a background's path below the folder."""
        return self.paths[number].relative_to(self.folder).as_posix()

    def read(self, number: int) -> NDArray[np.uint8]:
        """Returns a background, (H, W, 3) uint8, its longest side at most 1024 px.

        Raises:
            ImageError: The photo can't be read.
        """
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        image = thumbnail(read_image(self.paths[number]), _LONGEST)
        self._kept[number] = image
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return image
