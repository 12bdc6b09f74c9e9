"""What a run starts from decides which cars it may be validated on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CheckpointError, DataError
from training.config import TrainConfig
from training.data import Dataset, open_datasets
from training.lineage import split_of, trained_before
from training.sides import Split, load_split
from training.splits import split_by_car


def write_run(folder: Path, split: Split | None) -> Path:
    """Makes a run's folder with a checkpoint's name and a split, without a network."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "best.safetensors").touch()
    if split:
        split.save(folder / "split.json")
    return folder


@pytest.fixture
def data(tiny_data: Path) -> list[Dataset]:
    return open_datasets([tiny_data])


@pytest.fixture
def config(tiny_data: Path) -> TrainConfig:
    return TrainConfig(data=(str(tiny_data),), val_share=0.3)


def test_a_run_that_goes_on_keeps_the_cars_that_the_first_one_kept(
    config: TrainConfig, data: list[Dataset], tmp_path: Path
) -> None:
    first = split_of(config, data)
    run = write_run(tmp_path / "first", first)
    for seed in range(4):
        second = split_of(replace(config, seed=seed, start_from=str(run)), data)
        assert second.val_cars == first.val_cars
        assert second.before == first.train_cars
    third = write_run(tmp_path / "third", replace(second, train_cars={"more": ("x",)}))
    assert trained_before(third) == {**first.train_cars, "more": ("x",)}
    assert trained_before(third / "checkpoints" / "best.safetensors") == trained_before(third)


@pytest.mark.parametrize("by", ["file", "random"])
def test_a_split_that_was_asked_for_stays_and_says_that_it_leaks(
    config: TrainConfig, data: list[Dataset], tmp_path: Path, by: str
) -> None:
    family = data[0].family
    everything = tuple(sorted({sample.car for sample in data[0].samples}))
    run = write_run(tmp_path / "first", Split({}, {family: everything}))
    config = replace(config, start_from="first")
    if by == "file":
        split_by_car(data, 0.3, seed=5).save(tmp_path / "split.json")
        config = replace(config, split="split.json")
    else:
        config = replace(config, split_by="random")
    split = split_of(config, data, tmp_path)
    assert split.verdict().startswith("LEAKY")
    assert split.before == {family: everything}
    if by == "file":
        assert split.fingerprint() == load_split(tmp_path / "split.json").fingerprint()
        assert "trained on by the checkpoint that was the start" in split.verdict()
    assert run.is_dir()


def test_a_file_outside_a_run_says_nothing_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    alone = write_run(tmp_path / "alone", None)
    assert trained_before(alone / "checkpoints" / "best.safetensors") == {}
    with pytest.raises(CheckpointError, match="nowhere"):
        trained_before(tmp_path / "nowhere")
    (alone / "split.json").write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        trained_before(alone)
