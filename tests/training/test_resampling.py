"""No resampling moves a mask against its photo, and both stay where they belong.

A photo here is its own mask: white where the car is. A mask is bits, so its edges lie on whole
pixels: at a ratio close to one a whole stretch of edge is rounded the same way, and the centroid of
a single mask can be off by tenths of a pixel although nothing is shifted. A shift is what the
rounding of many edges leaves in the mean, and what levels show of a single shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.image import encode_png, thumbnail
from core.preprocess import HALF_LEVEL, Preprocessing, enlarge, mask_levels, resize, resize_mask
from training.augment.compose import Augmenter, resized
from training.augment.recipe import RECIPES, Recipe, Step
from training.augment.table import MOVES

Pair = tuple[NDArray[np.uint8], NDArray[np.bool_]]

NEAR = 0.05
"""Px that a shape may be off."""
SHAPES = [(512, 512), (300, 300), (342, 512), (512, 342), (600, 800), (400, 900), (900, 400)]
SIZES = [256, 352, 512]
GEOMETRY = [move.name for move in MOVES if move.group == "geometry"]


def ellipses(
    height: int,
    width: int,
    count: int = 12,
    middles: tuple[float, float] = (0.4, 0.6),
    halves: tuple[float, float] = (0.15, 0.33),
) -> Iterator[Pair]:
    rng = np.random.default_rng([height, width])
    y, x = np.mgrid[:height, :width] + 0.5
    for _ in range(count):
        middle = rng.uniform(*middles, 2) * (width, height)
        half = rng.uniform(*halves, 2) * (width, height)
        mask = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1
        yield np.repeat(mask_levels(mask)[..., None], 3, axis=2), mask


def centroid(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Where the shape is, x and y in px from the upper left corner."""
    weights = picture.astype(np.float64)
    places = [(np.arange(side) + 0.5) for side in picture.shape]
    whole = weights.sum()
    return np.array([weights.sum(0) @ places[1] / whole, weights.sum(1) @ places[0] / whole])


def goal(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.float64]:
    return centroid(mask) * (shape[1] / mask.shape[1], shape[0] / mask.shape[0])


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def assert_near(shifts: list[NDArray[np.float64]]) -> None:
    assert np.abs(np.mean(shifts, axis=0)).max() < NEAR


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_training_square_keeps_photo_and_mask_in_place(shape: tuple[int, int], size: int) -> None:
    photos, masks = [], []
    for image, mask in ellipses(*shape):
        photo, levels = resized(image, mask, size)
        photo = photo[..., 0]
        assert np.abs(centroid(levels) - centroid(photo)).max() < 0.01
        assert dice(levels >= HALF_LEVEL, photo >= HALF_LEVEL) > 0.999
        photos.append(centroid(photo) - goal(mask, photo.shape))
        masks.append(centroid(levels >= HALF_LEVEL) - goal(mask, photo.shape))
    assert_near(photos)
    assert_near(masks)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "size"), [(513, 511), (513, 512), (500, 512), (97, 256), (97, 512), (511, 513)]
)
def test_no_ratio_shifts_an_edge(side: int, size: int) -> None:
    """Edges of every phase, each ratio for itself.

    At 513 -> 511 px the phase of an edge goes round only twice along a whole side, so the bits of
    one mask are rounded by up to half a pixel together. The levels, which training resamples and
    warps until the last step, have no such error and hold for each shape; the bits hold in the mean
    over shapes that lie everywhere.
    """
    shifts = []
    for image, mask in ellipses(side, side, 240, (0.25, 0.75), (0.05, 0.24)):
        aim = goal(mask, (size, size))
        levels = resized(image, mask, size)[1]
        assert np.abs(centroid(levels) - aim).max() < NEAR
        small = resize_mask(mask, size, size)
        assert np.abs(centroid(small) - aim).max() < 0.5
        shifts.append(centroid(small) - aim)
    assert_near(shifts)


@pytest.mark.slow
@pytest.mark.parametrize("size", [None, 352, 512])
@pytest.mark.parametrize("shape", [(512, 512), (300, 300), (342, 512)])
@pytest.mark.parametrize("transform", GEOMETRY)
def test_a_transform_moves_the_mask_as_the_photo(
    transform: str, shape: tuple[int, int], size: int | None
) -> None:
    augment = Augmenter(Recipe("one", "", (Step(transform, 1.0),)), size)
    shifts = []
    for index, (image, mask) in enumerate(ellipses(*shape)):
        out, moved = augment(image, mask, seed=1, epoch=1, index=index)
        seen = out[..., 0] >= HALF_LEVEL
        shifts.append(centroid(moved) - centroid(seen))
        assert dice(moved, seen) > 0.998
    assert_near(shifts)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_whole_recipe_moves_the_mask_as_the_photo(recipe: str) -> None:
    steps = tuple(step for step in RECIPES[recipe].steps if step.transform in GEOMETRY)
    augment = Augmenter(Recipe("moves", "", steps), 352)
    for index, (image, mask) in enumerate(ellipses(342, 512)):
        out, moved = augment(image, mask, seed=3, epoch=1, index=index)
        assert dice(moved, out[..., 0] >= HALF_LEVEL) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.3, 0.55, 0.9, 1.2])
@pytest.mark.parametrize("size", [None, 256])
def test_a_composite_moves_the_mask_as_the_photo(
    tmp_path: Path, scale: float, size: int | None
) -> None:
    (tmp_path / "black.png").write_bytes(encode_png(np.zeros((200, 300, 3), np.uint8)))
    plain = {"colour_match": (0, 0), "shadow": (0, 0), "scale": (scale, scale)}
    composite = Step("Composite", 1.0, (("backgrounds", str(tmp_path)), *plain.items()))
    steps = (Step("Affine", 1.0), composite, Step("Perspective", 1.0))
    shifts = []
    for index, (image, mask) in enumerate(ellipses(300, 400)):
        augment = Augmenter(Recipe("one", "", steps), size)
        out, moved = augment(image, mask, seed=1, epoch=1, index=index)
        shifts.append(centroid(moved) - centroid(out[..., 0]))
        assert dice(moved, out[..., 0] >= HALF_LEVEL) > 0.99
    assert_near(shifts)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("longest", [96, 256, 640, 1000])
def test_a_small_or_large_picture_keeps_its_mask(shape: tuple[int, int], longest: int) -> None:
    scale = longest / max(shape)
    height, width = (round(side * scale) for side in shape)
    shifts = []
    for image, mask in ellipses(*shape):
        photo = thumbnail(image, longest) if scale < 1 else resize(image, height, width)
        small = resize_mask(mask, height, width)
        assert small.dtype == np.bool_ and small.shape == photo.shape[:2]
        assert np.abs(centroid(photo[..., 0]) - goal(mask, small.shape)).max() < NEAR
        shifts.append(centroid(small) - goal(mask, small.shape))
    assert_near(shifts)


@pytest.mark.slow
@pytest.mark.parametrize("size", [96, 256, 512, 704])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_evaluation_at_another_size_keeps_what_the_network_saw(
    shape: tuple[int, int], size: int
) -> None:
    shifts = []
    for image, mask in ellipses(*shape):
        seen = Preprocessing(size=size).to_grid(image)[..., 0].astype(np.float32) / 255
        back = enlarge(seen, *shape)
        assert np.abs(centroid(back) - centroid(mask)).max() < NEAR
        shifts.append(centroid(back >= 0.5) - centroid(mask))
    assert_near(shifts)


def test_a_mask_of_the_same_size_stays() -> None:
    mask = next(ellipses(40, 50))[1]
    assert np.array_equal(resize_mask(mask, 40, 50), mask)
    assert resize_mask(np.ones((40, 50), bool), 13, 90).all()
    assert not resize_mask(np.zeros((40, 50), bool), 90, 13).any()


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_shipped_recipe_turns_cars(recipe: str) -> None:
    steps = [one for step in RECIPES[recipe].steps for one in (step.steps or (step,))]
    assert not {"RandomRotate90", "VerticalFlip"} & {step.transform for step in steps}
    for step in steps:
        low, high = step.values().get("rotate", (0, 0))
        assert -30 <= low <= high <= 30
