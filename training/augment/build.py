"""Makes albumentations' transforms of a recipe's steps.

The elastic deformation of the U-Net's paper is one of our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from training.augment.composite import Composite
from training.augment.step import ONE_OF, Step

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


Floats = NDArray[np.float32]

_SIDE = 512
"""Side of the paper's tiles in px, for which the displacement is told."""


class CoarseElastic(A.DualTransform):  # type: ignore[misc]
    """Smooth deformation by random shifts on a coarse grid, bicubic in between.

    Source: Ronneberger, Fischer, Brox 2015, section 3.1: "random displacement vectors on a coarse
    3 by 3 grid. The displacements are sampled from a Gaussian distribution with 10 pixels standard
    deviation. Per-pixel displacements are then computed using bicubic interpolation."
    """

    _targets = (A.core.type_definitions.Targets.IMAGE, A.core.type_definitions.Targets.MASK)

    class InitSchema(A.core.transforms_interface.BaseTransformInitSchema):  # type: ignore[misc]
        """Arguments that `strict` allows."""

        displacement: tuple[float, float]
        grid: int
        border_mode: int

    def __init__(
        self,
        displacement: tuple[float, float] = (10.0, 10.0),
        grid: int = 3,
        border_mode: int = cv2.BORDER_REPLICATE,
        p: float = 0.5,
    ) -> None:
        """Takes the settings.

        Args:
            displacement: Range of the shifts' standard deviation, px at a side of 512 px.
            grid: Points along each side.
            border_mode: OpenCV's name of what fills the gaps.
            p: Probability.
        """
        super().__init__(p=p)
        self.displacement = displacement
        self.grid = grid
        self.border_mode = border_mode

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Returns the drawn deviation, the grid's shifts and the place that each pixel is from."""
        height, width = params["shape"][:2]
        deviation = self.py_random.uniform(*self.displacement)
        drawn = self.random_generator.standard_normal((2, self.grid, self.grid))
        shifts = drawn * deviation * np.array([width, height])[:, None, None] / _SIDE
        rows, columns = _weights(self.grid, height), _weights(self.grid, width)
        # einsum, no matrix product: BLAS would start threads, whose number may change digits.
        along = np.einsum("ya,cab->cyb", rows, shifts.astype(np.float32))
        shift_x, shift_y = np.einsum("cyb,xb->cyx", along, columns)
        return {
            "displacement": deviation,
            "shifts": shifts,
            "map_x": shift_x + np.arange(width, dtype=np.float32),
            "map_y": shift_y + np.arange(height, dtype=np.float32)[:, None],
        }

    def apply(self, img: NDArray[np.uint8], map_x: Floats, map_y: Floats, **_: Any) -> Any:
        """Returns the deformed image, linear between pixels."""
        return cv2.remap(img, map_x, map_y, cv2.INTER_LINEAR, borderMode=self.border_mode)

    def apply_to_mask(self, mask: NDArray[np.uint8], map_x: Floats, map_y: Floats, **_: Any) -> Any:
        """Returns the deformed mask's levels, moved as the image is."""
        return cv2.remap(mask, map_x, map_y, cv2.INTER_LINEAR, borderMode=self.border_mode)


def _weights(points: int, pixels: int) -> Floats:
    """Returns how much each grid point counts at each pixel, (pixels, points); rows add up to 1.

    Keys' cubic kernel with a = -0.5 (Catmull-Rom); beyond the border the outermost point repeats.
    """
    place = np.linspace(0, points - 1, pixels)
    weights = np.zeros((pixels, points), np.float32)
    for neighbour in range(-1, points + 1):
        distance = np.abs(place - neighbour)
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        kernel = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
        weights[:, min(max(neighbour, 0), points - 1)] += kernel.astype(np.float32)
    return weights


os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


_BORDERS = {
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
    "black": cv2.BORDER_CONSTANT,
}


def build_step(step: Step) -> tuple[A.BasicTransform | A.BaseCompose, list[tuple[str, Any]]]:
    """Returns the transform of a step, and each single transform in it with its name.

    Raises:
        DataError: A folder that the step names is missing or empty.
    """
    if step.transform == ONE_OF:
        built = [build_step(inner) for inner in step.steps]
        group = A.OneOf([transform for transform, _ in built], p=step.probability)
        return group, [leaf for _, leaves in built for leaf in leaves]
    values = step.values()
    if "border" in values:
        values["border_mode"] = _BORDERS[values.pop("border")]
    transform = _maker(step.transform)(**values, p=step.probability)
    return transform, [(step.transform, transform)]


def _maker(name: str) -> Callable[..., Any]:
    maker: Callable[..., Any] = _MAKERS[name] if name in _MAKERS else getattr(A, name)
    return maker


def _affine(**values: Any) -> A.Affine:
    x, y = values.pop("scale_x"), values.pop("scale_y")
    scale = {"x": x, "y": x if values["keep_ratio"] else y}
    translate = {"x": values.pop("translate_x"), "y": values.pop("translate_y")}
    return A.Affine(scale=scale, translate_percent=translate, **values)


def _dropout(**values: Any) -> A.CoarseDropout:
    fill = values.pop("fill")
    return A.CoarseDropout(fill=0 if fill == "black" else fill, **values)


def _odd_blur(kind: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a maker whose windows are odd, as OpenCV needs them."""

    def make(blur_limit: tuple[int, int], **values: Any) -> Any:
        low, high = (side | 1 for side in blur_limit)
        return kind(blur_limit=(low, high), **values)

    return make


_MAKERS: dict[str, Callable[..., Any]] = {
    "Affine": _affine,
    "CoarseDropout": _dropout,
    "CoarseElastic": CoarseElastic,
    "Composite": Composite,
    "GaussianBlur": _odd_blur(A.GaussianBlur),
    "MotionBlur": _odd_blur(A.MotionBlur),
}
