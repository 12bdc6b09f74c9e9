"""Augmentation: counted randomness, binary and aligned masks."""

import hashlib
import json
import multiprocessing
import os
import pickle
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.preprocess import HALF_LEVEL, mask_levels, resize
from training.augment.compose import Augmenter, resized
from training.augment.recipe import ONE_OF, RECIPES, Recipe, Step
from training.config import TrainConfig
from training.data.folder import open_dataset
from training.engine import batches
from training.engine.batches import epoch_batches, epoch_order


def pair() -> tuple[np.ndarray, np.ndarray]:
    """A photo that is its own mask: red where the car is."""
    mask = np.zeros((60, 90), bool)
    mask[20:45, 25:70] = True
    image = np.where(mask[..., None], (230, 20, 20), (20, 20, 230)).astype(np.uint8)
    return image, mask


@pytest.mark.parametrize("recipe", RECIPES)
def test_shape_type_and_alignment(recipe: str) -> None:
    image, mask = pair()
    augment = Augmenter(recipe, 64)
    for index in range(20):
        out, moved = augment(image, mask, seed=0, epoch=1, index=index)
        assert out.shape == (64, 64, 3) and out.dtype == np.uint8
        assert moved.shape == (64, 64) and moved.dtype == np.bool_
        if np.ptp(out.astype(int), axis=2).max() > 60:  # not turned grey
            seen = (out[..., 0] > out[..., 2]) | (out.max(axis=2) < 15) & moved  # a hole is black
            agreement = (seen == moved).mean()
            assert agreement > 0.9, f"sample {index}: mask and photo moved apart"
    assert np.array_equal(image, pair()[0]) and np.array_equal(mask, pair()[1])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["light", "heavy", "paper", "robust"])
def test_seed_epoch_and_index_alone_decide(recipe: str) -> None:
    mask = pair()[1]
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)

    def sample(seed: int, epoch: int, index: int) -> bytes:
        # A fresh augmenter each time: nothing is carried over from earlier samples.
        return Augmenter(recipe, 64)(image, mask, seed=seed, epoch=epoch, index=index)[0].tobytes()

    used = Augmenter(recipe, 64)
    for index in (5, 3, 9):
        out = used(image, mask, seed=0, epoch=1, index=index)[0].tobytes()
        assert out == sample(0, 1, index)
    keys = [(s, e, i) for s in range(3) for e in range(1, 4) for i in range(6)]
    # One in twenty is only mirrored or left as it is ("robust"); those are alike.
    assert len({sample(*key) for key in keys}) > 0.8 * len(keys)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_workers_change_nothing(tiny_data: Path, workers: int) -> None:
    samples = open_dataset(tiny_data).samples

    def epoch(number: int, count: int, first_step: int = 0) -> list[torch.Tensor]:
        config = TrainConfig(size=32, batch=4, workers=count, seed=4)
        return [images for images, _ in epoch_batches(samples, config, number, first_step)]

    alone = epoch(2, 0)
    assert len(alone) == 3  # 15 samples give three full batches of four
    assert all(torch.equal(a, b) for a, b in zip(alone, epoch(2, workers), strict=True))
    rest = epoch(2, workers, first_step=2)
    assert len(rest) == 1 and torch.equal(rest[0], alone[2])
    assert not torch.equal(alone[0], epoch(3, 0)[0])


def test_the_order_is_a_permutation_of_its_own() -> None:
    assert sorted(epoch_order(50, 1, 1)) == list(range(50))
    assert len({tuple(epoch_order(50, s, e)) for s in (0, 1) for e in (1, 2)}) == 4


def test_unknown_recipes_are_named() -> None:
    with pytest.raises(ConfigError, match="magic"):
        Augmenter("magic", 64)


def pattern() -> tuple[np.ndarray, np.ndarray]:
    """A photo of whole numbers alone, so that every machine has the same one."""
    y, x = np.mgrid[:80, :120]
    channels = [(3 * x + 5 * y) % 256, (x * y) % 251, (7 * x ^ 3 * y) % 256]
    mask = (x - 60) ** 2 + 4 * (y - 45) ** 2 < 45**2
    return np.stack(channels, axis=-1).astype(np.uint8), mask


@pytest.mark.parametrize(
    ("recipe", "photos", "masks"),
    [
        (
            "none",
            "a5bb2cc8a6877abebe1468f45ad3a4d9155268e23d65efd64b26611e8c752a84",
            "5db27dde90d011f2f1020da563b9eabb99a359f0881fa0330a05f03fd0d8b89b",
        ),
        (
            "robust",
            "eef016f40b95dc942b738c1aba27aed418db79b2fe17126943b20a72e5081cce",
            "7ad352c382f7e1b0c308bedcc28d9dc002c9480c71c6fa017c4baaac5cc81383",
        ),
    ],
)
def test_the_pixels_of_trained_recipes_never_change(recipe: str, photos: str, masks: str) -> None:
    # Runs name these recipes; the photos' digests are of the code that the first was trained with.
    image, mask = pattern()
    augment = Augmenter(recipe, 64)
    images, bits = hashlib.sha256(), hashlib.sha256()
    for seed in (0, 7):
        for epoch in (1, 2):
            for index in range(30):
                out, moved = augment(image, mask, seed=seed, epoch=epoch, index=index)
                images.update(out.tobytes())
                bits.update(moved.tobytes())
    assert (images.hexdigest(), bits.hexdigest()) == (photos, masks)


@pytest.mark.parametrize("recipe", RECIPES)
def test_traced_gives_the_same_pixels(recipe: str) -> None:
    image, mask = pattern()
    augment = Augmenter(recipe, None)
    names = Counter()
    for index in range(40):
        key = {"seed": 1, "epoch": 2, "index": index}
        traced = augment.traced(image, mask, **key)
        out, moved = augment(image, mask, **key)
        assert np.array_equal(traced.image, out) and np.array_equal(traced.mask, moved)
        again = augment.traced(image, mask, **key)
        assert again.applied == traced.applied
        if not traced.applied:
            assert np.array_equal(out, image) and np.array_equal(moved, mask)
        for applied in traced.applied:
            names[applied.transform] += 1
            text = json.dumps(applied.parameters, allow_nan=False)
            assert len(text) < 600, f"{applied.transform} dumps {len(text)} characters"
    flat = [s for step in RECIPES[recipe].steps for s in (step.steps or (step,))]
    assert set(names) <= {step.transform for step in flat}
    for step in RECIPES[recipe].steps:
        if step.probability >= 0.5:
            assert abs(names[step.transform] / 40 - step.probability) < 0.3


def test_traced_tells_which_of_a_group_it_was() -> None:
    image, mask = pattern()
    choices = (Step("HorizontalFlip", 0.5), Step("VerticalFlip", 0.5))
    augment = Augmenter(Recipe("one", "", (Step(ONE_OF, 1.0, steps=choices),)), None)
    seen = set()
    for index in range(20):
        traced = augment.traced(image, mask, seed=0, epoch=1, index=index)
        (applied,) = traced.applied
        seen.add(applied.transform)
        axis = 1 if applied.transform == "HorizontalFlip" else 0
        assert np.array_equal(traced.image, np.flip(image, axis))
        assert np.array_equal(traced.mask, np.flip(mask, axis))
    assert len(seen) == 2


def test_drawn_numbers_are_those_that_were_used() -> None:
    image, mask = pattern()
    steps = (Step("RandomBrightnessContrast", 1.0, (("contrast_limit", (0, 0)),)),)
    augment = Augmenter(Recipe("bright", "", steps), None)
    traced = augment.traced(image, mask, seed=0, epoch=1, index=3)
    drawn = traced.applied[0].parameters["beta"]
    expected = np.clip(image.astype(float) + drawn, 0, 255)
    assert abs(drawn) > 1 and np.abs(traced.image - expected).max() <= 1


def test_transforms_of_a_sample_are_drawn_apart() -> None:
    kinds = ("HorizontalFlip", "VerticalFlip", "RandomGamma", "ToGray", "CLAHE", "GaussNoise")
    augment = Augmenter(Recipe("six", "", tuple(Step(kind, 0.5) for kind in kinds)), 32)
    image, mask = pattern()
    counts = Counter(
        len(augment.traced(image, mask, seed=0, epoch=1, index=i).applied) for i in range(256)
    )
    # Six fair coins: all or none comes 1 time in 32; with one number for all it came always.
    assert counts[0] + counts[6] < 256 / 10
    assert counts[3] > 256 / 5


@pytest.mark.slow
def test_another_process_gives_the_same(tmp_path: Path) -> None:
    image, mask = pattern()
    augment = Augmenter("heavy", 48)
    key = {"seed": 5, "epoch": 3, "index": 17}
    here = augment.traced(image, mask, **key)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(augment.traced, (image, mask), key)
    assert np.array_equal(here.image, there.image) and np.array_equal(here.mask, there.mask)
    assert here.applied == there.applied
    copy = pickle.loads(pickle.dumps(augment))
    assert copy.recipe == augment.recipe and copy.size == 48


@pytest.mark.slow
def test_workers_repeat_nothing(tiny_data: Path, tmp_path: Path) -> None:
    Recipe("grey", "", (Step("RandomBrightnessContrast", 1.0),)).save(tmp_path / "grey.json")
    config = TrainConfig(size=32, batch=3, workers=3, seed=4, recipe=str(tmp_path / "grey.json"))
    one = open_dataset(tiny_data).samples[0]
    squares = [
        square.numpy().tobytes()
        for number in (1, 2)
        for images, _ in epoch_batches([one] * 12, config, number)
        for square in images
    ]
    assert len(squares) == 24 and len(set(squares)) == 24


def test_a_photo_that_grows_keeps_a_smooth_edge() -> None:
    image, mask = pattern()
    large, levels = resized(image, mask, 240)
    bits = levels >= HALF_LEVEL
    assert np.array_equal(large, resize(image, 240, 240))  # as for a prediction
    y, x = np.mgrid[:240, :240]
    true = ((x + 0.5) / 2 - 60.5) ** 2 + 4 * ((y + 0.5) / 3 - 45.5) ** 2 < 45**2
    stairs = np.repeat(np.repeat(mask, 3, axis=0), 2, axis=1)
    assert (bits ^ true).sum() < 0.8 * (stairs ^ true).sum()
    same = resized(image[:, :80], mask[:, :80], 80)
    assert np.array_equal(same[0], image[:, :80])
    assert np.array_equal(same[1], mask_levels(mask[:, :80]))


def test_without_a_size_photos_keep_theirs() -> None:
    image, mask = pattern()
    for recipe in ("none", "robust", "paper"):
        out, moved = Augmenter(recipe, None)(image, mask, seed=0, epoch=1, index=0)
        assert out.shape == image.shape and moved.shape == mask.shape


def test_a_signal_to_the_group_kills_no_worker_that_just_began(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = batches._start_worker

    def late(worker: int) -> None:
        time.sleep(1)
        begin(worker)

    monkeypatch.setattr(batches, "_start_worker", late)
    config = TrainConfig(data=(str(tiny_data),), size=32, batch=4, workers=1)
    loaded = iter(epoch_batches(open_dataset(tiny_data).samples, config, 1))
    for child in multiprocessing.active_children():
        assert child.pid
        os.kill(child.pid, signal.SIGTERM)
    assert len(next(loaded)[0]) == 4
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGTERM, signal.SIGINT}
