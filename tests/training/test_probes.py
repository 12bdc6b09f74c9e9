"""Probes: chosen once, spread over the cars, kept small."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import RunError
from training.data.folder import Sample, open_datasets
from training.engine.probes import PROBES, Probes, choose_probes
from training.runs.probes import read_probes


@dataclass(frozen=True)
class NoMask:
    """A mask that nobody reads here."""

    path: Path = Path()
    selector: str = ""

    def read(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        raise AssertionError(shape)


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def samples(cars: int, views: int) -> list[Sample]:
    return [
        Sample("set", f"car{car:02}_{view:02}", f"car{car:02}", Path(), NoMask())
        for car in range(cars)
        for view in range(views)
    ]


def test_many_cars_give_one_probe_each_with_other_views() -> None:
    chosen = choose_probes(samples(48, 16))
    assert [s.car for s in chosen] == [f"car{6 * n:02}" for n in range(PROBES)]
    assert [s.name[-2:] for s in chosen] == [f"{2 * n:02}" for n in range(PROBES)]
    backwards = choose_probes(samples(48, 16)[::-1])
    assert backwards == chosen, "the order in which samples come is nothing"


@pytest.mark.parametrize(("cars", "views", "count"), [(1, 16, 8), (3, 4, 8), (3, 2, 6), (8, 1, 8)])
def test_few_cars_come_again_with_other_views(cars: int, views: int, count: int) -> None:
    chosen = choose_probes(samples(cars, views))
    assert len(chosen) == len({s.name for s in chosen}) == count
    each = [sum(s.car == car for s in chosen) for car in {s.car for s in chosen}]
    assert len(each) == cars and max(each) - min(each) <= 1
    assert choose_probes([]) == []


def test_what_is_written(tiny_data: Path, tmp_path: Path) -> None:
    val = open_datasets([tiny_data])[0].samples
    probes = Probes(tmp_path / "probes", val)
    probes.describe()
    facts = json.loads((tmp_path / "probes/probes.json").read_text())
    assert [probe["number"] for probe in facts["probes"]] == list(range(1, 9))
    assert {probe["car"] for probe in facts["probes"]} == {f"car{n}" for n in range(5)}
    first = probes.samples[0]
    image, mask = first.read()
    assert facts["probes"][0]["name"] == first.name
    assert picture(tmp_path / "probes/1.jpg").shape == image.shape
    truth = picture(tmp_path / "probes/1_truth.png")
    assert np.array_equal(truth > 127, mask)

    before = (tmp_path / "probes/1.jpg").stat().st_mtime_ns
    Probes(tmp_path / "probes", val).describe()
    assert (tmp_path / "probes/1.jpg").stat().st_mtime_ns == before, "it was all there"

    large = np.zeros((600, 1200), np.float32)
    large[:, 600:] = 0.5
    probes.write(3, probes.picture(first, large))
    grey = picture(tmp_path / "probes/epoch_0003/1.png")
    assert grey.shape == (128, 256) and set(np.unique(grey)) == {0, 128}
    assert (tmp_path / "probes/epoch_0003/1.png").stat().st_size < 2000
    others = [sample for sample in val if sample not in probes.samples]
    probes.write(4, probes.picture(others[0], large))
    assert not (tmp_path / "probes/epoch_0004").exists()


def test_what_is_written_is_what_is_read(tiny_data: Path, tmp_path: Path) -> None:
    assert read_probes(tmp_path) is None
    val = open_datasets([tiny_data])[0].samples
    probes = Probes(tmp_path / "probes", val)
    probes.describe()
    for epoch in (12, 3):
        probes.write(epoch, probes.picture(probes.samples[1], np.ones((48, 64), np.float32)))
    found = read_probes(tmp_path)
    assert found is not None and found.epochs == (3, 12)
    assert [probe.name for probe in found.probes] == [sample.name for sample in probes.samples]
    assert found.photo(2).shape == (48, 64, 3) and found.truth(2).any()
    assert (found.probability(12, 2) == 1).all()
    with pytest.raises(RunError):
        found.probability(12, 1)
