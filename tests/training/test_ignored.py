"""Pixels that nobody judges: in no loss, no metric, no histogram, through every augmentation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from core.image import encode_png
from core.mask_classes import MaskClasses
from core.masks import MaskSettings
from core.truth import IGNORED, Truth
from training.augment.compose import Augmenter
from training.augment.recipe import Recipe, Step
from training.augment.written.settings import AugmentJob, read_versions
from training.augment.written.writer import write_augmented
from training.config import TrainConfig
from training.data.folder import Reading, Sample, open_dataset
from training.data.mask_source import ClassMask
from training.engine.batches import TrainingSquares
from training.engine.learner import Learner
from training.engine.loss import make_loss, without_ignored
from training.engine.training_data import PhotoCache
from training.evaluation.measure import histogram_of, row_of

HEIGHT, WIDTH = 96, 128


def car() -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, (64, 52), (40, 24), 0, 0, 360, 1, -1)
    return drawn.astype(bool)


def seam() -> np.ndarray:
    edge = cv2.morphologyEx(car().astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9)))
    return edge.astype(bool)


def write(root: Path, values: np.ndarray, names: tuple[str, ...] = ("a_01", "b_01")) -> Path:
    """Writes photos whose bright part is the car, and masks of these values."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for seed, name in enumerate(names):
        photo = np.random.default_rng(seed).integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8)
        photo[car()] += 150
        (root / "images" / f"{name}.png").write_bytes(encode_png(photo))
        Image.fromarray(values).save(root / "masks" / f"{name}.png")
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "void", np.where(seam(), 255, car()).astype(np.uint8))


def truth_of(sample: Sample) -> Truth:
    return sample.read_truth()[1]


def test_a_folder_of_0_1_and_255(data: Path) -> None:
    for sample in open_dataset(data).samples:
        truth = truth_of(sample)
        assert truth.ignored is not None
        assert np.array_equal(truth.ignored, seam())
        assert np.array_equal(truth.car, car() & ~seam())
        assert np.array_equal(sample.read()[1], truth.car)


def test_labels_say_the_same() -> None:
    truth = Truth(car() & ~seam(), seam())
    assert set(np.unique(truth.labels)) == {0, 1, IGNORED}
    again = Truth.of_labels(truth.labels)
    assert again.ignored is not None
    assert np.array_equal(again.car, truth.car)
    assert np.array_equal(again.ignored, truth.ignored)
    assert Truth.of_labels(Truth(car()).labels).ignored is None
    assert np.array_equal(truth.inverted().car, ~car() & ~seam())


def test_metrics_do_not_depend_on_ignored_pixels(data: Path) -> None:
    sample = open_dataset(data).samples[0]
    image, truth = sample.read_truth()
    rng = np.random.default_rng(0)
    right = np.where(truth.car, 0.9, 0.1).astype(np.float32)
    noisy = np.where(seam(), rng.random((HEIGHT, WIDTH)), right).astype(np.float32)
    rows = [row_of(sample, image, truth, each, MaskSettings()) for each in (right, noisy)]
    for row in rows:
        assert row.dice == row.iou == row.boundary_iou == row.boundary_f1_1px == 1
        assert (row.hd95, row.false_positive, row.false_negative) == (0, 0, 0)
    assert row_of(sample, image, Truth(truth.car), noisy, MaskSettings()).dice < 1
    counted = [histogram_of(each, truth.car, truth.ignored) for each in (right, noisy)]
    assert np.array_equal(counted[0].counts, counted[1].counts)
    assert np.array_equal(counted[0].sums, counted[1].sums)
    assert counted[0].counts.sum() == (~seam()).sum()


@pytest.mark.parametrize("name", ["bce", "dice", "bce_dice", "focal", "tversky", "lovasz"])
@pytest.mark.parametrize("edge_weight", [0.0, 5.0])
def test_no_loss_sees_ignored_pixels(name: Any, edge_weight: float) -> None:
    loss = make_loss(TrainConfig(loss=name, edge_weight=edge_weight))
    labels = torch.from_numpy(Truth(car() & ~seam(), seam()).labels)[None, None]
    extra = torch.rand(labels.shape) if edge_weight else None
    found = []
    for seed in (1, 2):
        torch.manual_seed(0)
        logits = torch.randn(labels.shape)
        torch.manual_seed(seed)
        noise = 20 * torch.randn(labels.shape)
        logits = torch.where(labels == IGNORED, noise, logits).requires_grad_()
        value = loss(*without_ignored(logits, labels), extra)
        value.backward()
        assert logits.grad is not None
        assert (logits.grad[labels == IGNORED] == 0).all()
        assert (logits.grad[labels != IGNORED] != 0).any()
        found.append(float(value.detach()))
    assert np.isfinite(found[0])
    assert found[0] == found[1]


def test_training_gets_the_ignored_pixels(data: Path) -> None:
    samples = open_dataset(data).samples
    config = TrainConfig(data=(str(data),), size=64, recipe="none", width=4, depth=2)
    for kept in (None, PhotoCache(samples, 64)):
        image, labels = TrainingSquares(samples, config, 1, kept)[0]
        assert image.shape == (64, 64, 3)
        assert set(labels.unique().tolist()) == {0, 1, IGNORED}
        assert float((labels == IGNORED).float().mean()) == pytest.approx(seam().mean(), rel=0.1)
    heavy = replace(config, recipe="heavy")
    for place in range(6):  # kept photos are those of the files
        pair = [
            TrainingSquares([samples[0]] * 6, heavy, 1, kept)[place]
            for kept in (None, PhotoCache(samples, 64))
        ]
        assert all(torch.equal(*each) for each in zip(*pair, strict=True))
    learner = Learner(config, torch.device("cpu"))
    batch = (image[None], labels[None])
    assert np.isfinite(learner.step([batch], 1e-3))


@pytest.mark.parametrize("size", [47, 64, 200])
def test_no_background_opens_between_car_and_void(size: int) -> None:
    left = np.zeros((HEIGHT, WIDTH), bool)
    left[:, :61] = True
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for recipe in (Recipe("none", ""), Recipe("flip", "", (Step("HorizontalFlip", 1.0),))):
        place = {"seed": 1, "epoch": 1, "index": 0}
        truth = Augmenter(recipe, size).of_truth(image, Truth(left, ~left), **place)[1]
        assert truth.ignored is not None
        assert (truth.car ^ truth.ignored).all()
        assert truth.car.mean() == pytest.approx(left.mean(), abs=0.6 / size)


@pytest.mark.parametrize("recipe", ["heavy", "studio", "paper", "robust"])
def test_ignored_pixels_move_with_the_car(data: Path, recipe: str) -> None:
    image, truth = open_dataset(data).samples[0].read_truth()
    for index in range(6):
        place = {"seed": 1, "epoch": 1, "index": index}
        moved, new = Augmenter(recipe, 128).of_truth(image, truth, **place)
        same, mask = Augmenter(recipe, 128)(image, truth.car, **place)
        assert np.array_equal(moved, same)
        assert np.array_equal(new.car, mask)
        if new.ignored is None or not new.car.any():
            continue
        assert not (new.ignored & new.car).any()
        beside = cv2.dilate(new.car.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inner = np.s_[8:-8, 8:-8]
        around = (beside & ~new.car)[inner]
        assert new.ignored[inner][around].mean() > 0.9


def test_an_augmented_set_keeps_them(data: Path, tmp_path: Path) -> None:
    empty = np.where(seam(), 255, 0).astype(np.uint8)
    Image.fromarray(empty).save(data / "masks" / "b_01.png")  # void, no car
    reading = Reading(classes=("1",))
    job = AugmentJob(data, tmp_path / "out", 1, Recipe("none", ""), workers=1, reading=reading)
    assert write_augmented(job).finished
    for sample, drawn in zip(open_dataset(tmp_path / "out").samples, (True, False), strict=True):
        truth = truth_of(sample)
        assert truth.ignored is not None
        assert np.array_equal(truth.ignored, seam())
        assert np.array_equal(truth.car, car() & ~seam() & drawn)
    (version,) = read_versions(tmp_path / "out", "b_01")
    assert not version.read()[1].any()


def test_voc_masks_ignore_their_void(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.where(seam(), 255, 7 * car()).astype(np.uint8)).save(path)
    truth = ClassMask(path, MaskClasses((7,))).read_truth((HEIGHT, WIDTH))
    assert truth.ignored is not None
    assert np.array_equal(truth.ignored, seam())
