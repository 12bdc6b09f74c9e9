"""Cut-outs by hand: what stays the photo's, what is soft, and what no file may hold."""

import cv2
import numpy as np
import pytest

from core.cutout import Cutout, cut_out
from core.errors import ImageError, MaskError
from core.preprocess import enlarge
from core.tiles import in_tiles


def disc(height: int = 120, width: int = 160, radius: float = 40.3) -> np.ndarray:
    """Share of each pixel that a disc in the middle covers, (H, W) float32."""
    rows = np.arange(height) + 0.5 - height / 2
    columns = np.arange(width) + 0.5 - width / 2
    inside = radius - np.hypot(rows[:, None], columns) + 0.5
    return np.clip(inside, 0, 1).astype(np.float32)


def photo_of(alpha: np.ndarray, car: tuple[int, ...], background: tuple[int, ...]) -> np.ndarray:
    share = alpha[..., None]
    return np.rint(share * np.array(car) + (1 - share) * np.array(background)).astype(np.uint8)


def test_a_hard_edge_is_the_mask_and_the_photo() -> None:
    rng = np.random.default_rng(5)
    photo = rng.integers(0, 256, (23, 31, 3), dtype=np.uint8)
    mask = rng.random((23, 31)) < 0.5
    cutout = cut_out(photo, mask, edge="hard")
    assert np.array_equal(cutout.alpha, mask) and np.array_equal(cutout.foreground, photo)
    rgba = cutout.rgba()
    assert rgba.dtype == np.uint8 and np.array_equal(rgba[..., 3], np.where(mask, 255, 0))
    assert np.array_equal(rgba[mask][:, :3], photo[mask])
    assert not rgba[~mask].any()


def test_a_soft_edge_follows_the_photo_and_loses_the_background() -> None:
    truth = disc()
    photo = photo_of(truth, (200, 30, 30), (40, 160, 60))
    mask = np.roll(truth >= 0.5, 1, axis=1)  # a pixel off
    cutout = cut_out(photo, mask)
    hard = np.abs(mask - truth).sum()
    assert np.abs(cutout.alpha - truth).sum() < 0.4 * hard
    assert ((cutout.alpha >= 0) & (cutout.alpha <= 1)).all()
    seen = cutout.alpha > 0.1
    error = np.abs(cutout.foreground[seen].astype(int) - (200, 30, 30)).max(axis=1)
    assert np.percentile(error, 99) <= 12
    assert not cutout.rgba()[cutout.alpha == 0].any()


def test_away_from_the_edge_alpha_is_the_mask() -> None:
    truth = disc()
    photo = np.random.default_rng(1).integers(0, 256, (*truth.shape, 3), dtype=np.uint8)
    alpha = cut_out(photo, truth >= 0.5).alpha
    assert (alpha[disc(radius=28) == 1] == 1).all()
    assert (alpha[disc(radius=52) == 0] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 2), (3, 5), (40, 1), (17, 19)])
@pytest.mark.parametrize("kind", ["empty", "whole", "half", "speckled"])
def test_any_size_and_any_mask(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(2)
    photo = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, bool)
    if kind == "whole":
        mask[:] = True
    elif kind == "half":
        mask[:, : (shape[1] + 1) // 2] = True
    elif kind == "speckled":
        mask[:] = rng.random(shape) < 0.5
    cutout = cut_out(photo, mask, rng.random((5, 7), np.float32))
    assert cutout.alpha.shape == shape and cutout.alpha.dtype == np.float32
    assert np.isfinite(cutout.alpha).all()
    if kind in ("empty", "whole"):
        assert np.array_equal(cutout.alpha, mask) and np.array_equal(cutout.foreground, photo)


def test_a_car_stays_opaque_at_the_picture_s_border() -> None:
    photo = photo_of(disc(), (200, 30, 30), (40, 160, 60))[:, 80:]
    mask = (disc() >= 0.5)[:, 80:]
    assert (cut_out(photo, mask).alpha[40:80, 0] == 1).all()


def test_over_a_background_by_hand() -> None:
    foreground = np.full((1, 3, 3), 200, np.uint8)
    cutout = Cutout(foreground, np.array([[0, 0.25, 1]], np.float32))
    assert cutout.over(np.uint8([100, 100, 100]))[0, :, 0].tolist() == [100, 125, 200]
    assert cutout.over(np.zeros((1, 3, 3), np.uint8))[0, :, 1].tolist() == [0, 50, 200]


def test_bad_input_is_named() -> None:
    photo, mask = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), bool)
    with pytest.raises(ImageError, match=r"\(4, 6\)"):
        cut_out(photo[..., 0], mask)
    with pytest.raises(MaskError, match="5 x 4"):
        cut_out(photo, mask[:, 1:])
    with pytest.raises(MaskError, match="sigmoid"):
        cut_out(photo, ~mask, np.full((2, 2), 7, np.float32))
    with pytest.raises(ImageError, match="furry"):
        cut_out(photo, mask, edge="furry")  # type: ignore[arg-type]


def scene(height: int, width: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A red disc over a mottled green ground, and its exact alpha; the photo is (H, W, 3)."""
    truth = disc(height, width, radius=height * 0.35)
    rng = np.random.default_rng(seed)
    ground = np.array((60, 140, 70)) + rng.normal(0, 12, (height, width, 1))
    car = np.array((190, 40, 30)) + rng.normal(0, 4, (height, width, 1))
    mixed = truth[..., None] * car + (1 - truth[..., None]) * ground
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), truth


def soft_probability(truth: np.ndarray, factor: int, shift: int, width: float) -> np.ndarray:
    """What a network says of a scene on a grid `factor` px wide: moved, and unsure by `width`."""
    height, wide = truth.shape[0] // factor, truth.shape[1] // factor
    small = cv2.resize(truth, (wide, height), interpolation=cv2.INTER_AREA)
    return np.clip(cv2.GaussianBlur(np.roll(small, shift, axis=1), (0, 0), width), 0, 1)


def test_the_photo_decides_within_the_network_s_reach() -> None:
    photo, truth = scene(480, 640)
    probability = soft_probability(truth, 4, 1, 1.2)  # 4 px off
    mask = enlarge(probability, *truth.shape) >= 0.5
    alpha = cut_out(photo, mask, probability).alpha
    assert np.abs(alpha - truth).sum() < 0.1 * np.abs(mask - truth).sum()


def test_an_edited_edge_is_taken_to_be_exact() -> None:
    """A person cut the disc in two where the network saw one car, and the photo has no edge."""
    photo, truth = scene(480, 640)
    probability = soft_probability(truth, 4, 0, 0.8)
    mask = truth >= 0.5
    mask[:, 320:] = False
    alpha = cut_out(photo, mask, probability).alpha
    inner = np.s_[200:280]
    assert (alpha[inner, 300:314] == 1).all() and (alpha[inner, 326:340] == 0).all()


def test_windows_and_wrong_areas_stay_as_the_mask_has_them() -> None:
    """No part of the photo far from the mask's edge changes alpha, whatever its colour."""
    photo, truth = scene(480, 640)
    photo[200:280, 280:360] = photo[5:85, 5:85]  # a window that shows the ground
    photo[10:40, 10:60] = photo[230:260, 200:250]  # a red thing that the network left out
    probability = soft_probability(truth, 4, 0, 0.8)
    alpha = cut_out(photo, truth >= 0.5, probability).alpha
    assert (alpha[200:280, 280:360] == 1).all() and (alpha[10:40, 10:60] == 0).all()


@pytest.mark.parametrize("thickness", [2, 3, 5])
def test_thin_parts_of_a_mask_are_not_lost(thickness: int) -> None:
    photo, truth = scene(960, 1280)
    mask = truth >= 0.5
    left = 640
    mask[40:200, left : left + thickness] = True  # an aerial
    photo[40:200, left : left + thickness] = (20, 20, 20)
    probability = soft_probability(truth, 4, 0, 0.8)
    alpha = cut_out(photo, mask, probability).alpha
    assert alpha[50:180, left : left + thickness].mean() > 0.7
    assert alpha[50:120, left + 12 : left + 40].max() == 0


def test_tiles_come_back_where_they_were() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (150, 203, 3), dtype=np.uint8)
    where = np.zeros((150, 203), bool)
    where[[0, 149, 70], [0, 202, 100]] = True
    result = np.zeros_like(picture)
    in_tiles(where, lambda tiles: tiles.scatter(tiles.gather(picture), result))
    written = result.any(axis=2)
    assert written[where].all() and written.sum() <= 3 * 64 * 64
    assert np.array_equal(result[written], picture[written])


def test_a_plane_of_half_the_size_is_enlarged_as_a_whole_would_be() -> None:
    half = np.random.default_rng(1).random((61, 90), np.float32)
    wanted = cv2.resize(half, (180, 122))[:121, :179]
    result = np.zeros((121, 179), np.float32)
    everywhere = np.ones(result.shape, bool)
    in_tiles(everywhere, lambda tiles: tiles.scatter(tiles.gather_enlarged(half), result))
    assert np.allclose(result, wanted, atol=1e-5)
