"""Makes albumentations' transforms of a recipe's steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2

from training.augment.composite import Composite
from training.augment.elastic import CoarseElastic
from training.augment.step import ONE_OF, Step

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
