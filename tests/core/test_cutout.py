"""Cut-outs by hand: what stays the photo's, what is soft, and what no file may hold."""

import numpy as np
import pytest

from core.cutout import Cutout, cut_out
from core.errors import ImageError, MaskError


def disc(height: int = 120, width: int = 160, radius: float = 40.3) -> np.ndarray:
    """Share of each pixel that a disc in the middle covers, (H, W) float32."""
    fine = 8
    rows = (np.arange(height * fine) + 0.5) / fine - height / 2
    columns = (np.arange(width * fine) + 0.5) / fine - width / 2
    inside = rows[:, None] ** 2 + columns**2 < radius**2
    return inside.reshape(height, fine, width, fine).mean((1, 3)).astype(np.float32)


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
    assert np.abs(cutout.alpha - truth).sum() < hard
    assert ((cutout.alpha >= 0) & (cutout.alpha <= 1)).all()
    seen = cutout.alpha > 0.1
    error = np.abs(cutout.foreground[seen].astype(int) - (200, 30, 30)).max(axis=1)
    assert np.median(error) <= 12
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
