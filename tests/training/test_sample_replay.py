"""What is shown as seen is what the trainer's own loader gives, bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, DataError, RunError
from training.config import TrainConfig
from training.data.folder import open_datasets
from training.data.splits import split_by_car
from training.engine.batches import epoch_batches, epoch_order
from training.engine.learner import normalised
from training.engine.sample_replay import replay_run
from training.runs.runlog import RunLog, create_run, read_split


@pytest.fixture
def run(tmp_path: Path, tiny_data: Path) -> Path:
    """A run that was set up and never trained: 4 cars of 3 views to train on."""
    config = TrainConfig(data=(str(tiny_data),), size=32, batch=5, workers=2, recipe="robust")
    datasets = open_datasets([tiny_data])
    split = split_by_car(datasets, config.val_share, config.seed)
    with create_run(tmp_path / "runs", "first", config) as log:
        log.write_config({}, split)
        return log.folder


@pytest.mark.slow
def test_every_sample_equals_the_loaders_bit_for_bit(run: Path) -> None:
    seen = replay_run(run)
    assert len(seen.samples) == 12
    for epoch in (1, 3):
        order = epoch_order(12, seen.config.seed, epoch)
        for step, (pictures, masks) in enumerate(
            epoch_batches(seen.samples, seen.config, epoch), 1
        ):
            images = normalised(pictures, seen.config.preprocessing)
            for place, (image, mask) in enumerate(zip(images, masks, strict=True)):
                found = seen.sample(epoch, order[(step - 1) * 5 + place])
                assert found.image.tobytes() == image.numpy().tobytes()
                assert found.mask.tobytes() == mask.float().numpy().tobytes()
                assert (found.step, found.steps) == (step, 2)


def test_a_photo_of_the_rest_is_in_no_step(run: Path) -> None:
    seen = replay_run(run)
    left_out = epoch_order(12, seen.config.seed, 2)[10:]
    assert [seen.sample(2, index).step for index in left_out] == [None, None]


def test_the_picture_is_the_tensor_and_the_transforms_are_its_own(run: Path) -> None:
    shown = [replay_run(run).sample(1, index) for index in range(12)]
    assert any(each.applied for each in shown)
    for each in shown:
        again = TrainConfig().preprocessing.normalise(each.picture)
        assert np.array_equal(again, each.image)
        assert each.picture.shape == (32, 32, 3)
        assert each.recipe == "robust"
        assert set(np.unique(each.mask)) <= {0.0, 1.0}


def test_another_epoch_is_another_picture_of_the_same_photo(run: Path) -> None:
    first, second = replay_run(run).sample(1, 0), replay_run(run).sample(2, 0)
    assert first.sample == second.sample
    assert first.image.tobytes() != second.image.tobytes()


def test_relative_data_folders_are_counted_from_the_base(
    run: Path, tmp_path: Path, tiny_data: Path
) -> None:
    config = TrainConfig(data=(tiny_data.name,), size=32)
    with RunLog(run, config) as log:
        log.write_config({}, read_split(run))
    assert len(replay_run(run, tmp_path).samples) == 12
    with pytest.raises(DataError, match=f"not here: {tiny_data.name}"):
        replay_run(run)


def test_data_that_moved_are_found_by_their_name(run: Path, tiny_data: Path) -> None:
    first = replay_run(run).sample(1, 0).image.tobytes()
    moved = tiny_data.parent / "moved" / tiny_data.name
    moved.parent.mkdir()
    tiny_data.rename(moved)
    with pytest.raises(DataError, match="not here"):
        replay_run(run, elsewhere={"other": moved})
    seen = replay_run(run, elsewhere={tiny_data.name: moved})
    assert seen.sample(1, 0).image.tobytes() == first


def test_missing_data_are_named(run: Path, tiny_data: Path) -> None:
    shutil.rmtree(tiny_data)
    with pytest.raises(DataError, match=f"not here: {tiny_data}"):
        replay_run(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no config\.json"):
        replay_run(tmp_path)


@pytest.mark.parametrize(
    ("epoch", "index", "message"), [(0, 0, "epoch is 0"), (1, 12, "from 0 to 11"), (1, -1, "-1")]
)
def test_no_such_epoch_or_index(run: Path, epoch: int, index: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replay_run(run).sample(epoch, index)
