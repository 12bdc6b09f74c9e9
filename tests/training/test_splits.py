"""Splits: no car on both sides, and a verdict that notices when one is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.split_verdict import SplitVerdict, read_verdict
from tests.training.pairs import write_pair
from training.data.folder import Dataset, Sample, open_dataset
from training.data.mask_source import MaskFile
from training.data.sides import Split, TrainedCars, load_split
from training.data.splits import split_at_random, split_by_car, split_folds

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "runs" / "carmask-512" / "split.json"


def table(
    name: str, cars: list[str], views: int = 2, versions: int = 0, family: str = ""
) -> Dataset:
    """Returns a data folder of names alone; with versions it is an augmented set."""
    photos = [(car, f"{car}_{view:02}") for car in cars for view in range(1, views + 1)]
    samples = [
        Sample(name, photo, car, Path(photo), MaskFile(Path(photo)))
        for car, photo in photos
        if not versions
    ]
    samples += [
        Sample(name, f"{photo}_a{v:02}", car, Path(photo), MaskFile(Path(photo)), photo)
        for car, photo in photos
        for v in range(versions)
    ]
    return Dataset(name, Path(name), "paired", tuple(samples), (), (), family=family)


def names(samples: list[Sample]) -> list[str]:
    return [f"{sample.source}/{sample.name}" for sample in samples]


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
    assert split.verdict() == SplitVerdict("clean", 0, 6, "car")


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
    assert replace(split, val_cars=val).verdict() == SplitVerdict("leaky", 1, 7, "car")


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


# --- what was shipped


def test_the_shipped_split_loads_and_is_chosen_again() -> None:
    split = load_split(SHIPPED)
    assert split.fingerprint() == json.loads(SHIPPED.read_text())["fingerprint"]
    assert split.verdict() == SplitVerdict("clean", 0, 46, "car")
    assert (split.by, split.val_images, split.train_images) == ("car", {}, {})
    datasets = [
        table(name, sorted((*split.train_cars[name], *split.val_cars[name])))
        for name in ("carvana512", "synthetic")
    ]
    again = split_by_car(datasets, 0.15, seed=0)
    assert again == replace(split, drawings={})  # these data were not drawn
    assert again.fingerprint() == split.fingerprint()


# --- augmented sets


def test_an_augmented_set_follows_its_sources_cars() -> None:
    cars = [f"c{number}" for number in range(10)]
    source = table("cars", cars)
    augmented = table("more", cars[:8], versions=3, family="cars")
    split = split_by_car([source, augmented], 0.3, seed=4)
    assert split.val_cars == split_by_car([source], 0.3, seed=4).val_cars
    assert set(split.val_cars) == {"cars"}
    both = [source, augmented]
    train, val = ({s.car for s in split.select(both, part)} for part in ("train", "val"))  # type: ignore[arg-type]
    assert not train & val and train | val == set(cars)
    assert len(split.select([augmented], "train")) + len(split.select([augmented], "val")) == 48
    # A split of the source is one of the augmented set too.
    assert split_by_car([source], 0.3, seed=4).select([augmented], "val")


# --- random splits


def test_a_random_split_leaks_and_says_so(datasets: list[Dataset], tmp_path: Path) -> None:
    cars = [f"c{number}" for number in range(10)]
    data = [table("cars", cars, views=8)]
    split = split_at_random(data, 0.25, seed=1)
    train, val = names(split.select(data, "train")), names(split.select(data, "val"))
    assert (len(train), len(val)) == (60, 20) and not set(train) & set(val)
    shared = {name.split("_")[0] for name in train} & {name.split("_")[0] for name in val}
    seen = {name.split("_")[0] for name in val}
    assert split.verdict() == SplitVerdict("leaky", len(shared), len(seen), "random")
    path = tmp_path / "random.json"
    split.save(path)
    assert load_split(path) == split
    assert read_verdict(json.loads(path.read_text())["verdict"]) == split.verdict()
    by_car = split_by_car(data, 0.25, 1)
    assert split.fingerprint() not in (
        by_car.fingerprint(),
        split_at_random(data, 0.25, 2).fingerprint(),
        replace(split, val_images={"cars": ("c1_01",)}).fingerprint(),
    )


def test_a_random_split_without_a_leak_is_not_called_by_car() -> None:
    data = [table("cars", ["a", "b", "c", "d"], views=1)]
    assert split_at_random(data, 0.25, 0).verdict() == SplitVerdict("clean", 0, 1, "random")


def test_a_random_split_keeps_a_photo_and_its_augmented_versions_together() -> None:
    cars = ["a", "b", "c"]
    both = [table("cars", cars, views=4), table("more", cars, 4, versions=2, family="cars")]
    split = split_at_random(both, 0.25, seed=3)
    val = split.select(both, "val")
    assert len(val) == 3 * 3  # 3 of 12 photos, each with its 2 versions
    assert {s.origin or s.name for s in val} == set(split.val_images["cars"])
    assert len(split.select(both, "train")) == 9 * 3
    with pytest.raises(DataError, match="4 photos of other"):
        split.select([table("other", ["a"], views=4)], "val")


def test_a_file_by_something_unknown_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    split_by_car([table("cars", ["a", "b"])], 0.5, 0).save(path)
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"by": "view"}))
    with pytest.raises(DataError, match="by car or random"):
        load_split(path)


# --- strata and folds


def spread(count: int) -> tuple[list[Dataset], dict[tuple[str, str], float]]:
    """Returns cars of which a few are much larger than the others."""
    cars = [f"c{number:03}" for number in range(count)]
    shares = {("cars", car): 0.1 + 0.5 * (n / count) ** 4 for n, car in enumerate(cars)}
    return [table("cars", cars, views=1)], shares


def gap(split: Split, shares: dict[tuple[str, str], float]) -> float:
    means = [
        float(np.mean([shares["cars", car] for car in side["cars"]]))
        for side in (split.val_cars, split.train_cars)
    ]
    return abs(means[0] - means[1])


def test_strata_bring_both_sides_closer() -> None:
    data, shares = spread(60)
    seeds = range(8)
    plain = [gap(split_by_car(data, 0.2, seed), shares) for seed in seeds]
    stratified = [split_by_car(data, 0.2, seed, shares) for seed in seeds]
    gaps = [gap(split, shares) for split in stratified]
    assert max(gaps) < 0.01 < np.mean(plain)
    assert all(len(split.val_cars["cars"]) == 12 for split in stratified)
    assert len({split.fingerprint() for split in stratified}) > 1
    assert stratified[3] == split_by_car(data, 0.2, 3, shares)
    for split in stratified:  # one of each stratum of 5 cars, from the smallest to the largest
        assert [int(car[1:]) // 5 for car in split.val_cars["cars"]] == list(range(12))


def test_a_car_without_a_share_counts_as_a_middling_one() -> None:
    data, shares = spread(20)
    shares["cars", "c000"] = float("nan")
    del shares["cars", "c019"]
    split = split_by_car(data, 0.2, 0, shares)
    assert sorted(split.val_cars["cars"] + split.train_cars["cars"]) == list(data[0].cars)
    with pytest.raises(ConfigError, match="No car of cars has a share"):
        split_by_car(data, 0.2, 0, {})


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize(("count", "folds"), [(20, 5), (23, 5), (7, 7), (3, 2)])
def test_every_car_is_in_validation_exactly_once(count: int, folds: int, stratified: bool) -> None:
    data, shares = spread(count)
    splits = split_folds(data, folds, seed=2, shares=shares if stratified else None)
    assert len(splits) == folds
    assert sorted(car for split in splits for car in split.val_cars["cars"]) == list(data[0].cars)
    sizes = {len(split.val_cars["cars"]) for split in splits}
    assert max(sizes) - min(sizes) <= 1
    for split in splits:
        assert sorted(split.val_cars["cars"] + split.train_cars["cars"]) == list(data[0].cars)
        assert split.verdict().kind == "clean"


def test_stratified_folds_are_alike() -> None:
    data, shares = spread(60)
    plain = [gap(s, shares) for seed in range(4) for s in split_folds(data, 5, seed)]
    strata = [gap(s, shares) for seed in range(4) for s in split_folds(data, 5, seed, shares)]
    assert max(strata) < 0.6 * max(plain)
    assert np.mean(strata) < 0.5 * np.mean(plain)


def test_folds_need_cars() -> None:
    data, _ = spread(4)
    with pytest.raises(ConfigError, match=r"4 cars; a split by car needs 5"):
        split_folds(data, 5, 0)
    with pytest.raises(ConfigError, match="folds is 1"):
        split_folds(data, 1, 0)


@pytest.mark.parametrize("share", [-0.1, 0.95, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    for way in (split_by_car, split_at_random):
        with pytest.raises(ConfigError, match="val_share"):
            way(spread(4)[0], share, 0)


# --- who was trained on


def test_cars_that_were_trained_on_are_counted() -> None:
    source = table("cars", ["a", "b", "c", "d"])
    copy = table("more", ["a", "b", "c", "d"], versions=2, family="cars")
    other = table("other", ["a", "b"])
    split = split_by_car([source], 0.25, seed=0)
    kept = split.val_cars["cars"][0]
    everything = [sample for dataset in (source, copy, other) for sample in dataset.samples]
    assert split.trained().verdict_on(everything) == SplitVerdict("leaky", 3, 4, "car")
    unseen = [sample for sample in everything if sample.car == kept]
    assert split.trained().verdict_on(unseen) == SplitVerdict("clean", 0, 1, "car")


# --- what the start was trained on


def test_a_car_that_the_start_was_trained_on_is_not_kept() -> None:
    data = [table("cars", [f"c{n:02}" for n in range(20)]), table("other", ["x", "y", "z"])]
    first = split_by_car(data[:1], 0.2, seed=0)
    for seed in range(5):
        split = split_by_car(data, 0.2, seed, before=first.trained())
        assert split.val_cars["cars"] == first.val_cars["cars"]  # no other car was left
        assert split.val_cars["other"] == split_by_car(data, 0.2, seed).val_cars["other"]
        assert split.verdict() == SplitVerdict("clean", 0, 5, "car")
    smaller = split_by_car(data, 0.1, 7, before=first.trained())
    assert set(smaller.val_cars["cars"]) < set(first.val_cars["cars"])


def test_where_the_start_saw_every_car_the_split_says_that_it_leaks(tmp_path: Path) -> None:
    data = [table("cars", ["a", "b", "c", "d"])]
    before = TrainedCars({"cars": ("a", "b", "c", "d", "e")})
    split = split_by_car(data, 0.25, 1, before=before)
    assert split.verdict() == SplitVerdict("leaky", 1, 1, "car", before=1)
    assert split.trained().verdict_on(split.select(data, "val")).kind == "leaky"
    assert split.fingerprint() == split_by_car(data, 0.25, 1).fingerprint()
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json") == split
    assert load_split(tmp_path / "split.json").trained() == before
