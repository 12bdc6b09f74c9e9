"""Simulated clicks and the training of the network that answers them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, list_checkpoints, read_info, save_checkpoint
from core.click_network import ClickNetwork
from core.clicks import CHANNELS, NETWORK_FILE
from core.errors import ConfigError
from core.image import encode_jpeg
from core.model import UNet
from core.preprocess import Preprocessing
from core.truth import IGNORED
from training.augment.composite import Backgrounds
from training.clicks.config import ClickConfig
from training.clicks.scenes import Scene, composite_scene, photo_scene
from training.clicks.simulate import draw_crop, draw_task, error_click, spoiled, worst_click
from training.clicks.tasks import ClickTasks, clicked_parts, next_click
from training.clicks.train import ClickTrainer
from training.data.folder import open_dataset, open_datasets
from training.data.splits import split_by_car
from training.engine.click_learner import widened

SEGMENTS = UNetConfig(in_channels=3, out_channels=1, width=2, depth=2, padding="same", norm="batch")


def scene_of_three(*, apart: bool = True) -> Scene:
    photo = np.random.default_rng(0).integers(0, 256, (120, 180, 3), dtype=np.uint8)
    cars = np.zeros((120, 180), np.uint8)
    cars[20:60, 10:70] = 1
    cars[30:80, 70:130] = 2  # touches the first one
    cars[90:110, 140:175] = 3
    cars[:4] = IGNORED
    return Scene(photo, cars, apart)


@pytest.fixture
def backgrounds(tmp_path: Path) -> Path:
    folder = tmp_path / "backgrounds"
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    (folder / "street.jpg").write_bytes(encode_jpeg(pixels))
    return folder


def test_a_composite_shows_two_to_five_cars_of_which_none_is_hidden(
    tiny_data: Path, backgrounds: Path
) -> None:
    samples = open_dataset(tiny_data).samples
    counts = set()
    for seed in range(12):
        scene = composite_scene(samples, Backgrounds(backgrounds), np.random.default_rng(seed))
        assert scene.photo.shape[:2] == scene.cars.shape and scene.apart
        areas = [(scene.cars == number).sum() for number in scene.numbers]
        assert min(areas) > 50
        counts.add(len(areas))
    assert max(counts) <= 5 and len(counts) > 1


def test_a_photo_has_its_cars_apart_where_their_numbers_are_known(
    tiny_data: Path, tmp_path: Path
) -> None:
    sample = open_dataset(tiny_data).samples[0]
    assert not photo_scene(sample).apart
    _, mask = sample.read()
    numbers = np.where(mask, 1, 0).astype(np.uint8)
    numbers[: mask.shape[0] // 2][mask[: mask.shape[0] // 2]] = 2
    folder = tmp_path / "instances"
    folder.mkdir()
    from PIL import Image

    Image.fromarray(numbers).save(folder / f"{sample.name}.png")
    scene = photo_scene(sample, folder)
    assert scene.apart
    np.testing.assert_array_equal(scene.cars > 0, mask)


@pytest.mark.parametrize("seed", range(40))
def test_a_click_lies_where_the_mask_is_wrong_and_says_what_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    task = draw_task(scene_of_three(apart=bool(seed % 2)), rng)
    if task is None:
        return
    *before, click = task.clicks
    assert task.error[click.y, click.x]
    for each in task.clicks:
        assert task.truth[each.y, each.x] == each.positive
    for each in before:  # those that were answered are right by now
        assert task.mask[each.y, each.x] == each.positive
    for aspect in (0.7, 1.0, 1.9):
        crop = draw_crop(task, rng, aspect)
        assert crop.top <= click.y < crop.bottom and crop.left <= click.x < crop.right
        assert 0 <= crop.top < crop.bottom <= 120 and 0 <= crop.left < crop.right <= 180


def test_on_an_empty_mask_the_truth_is_the_car_that_was_clicked() -> None:
    scene, seen = scene_of_three(), set()
    for seed in range(60):
        task = draw_task(scene, np.random.default_rng(seed))
        if task is not None and not task.mask.any():
            number = scene.cars[task.clicks[-1].y, task.clicks[-1].x]
            np.testing.assert_array_equal(task.truth, scene.cars == number)
            seen.add(int(number))
    assert seen == {1, 2, 3}


def test_a_share_of_the_samples_masks_one_car_of_several_from_a_click() -> None:
    one = scene_of_three()
    one.cars[one.cars != 1] = 0  # nothing to tell apart
    pools = [(0.5, [one]), (0.5, [scene_of_three()])]
    mixed = ClickTasks(pools, Preprocessing(size=64), 4, seed=0, single_cars=1.0)
    seen = set()
    for seed in range(20):
        task = mixed.draw(np.random.default_rng(seed))
        (click,) = task.clicks
        number = scene_of_three().cars[click.y, click.x]
        assert click.positive and not task.mask.any()
        np.testing.assert_array_equal(task.truth, scene_of_three().cars == number)
        seen.add(int(number))
    assert seen == {1, 2, 3}
    alone = ClickTasks([(1.0, [one])], Preprocessing(size=64), 4, seed=0, single_cars=1.0)
    assert alone.draw(np.random.default_rng(0)).truth.any()


def test_a_person_clicks_on_the_largest_fault_but_not_always_in_its_middle() -> None:
    truth = np.zeros((60, 80), np.bool_)
    truth[10:50, 10:50] = True
    mask = truth.copy()
    mask[10:50, 30:50] = False
    mask[0:6, 60:70] = True
    places = {(c.x, c.y) for seed in range(20) if (c := _worst(truth, mask, seed))}
    assert len(places) > 5 and all(30 <= x < 50 for x, _ in places)
    assert worst_click(truth, truth, np.random.default_rng(0)) is None
    assert error_click(truth, truth, np.random.default_rng(0)) is None


def _worst(truth: np.ndarray, mask: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    return worst_click(truth, mask, np.random.default_rng(seed))


def test_masks_are_spoiled_in_many_ways() -> None:
    scene = scene_of_three()
    mask = scene.cars == 1
    grown, shrunk = 0, 0
    for seed in range(40):
        bad = spoiled(scene.photo, mask, np.random.default_rng(seed))
        assert bad.dtype == np.bool_ and bad.shape == mask.shape
        grown += bool((bad & ~mask).any())
        shrunk += bool((mask & ~bad).any())
    assert grown > 10 and shrunk > 10


def tasks(batch: int = 4) -> ClickTasks:
    return ClickTasks([(1.0, [scene_of_three()])], Preprocessing(size=64), batch, seed=5)


def test_a_batch_is_a_function_of_seed_and_number() -> None:
    for first, second in zip(tasks()[7], tasks()[7], strict=True):
        assert torch.equal(first, second)
    inputs, labels, clicks = tasks()[7]
    assert inputs.shape[:2] == (4, CHANNELS) and labels.shape[2:] == inputs.shape[2:]
    assert not torch.equal(inputs, tasks()[8][0]) or inputs.shape != tasks()[8][0].shape
    for plane, (y, x, positive) in zip(inputs, clicks.tolist(), strict=True):
        assert plane[4 if positive else 5, y, x] == 1


def test_the_next_click_lies_in_what_the_answer_left_wrong() -> None:
    inputs, labels = np.zeros((CHANNELS, 40, 60), np.float32), np.zeros((40, 60), np.uint8)
    labels[5:35, 5:55] = 1
    last = np.array([20, 10, 1])
    probability = np.zeros((40, 60), np.float32)
    probability[5:35, 5:30] = 0.9
    rng = np.random.default_rng(0)
    assert next_click(inputs, labels, last, probability, rng)
    np.testing.assert_array_equal(inputs[3] > 0.5, probability > 0.5)
    assert 30 <= last[1] < 55 and 5 <= last[0] < 35 and last[2] == 1
    assert inputs[4, last[0], last[1]] == 1
    assert not next_click(inputs, labels, last, np.float32(labels), rng)  # nothing is wrong then


def test_a_clicked_part_is_the_connected_part_that_is_wrong_at_the_click() -> None:
    inputs, labels, clicks = tasks(8)[3]
    parts = clicked_parts(inputs, labels, clicks)
    assert parts.shape == labels.shape and parts.any((1, 2, 3)).sum() >= 6
    wrong = (inputs[:, 3:4] >= 0.5) != (labels == 1)
    assert not (parts & ~(wrong & (labels != IGNORED))).any()
    for part, (y, x, _) in zip(parts, clicks.tolist(), strict=True):
        if part.any():
            assert part[0, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any()


def test_the_start_gives_the_answer_of_the_network_that_it_was() -> None:
    torch.manual_seed(0)
    for stem in ("plain", "space_to_depth"):
        model = UNet(replace(SEGMENTS, stem=stem)).eval()
        inputs = torch.rand(1, CHANNELS, 32, 48)
        expected = model(inputs[:, :3])
        wide = widened(model).eval()
        torch.testing.assert_close(wide(inputs), expected)
        assert widened(wide) is wide  # a click network is a start, too
    with pytest.raises(ConfigError):
        widened(UNet(replace(SEGMENTS, in_channels=1)))


@pytest.mark.slow
def test_a_training_writes_a_network_and_goes_on(
    tiny_data: Path, backgrounds: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    start = tmp_path / "start" / "checkpoints" / "best.safetensors"
    start.parent.mkdir(parents=True)
    info = CheckpointInfo(model=SEGMENTS, preprocessing=Preprocessing(size=64))
    save_checkpoint(start, UNet(SEGMENTS), info)
    split = tmp_path / "split.json"
    split_by_car(open_datasets([tiny_data]), 0.4, 0).save(split)
    config = ClickConfig(
        data=(str(tiny_data),),
        cars=(str(tiny_data),),
        backgrounds=str(backgrounds),
        split=str(split),
        start_from=str(start.parent.parent),
        masks_of=(str(start.parent.parent),),
        composites=3,
        size=64,
        batch=2,
        minutes=0.02,
        workers=0,
    )
    folder, lines = tmp_path / "runs" / "own", list[str]()
    first = ClickTrainer(folder, config, lines.append)
    first.run()
    assert first.state.step > 0 and ClickNetwork.load(folder / NETWORK_FILE).fingerprint
    assert read_info(folder / NETWORK_FILE).model.in_channels == CHANNELS
    assert list_checkpoints(tmp_path / "runs") == []  # it can't segment, so no list offers it
    longer = replace(config, minutes=first.state.seconds / 60 + 0.02)
    second = ClickTrainer(folder, longer, lines.append)
    second.run()
    assert second.state.step > first.state.step
    with pytest.raises(ConfigError):
        ClickTrainer(folder, replace(config, seed=1), lines.append)
