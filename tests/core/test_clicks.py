"""Clicks: what the network sees of them, and that its answer changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.click_network import ClickNetwork
from core.clicks import (
    CHANNELS,
    Click,
    changed_part,
    click_maps,
    connected_part,
    crop_round,
    network_input,
    target_crop,
)
from core.errors import CheckpointError, ConfigError, MaskError
from core.model import UNet
from core.preprocess import Preprocessing
from core.refine import Crop
from core.torch_predictor import TorchPredictor

SHAPE = (90, 140)
CONFIG = UNetConfig(
    in_channels=CHANNELS, out_channels=1, width=2, depth=2, padding="same", norm="batch"
)


def network(seed: int = 0, bias: float | None = None) -> ClickNetwork:
    """Returns an untrained network; with a bias one that gives the same answer everywhere."""
    torch.manual_seed(seed)
    model = UNet(CONFIG).eval()
    if bias is not None:
        torch.nn.init.zeros_(model.final.weight)
        torch.nn.init.constant_(model.final.bias, bias)
    return ClickNetwork(model, Preprocessing(size=64))


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


@pytest.fixture
def two_parts() -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[10:40, 10:50] = mask[50:80, 90:130] = True
    return mask


def test_a_click_is_a_disk_where_the_crop_has_it() -> None:
    clicks = [Click(60, 30, True), Click(20, 70, False), Click(139, 89, True)]
    positive, negative = click_maps(clicks, Crop(0, 0, 80, 120), (160, 240))
    rows, columns = np.nonzero(positive)
    assert (rows.mean(), columns.mean()) == pytest.approx((60.5, 120.5), abs=0.6)
    rows, columns = np.nonzero(negative)
    assert (rows.mean(), columns.mean()) == pytest.approx((140.5, 40.5), abs=0.6)


def test_the_network_sees_photo_mask_and_clicks_of_the_crop(
    photo: np.ndarray, two_parts: np.ndarray
) -> None:
    crop = Crop(10, 10, 74, 74)
    inputs = network_input(
        photo, two_parts, [Click(12, 12, True)], crop, (64, 64), Preprocessing(size=64)
    )
    assert inputs.shape == (CHANNELS, 64, 64) and inputs.dtype == np.float32
    picture = Preprocessing().denormalise(inputs[:3])
    np.testing.assert_array_equal(picture, photo[10:74, 10:74])
    np.testing.assert_array_equal(inputs[3] > 0.5, two_parts[10:74, 10:74])
    assert inputs[4, 2, 2] == 1 and not inputs[5].any()


def test_the_crop_holds_the_click_and_the_part_near_it(two_parts: np.ndarray) -> None:
    crop = target_crop(two_parts, Click(52, 30, True))
    assert crop.top <= 10 and crop.left <= 10 and crop.bottom >= 40 and crop.right >= 53
    assert crop.right < 90  # the other part lies elsewhere
    whole = Crop(0, 0, *SHAPE)
    assert target_crop(two_parts, Click(5, 85, True)) == whole
    assert target_crop(np.zeros(SHAPE, np.bool_), Click(52, 30, True)) == whole


@pytest.mark.parametrize("place", [(0, 0), (139, 89), (70, 45), (139, 0)])
def test_a_crop_stays_within_the_photo_and_is_not_too_small(place: tuple[int, int]) -> None:
    click = Click(*place, True)
    crop = crop_round(Crop(place[1], place[0], place[1] + 1, place[0] + 1), click, SHAPE)
    assert 0 <= crop.top <= click.y < crop.bottom <= SHAPE[0]
    assert 0 <= crop.left <= click.x < crop.right <= SHAPE[1]
    assert min(crop.bottom - crop.top, crop.right - crop.left) >= 8


def test_a_part_is_connected_and_the_nearest_one(two_parts: np.ndarray) -> None:
    part = connected_part(two_parts, 50, 20, reach=2)
    assert part is not None and part[:, :60].sum() == two_parts[:, :60].sum()
    assert not part[:, 60:].any()
    assert connected_part(two_parts, 60, 20, reach=2) is None


def test_a_click_changes_by_its_sign_alone(two_parts: np.ndarray) -> None:
    wanted = np.roll(two_parts, 10, axis=1)
    added = changed_part(two_parts, wanted, Click(55, 20, True))
    assert added is not None and not (added & two_parts).any() and added.sum() == 30 * 10
    removed = changed_part(two_parts, wanted, Click(15, 20, False))
    assert removed is not None and (removed & two_parts).sum() == removed.sum() == 30 * 10
    assert changed_part(two_parts, wanted, Click(30, 20, True)) is None


def test_a_negative_click_takes_away_one_part_and_leaves_the_other(
    photo: np.ndarray, two_parts: np.ndarray
) -> None:
    change = network(bias=-5).change(photo, two_parts, [Click(20, 20, False)])
    assert change is not None
    np.testing.assert_array_equal(change.applied(two_parts)[:, 60:], two_parts[:, 60:])
    assert not change.applied(two_parts)[:, :60].any()
    assert network(bias=-5).change(photo, two_parts, [Click(20, 20, True)]) is None


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_network_says_only_the_part_at_the_click_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(30, 300)), int(rng.integers(30, 300)))
    photo = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = cv2.resize(rng.random((6, 6)), shape[::-1]) > 0.5
    y, x = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
    click = Click(x, y, not mask[y, x])
    before = mask.copy()
    change = network(seed).change(photo, mask, [Click(0, 0, True), click])
    np.testing.assert_array_equal(mask, before)
    if change is None:
        return
    after = change.applied(mask)
    turned = after != mask
    assert (after[turned] == click.positive).all()
    count, _ = cv2.connectedComponents(turned.view(np.uint8), connectivity=8)
    assert count == 2  # background and one part
    rows, columns = np.nonzero(turned)
    assert np.hypot(rows - y, columns - x).min() <= 12


def test_clicks_that_make_no_sense_are_refused(photo: np.ndarray, two_parts: np.ndarray) -> None:
    with pytest.raises(ConfigError):
        network().change(photo, two_parts, [])
    with pytest.raises(ConfigError):
        network().change(photo, two_parts, [Click(140, 3, True)])
    with pytest.raises(MaskError):
        network().change(photo, two_parts[:50], [Click(3, 3, True)])


def test_neither_network_does_the_work_of_the_other(tmp_path: Path) -> None:
    for name, config in (("click", CONFIG), ("car", replace(CONFIG, in_channels=3))):
        info = CheckpointInfo(model=config, preprocessing=Preprocessing(size=64))
        save_checkpoint(tmp_path / f"{name}.safetensors", UNet(config), info)
    assert ClickNetwork.load(tmp_path / "click.safetensors").fingerprint
    with pytest.raises(CheckpointError):
        ClickNetwork.load(tmp_path / "car.safetensors")
    with pytest.raises(CheckpointError):
        TorchPredictor.load(tmp_path / "click.safetensors")
