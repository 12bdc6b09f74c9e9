"""Augmentation: counted randomness, binary and aligned masks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from training.augment import Augmenter
from training.batches import epoch_batches, epoch_order
from training.config import RECIPES, TrainConfig
from training.data import open_dataset


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
            seen = out[..., 0].astype(int) > out[..., 2]
            agreement = (seen == moved).mean()
            assert agreement > 0.9, f"sample {index}: mask and photo moved apart"
    assert np.array_equal(image, pair()[0]) and np.array_equal(mask, pair()[1])


@pytest.mark.parametrize("recipe", ["light", "robust"])
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
    # One in eight ("light") is left as it is and one in eight is only mirrored; those are alike.
    assert len({sample(*key) for key in keys}) > 0.7 * len(keys)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with one core
@pytest.mark.parametrize("workers", [1, 3])
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
