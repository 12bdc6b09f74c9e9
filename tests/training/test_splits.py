"""Splits: no car on both sides, and a verdict that notices when one is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError, DataError
from tests.training.pairs import write_pair
from training.data import Dataset, open_dataset
from training.splits import load_split, split_by_car


@pytest.fixture
def datasets(tiny_data: Path, tmp_path: Path) -> list[Dataset]:
    for car in range(20):
        write_pair(tmp_path / "many", f"m{car:02}_01", car, (16, 16))
    return [open_dataset(tiny_data), open_dataset(tmp_path / "many")]


def test_no_car_stands_on_both_sides(datasets: list[Dataset]) -> None:
    split = split_by_car(datasets, 0.25, seed=1)
    train, val = split.select(datasets, "train"), split.select(datasets, "val")
    assert not {(s.source, s.car) for s in train} & {(s.source, s.car) for s in val}
    assert len(train) + len(val) == 35
    # 0.25 of 5 cars, rounded down, is 1; of 20 cars it is 5.
    assert {name: len(cars) for name, cars in split.val_cars.items()} == {"tiny": 1, "many": 5}
    assert split.verdict() == "by car: 6 validation cars, none of them in train"


def test_the_seed_chooses_and_the_fingerprint_tells(datasets: list[Dataset]) -> None:
    first, again, other = (split_by_car(datasets, 0.25, seed) for seed in (1, 1, 2))
    assert first == again and first.fingerprint() == again.fingerprint()
    assert first.val_cars != other.val_cars
    assert first.fingerprint() != other.fingerprint()
    assert replace(first, seed=7).fingerprint() == first.fingerprint()


def test_one_folder_does_not_change_the_others_split(datasets: list[Dataset]) -> None:
    both, alone = split_by_car(datasets, 0.25, 1), split_by_car(datasets[1:], 0.25, 1)
    assert both.val_cars["many"] == alone.val_cars["many"]


def test_a_leak_is_counted(datasets: list[Dataset]) -> None:
    split = split_by_car(datasets, 0.25, 1)
    val = dict(split.val_cars, many=(*split.val_cars["many"], split.train_cars["many"][0]))
    assert replace(split, val_cars=val).verdict() == (
        "LEAKY: 1 of 7 validation cars are also in train"
    )


def test_it_survives_its_file_and_notices_a_change(datasets: list[Dataset], tmp_path: Path) -> None:
    split = split_by_car(datasets, 0.25, 1)
    path = tmp_path / "split.json"
    split.save(path)
    assert load_split(path) == split
    facts = json.loads(path.read_text())
    facts["val_cars"]["many"][0] = "stranger"
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError, match="changed by hand"):
        load_split(path)
    path.write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        load_split(path)


def test_a_split_of_other_data_is_refused(datasets: list[Dataset]) -> None:
    split = split_by_car(datasets[:1], 0.25, 1)
    with pytest.raises(DataError, match="20 cars of many"):
        split.select(datasets, "val")


def test_one_car_can_not_be_split(tmp_path: Path) -> None:
    write_pair(tmp_path / "one", "a_01", 1)
    write_pair(tmp_path / "one", "a_02", 2)
    with pytest.raises(ConfigError, match="one has 1 car"):
        split_by_car([open_dataset(tmp_path / "one")], 0.5, 0)
