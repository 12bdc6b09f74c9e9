from __future__ import annotations

from pathlib import Path

import pytest

from core.checkpoint import read_info
from core.metric_table import HEADLINE
from core.split_verdict import SplitVerdict
from tests.pages.measured import write_measured
from training.evaluation.shown import shown_scores
from training.evaluation.stored import folder_of, list_evaluations, read_evaluation


def test_of_several_evaluations_the_trusted_one_of_most_cars_counts(tmp_path: Path) -> None:
    leaky = SplitVerdict("leaky", 3, 20, "car")
    write_measured(tmp_path, "one", dice=0.7, cars=3, data="few")
    write_measured(tmp_path, "one", dice=0.95, cars=20, data="seen", verdict=leaky)
    write_measured(tmp_path, "one", dice=0.99, cars=30, data="mirrored", flips=True)
    write_measured(tmp_path, "one", dice=0.6, cars=40, data="all", part="all", split_fingerprint="")
    path = write_measured(tmp_path, "one", dice=0.9, cars=12)
    shown = shown_scores(path, read_info(path))
    chosen = next(facts for facts in list_evaluations(path) if facts.data == "cars")
    scored = read_evaluation(folder_of(path) / f"{chosen.key}.parquet").scored
    assert shown.means == {m.name: pytest.approx(scored[m.name].mean()) for m in HEADLINE}
    assert shown.prediction == "single pass" and "12 cars" in shown.photos


@pytest.mark.parametrize("damaged", [False, True])
def test_without_an_evaluation_the_training_s_own_are_named_as_such(
    tmp_path: Path, *, damaged: bool
) -> None:
    path = write_measured(tmp_path, "one", dice=0.8)
    for file in folder_of(path).glob("*"):
        file.write_bytes(b"damaged") if damaged else file.unlink()
    info = read_info(path)
    shown = shown_scores(path, info)
    assert shown.means["dice"] == info.metrics["dice"]
    assert "training" in shown.prediction and not shown.photos
