"""Composites: cars on other backgrounds."""

from pathlib import Path

import numpy as np
import pytest

from core.cutout import Cutout
from core.errors import DataError
from core.image import encode_png
from core.preprocess import mask_levels
from training.augment.compose import Augmenter
from training.augment.composite import Backgrounds
from training.augment.cutout import blend, cut_by_levels, ground_shadow, match_colours
from training.augment.recipe import Recipe, Step

GREEN = (40, 160, 40)


@pytest.fixture
def green(tmp_path: Path) -> Path:
    folder = tmp_path / "green"
    (folder / "more").mkdir(parents=True)
    for name, level in (("b.png", 150), ("a.png", 160), ("more/c.png", 170)):
        (folder / name).write_bytes(encode_png(np.full((80, 100, 3), (40, level, 40), np.uint8)))
    (folder / "notes.txt").write_text("no photo")
    return folder


def pair() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((60, 90), bool)
    mask[20:40, 30:60] = True
    image = np.where(mask[..., None], (200, 30, 30), (230, 230, 230)).astype(np.uint8)
    return image, mask


def composite(folder: Path, **arguments: tuple[float, float]) -> Augmenter:
    plain = {"colour_match": (0, 0), "shadow": (0, 0), "soft_edge": (0, 0)} | arguments
    pairs = (("backgrounds", str(folder)), *plain.items())
    return Augmenter(Recipe("c", "", (Step("Composite", 1.0, pairs),)), None)


def test_the_car_stands_where_it_was_told_on_the_background(green: Path) -> None:
    image, mask = pair()
    place = {"scale": (0.4, 0.4), "position_x": (1, 1), "position_y": (0, 0)}
    traced = composite(green, **place).traced(image, mask, seed=0, epoch=1, index=0)
    rows, columns = np.flatnonzero(traced.mask.any(1)), np.flatnonzero(traced.mask.any(0))
    # The box of 30 x 20 px fits 3 times; 0.4 of that is 36 x 24, in the upper right corner.
    assert (rows[0], rows[-1]) == (0, 23) and (columns[0], columns[-1]) == (54, 89)
    car = traced.image[traced.mask]
    assert np.abs(car.astype(int) - (200, 30, 30)).max() <= 2, "a rim of the old background shows"
    ground = traced.image[~traced.mask].astype(int)
    assert (np.abs(ground[:, [0, 2]] - 40) <= 1).all() and ground[:, 1].min() >= 149
    drawn = traced.applied[0].parameters
    assert drawn["background"] in {"a.png", "b.png", "more/c.png"}
    assert drawn["scale"] == 0.4 and drawn["position_x"] == 1.0
    assert all(not name.startswith("_") for name in drawn)


def test_small_cars_are_not_blown_up(green: Path) -> None:
    image, mask = pair()
    out = composite(green, scale=(1.2, 1.2))(image, mask, seed=0, epoch=1, index=0)[1]
    assert out.any(axis=0).sum() == round(30 * 1.4)


def test_the_border_cuts_a_part_and_never_all(green: Path) -> None:
    image, mask = pair()
    whole = composite(green, scale=(0.4, 0.4), position_x=(0, 0))
    cut = composite(green, scale=(0.4, 0.4), position_x=(-0.2, -0.2))
    areas = [a(image, mask, seed=0, epoch=1, index=0)[1].sum() for a in (whole, cut)]
    assert areas[1] == pytest.approx(0.8 * areas[0], rel=0.04)


def test_a_photo_without_car_stays(green: Path) -> None:
    image, mask = pair()
    traced = composite(green).traced(image, np.zeros_like(mask), seed=0, epoch=1, index=0)
    assert np.array_equal(traced.image, image) and not traced.mask.any()
    assert traced.applied[0].parameters == {"background": ""}


def test_backgrounds_and_places_vary_and_repeat(green: Path) -> None:
    image, mask = pair()
    one, other = composite(green), composite(green)
    drawn = []
    for index in (*range(12), 3):
        traced = one.traced(image, mask, seed=2, epoch=1, index=index)
        drawn.append(traced.applied[0].parameters)
    assert drawn[-1] == drawn[3] and len({d["background"] for d in drawn}) == 3
    assert len({d["position_x"] for d in drawn}) == 12
    late = other.traced(image, mask, seed=2, epoch=1, index=3)
    again = one.traced(image, mask, seed=2, epoch=1, index=3)
    assert np.array_equal(late.image, again.image) and late.applied == again.applied


def test_folders_without_photos_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no photo"):
        composite(tmp_path / "empty")
    with pytest.raises(DataError, match="no folder"):
        composite(tmp_path / "missing")


def test_backgrounds_are_sorted_and_kept_for_a_while(green: Path) -> None:
    photos = Backgrounds(green)
    assert [photos.name(i) for i in range(len(photos))] == ["a.png", "b.png", "more/c.png"]
    first = photos.read(0)
    assert photos.read(0) is first and first[0, 0].tolist() == [40, 160, 40]


def test_edge_colours_come_from_inside() -> None:
    image, mask = pair()
    image[19:41, 29:61] = 230  # a bright rim, one px into the car
    image[21:39, 31:59] = (200, 30, 30)
    cutout = cut_by_levels(image, mask_levels(mask))
    assert cutout is not None and np.array_equal(cutout.alpha, mask)
    assert (cutout.foreground == (200, 30, 30)).all()
    assert cut_by_levels(image, np.zeros(mask.shape, np.uint8)) is None


def test_a_single_pixel_is_still_cut_out() -> None:
    image, _ = pair()
    mask = np.zeros((60, 90), bool)
    mask[5, 7] = True
    cutout = cut_by_levels(image, mask_levels(mask))
    assert cutout is not None and cutout.box() == (5, 7, 6, 8)
    assert (cutout.foreground == image[5, 7]).all()


def test_colours_move_towards_the_surroundings_as_told() -> None:
    image, mask = pair()
    cutout = cut_by_levels(image, mask_levels(mask))
    assert cutout is not None
    night = np.full((60, 90, 3), (10, 12, 40), np.uint8)
    levels = [
        match_colours(cutout, image, mask, night, strength)[mask].mean()
        for strength in (0.0, 0.5, 1.0)
    ]
    assert levels[0] == pytest.approx(260 / 3) and levels[0] > levels[1] > levels[2]
    warm = np.full((60, 90, 3), (240, 200, 120), np.uint8)
    shifted = match_colours(cutout, image, mask, warm, 1.0)[mask].astype(int).mean(0)
    cold = match_colours(cutout, image, mask, warm[..., ::-1].copy(), 1.0)[mask].astype(int).mean(0)
    assert shifted[0] - shifted[2] > cold[0] - cold[2]


def test_the_shadow_lies_below_the_car() -> None:
    alpha = np.zeros((60, 90), np.float32)
    alpha[15:40, 20:70] = 1
    alpha[36:40, 30:60] = 0  # the gap between the wheels
    ground = np.full((60, 90, 3), 200, np.uint8)
    light, dark = (ground_shadow(ground, alpha, s).mean(2) for s in (0.3, 0.9))
    assert dark[38, 45] < 60 and dark[38, 45] < light[38, 45] < 180
    assert dark[41, 45] < 120 and dark[5, 45] == 200 and dark[58, 2] > 190
    assert np.array_equal(ground_shadow(ground, alpha, 0.0), ground)
    assert np.array_equal(ground_shadow(ground, np.zeros_like(alpha), 0.9), ground)


def test_the_edge_is_as_soft_as_told() -> None:
    alpha = np.zeros((30, 30), np.float32)
    alpha[:, 15:] = 1
    black, white = np.zeros((30, 30, 3), np.uint8), np.full((30, 30, 3), 255, np.uint8)

    def between(soft_edge: float) -> int:
        row = blend(black, white, alpha, soft_edge)[10, :, 0]
        assert (np.diff(row.astype(int)) >= 0).all()
        return int(((row > 5) & (row < 250)).sum())

    assert between(0) == 0 < between(2) < between(6)


def test_a_box_of_nothing_is_empty() -> None:
    gone = Cutout(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32))
    assert gone.box() == (0, 0, 0, 0)
