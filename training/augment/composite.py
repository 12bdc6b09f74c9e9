"""A car on another background, as a transform like any other.

The car is cut out by its mask, scaled, placed, given some of the new surroundings' light and tint,
and blended in with a soft edge and a shadow on the ground.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from core.cutout import Cutout
from core.errors import DataError
from core.image import read_image, thumbnail
from core.preprocess import HALF_LEVEL
from training.augment.cutout import blend, cut_by_levels, ground_shadow, match_colours
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


os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


Range = tuple[float, float]

_ENLARGED = 1.4
"""Most that a car's pixels are enlarged by; more would show."""
_CROP = (0.6, 1.0)
"""Part of the largest crop of a background that is taken."""
_SQUEEZE = (0.85, 1.18)
"""Change of the crop's shape, so that a background is not always the picture's own shape."""


class Composite(A.DualTransform):  # type: ignore[misc]
    """Puts the car on a random part of a random background; a photo without car stays."""

    _targets = (A.core.type_definitions.Targets.IMAGE, A.core.type_definitions.Targets.MASK)

    class InitSchema(A.core.transforms_interface.BaseTransformInitSchema):  # type: ignore[misc]
        """Arguments that `strict` allows."""

        backgrounds: str
        scale: Range
        position_x: Range
        position_y: Range
        colour_match: Range
        soft_edge: Range
        shadow: Range

    def __init__(
        self,
        backgrounds: str,
        scale: Range = (0.4, 0.9),
        position_x: Range = (0.0, 1.0),
        position_y: Range = (0.6, 1.0),
        colour_match: Range = (0.3, 0.7),
        soft_edge: Range = (0.5, 1.2),
        shadow: Range = (0.5, 0.8),
        p: float = 0.5,
    ) -> None:
        """Lists the backgrounds.

        Args:
            backgrounds: Folder of photos without cars.
            scale: The car's width or height as a part of the picture's, whichever is larger.
            position_x: Where the car stands: 0 at the left border, 1 at the right one; 0.1 beyond
                cuts a tenth of the car off.
            position_y: The same from top to bottom.
            colour_match: 0 leaves the car's colours, 1 gives it all of the new light.
            soft_edge: Width of the blend at the edge, px.
            shadow: Darkness of the shadow, 0 to 1.
            p: Probability.

        Raises:
            DataError: The folder is missing or has no photo.
        """
        super().__init__(p=p)
        self.backgrounds = backgrounds
        self.scale = scale
        self.position_x = position_x
        self.position_y = position_y
        self.colour_match = colour_match
        self.soft_edge = soft_edge
        self.shadow = shadow
        self._photos = Backgrounds(Path(backgrounds))

    @property
    def targets_as_params(self) -> list[str]:
        """What the drawing needs to see."""
        return ["image", "mask"]

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Returns what was drawn, and the finished picture and mask."""
        draw = self.py_random.uniform
        drawn = {
            "scale": draw(*self.scale),
            "position_x": draw(*self.position_x),
            "position_y": draw(*self.position_y),
            "colour_match": draw(*self.colour_match),
            "soft_edge": draw(*self.soft_edge),
            "shadow": draw(*self.shadow),
        }
        number = self.py_random.randrange(len(self._photos))
        background = self._crop(self._photos.read(number), data["image"].shape[:2])
        cutout = cut_by_levels(data["image"], data["mask"])
        if cutout is None:
            return {"background": "", "_image": data["image"], "_mask": None}
        placed = self._place(cutout, drawn, background.shape[:2])
        image = self._compose(background, data["image"], data["mask"], placed, drawn)
        mask = np.rint(placed.alpha * 255).astype(np.uint8)
        return {"background": self._photos.name(number), **drawn, "_image": image, "_mask": mask}

    def apply(self, img: NDArray[np.uint8], _image: NDArray[np.uint8], **_: Any) -> Any:
        """Returns the finished picture."""
        return _image

    def apply_to_mask(
        self, mask: NDArray[np.uint8], _mask: NDArray[np.uint8] | None, **_: Any
    ) -> Any:
        """Returns the moved mask, also for ignored pixels: none is left beside the car."""
        return mask if _mask is None else _mask

    def _crop(self, photo: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Returns a random part of a background at the picture's size."""
        height, width = photo.shape[:2]
        aspect = shape[1] / shape[0] * self.py_random.uniform(*_SQUEEZE)
        part = self.py_random.uniform(*_CROP)
        crop_width = max(1, round(part * min(width, height * aspect)))
        crop_height = max(1, round(part * min(height, width / aspect)))
        left = round(self.py_random.random() * (width - crop_width))
        top = round(self.py_random.random() * (height - crop_height))
        crop = photo[top : top + crop_height, left : left + crop_width]
        if self.py_random.random() < 0.5:
            crop = crop[:, ::-1]
        shrinks = crop_height > shape[0] and crop_width > shape[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(crop, shape[::-1], interpolation=how), np.uint8)

    def _place(self, cutout: Cutout, drawn: dict[str, float], shape: tuple[int, int]) -> Cutout:
        """Returns the car at its new size and place; `drawn` learns the factor that it got."""
        height, width = shape
        top, left, bottom, right = cutout.box()
        fits = min(width / (right - left), height / (bottom - top))
        factor = min(drawn["scale"] * fits, _ENLARGED)
        drawn["scale"] = factor / fits
        x = _start(drawn["position_x"], width, (right - left) * factor) - left * factor
        y = _start(drawn["position_y"], height, (bottom - top) * factor) - top * factor
        return cutout.moved(factor, x, y, shape)

    def _compose(
        self,
        background: NDArray[np.uint8],
        image: NDArray[np.uint8],
        mask: NDArray[np.uint8],
        placed: Cutout,
        drawn: dict[str, float],
    ) -> NDArray[np.uint8]:
        car = match_colours(placed, image, mask >= HALF_LEVEL, background, drawn["colour_match"])
        ground = ground_shadow(background, placed.alpha, drawn["shadow"])
        return blend(ground, car, placed.alpha, drawn["soft_edge"])


def _start(position: float, side: float, length: float) -> float:
    """Returns where a car of a length begins; 0.1 beyond 0 or 1 cuts a tenth of it off."""
    beyond = position - min(max(position, 0.0), 1.0)
    return (position - beyond) * (side - length) + beyond * length
