"""Runs that differ by their seed alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.metric_table import find_metric
from tests.training.comparison.judged import rows_of
from training.comparison.aligned import align_rows
from training.comparison.ranking import seed_groups, seed_spread


def run(folder: Path, name: str, file: str = "best", **config: object) -> Path:
    place = folder / name
    place.mkdir()
    (place / "config.json").write_text(json.dumps({"data": ["data/cars"], **config}))
    return place / "checkpoints" / f"{file}.safetensors"


def test_only_the_seed_may_differ(tmp_path: Path) -> None:
    runs = [
        run(tmp_path, "a", seed=1),
        run(tmp_path, "b", seed=2, width=8),
        run(tmp_path, "c", seed=3, data=["elsewhere/cars"], device="cuda", workers=4),
        run(tmp_path, "d", file="last", seed=4),
        run(tmp_path, "e", seed=1),  # the same training again
        run(tmp_path, "f", seed=5, width=8),
        run(tmp_path, "g", seed=6, data=["data/other"]),
        run(tmp_path, "h", seed=7, recipe="light"),
        tmp_path / "alone.safetensors",
        run(tmp_path, "i", seed=8, epochs=10),  # the default, said
    ]
    assert seed_groups(runs) == [[0, 2, 9], [1, 5]]


def test_a_damaged_run_stands_alone(tmp_path: Path) -> None:
    runs = [run(tmp_path, "a", seed=1), run(tmp_path, "b", seed=2), run(tmp_path, "c", seed=3)]
    (tmp_path / "b" / "config.json").write_text("{")
    assert seed_groups(runs) == [[0, 2]]


def test_both_spreads_stand_side_by_side() -> None:
    cars = np.random.default_rng(2).normal(0.99, 0.003, 38)
    means = [0.9921, 0.9934, 0.9925]
    tables = [rows_of(cars - cars.mean() + mean) for mean in means]
    compared = align_rows(["s1", "s2", "s3"], tables)
    found = seed_spread(compared, find_metric("dice"), [0, 1, 2])
    assert found.names == ("s1", "s2", "s3") and found.means == pytest.approx(means)
    assert found.deviation == pytest.approx(np.std(means, ddof=1))
    assert found.interval.estimate == pytest.approx(np.mean(means)) and found.interval.groups == 38
    half = found.interval.width / 2
    assert found.sentence == (
        "3 seeds: Dice 0.9921 to 0.9934, standard deviation 0.0007 from seed to seed; the photos' "
        f"interval is ± {half:.4f}"
    )
