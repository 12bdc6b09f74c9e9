"""Costs: counted from the architecture, measured here in turn, kept beside the checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import load_checkpoint
from core.errors import DataError
from training.evaluation import cost
from training.evaluation.cost import cost_of, latency_of, measure_costs, quantile_of
from training.evaluation.stored import folder_of
from training.evaluation.subjects import ensemble_of, subject_of

SMALL = ((48, 32), (64, 64))


def test_counts_are_those_of_the_network(checkpoints: tuple[Path, Path]) -> None:
    single = cost_of(subject_of(checkpoints[0]))
    model, info = load_checkpoint(checkpoints[0])
    assert single.parameters == model.parameter_count()
    assert single.multiply_adds == info.model.multiply_adds(48, 48)
    assert single.file_bytes == checkpoints[0].stat().st_size
    assert (single.latency, single.peak_bytes, single.device) == ((), None, "")

    both = ensemble_of([subject_of(path) for path in checkpoints], flips=True)
    assert cost_of(both).parameters == 2 * single.parameters
    assert cost_of(both).multiply_adds == 4 * single.multiply_adds


def test_costs_are_measured_and_kept(
    checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = [subject_of(checkpoints[0]), subject_of(checkpoints[1], flips=True)]
    monkeypatch.setattr(cost, "_peak_bytes", lambda subject, device, size: 123_000_000)
    seen: list[tuple[int, int]] = []
    costs = measure_costs(
        subjects, device="cpu", sizes=SMALL, rounds=3, progress=lambda *at: seen.append(at)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    for measured, subject in zip(costs, subjects, strict=True):
        assert [(each.width, each.height) for each in measured.latency] == list(SMALL)
        assert all(each.photos == 3 and each.median.seconds > 0 for each in measured.latency)
        assert measured.peak_bytes == 123_000_000 and measured.device == "cpu"
        assert cost_of(subject) == measured
    assert cost_of(subject_of(checkpoints[1])).latency == ()
    assert costs[0].lines()[-1] == "0.12 GB of memory at most"
    assert "0.0 megapixels on cpu: median" in costs[0].lines()[1]

    # What was measured elsewhere, or can't be read, says nothing about this machine.
    (path,) = folder_of(checkpoints[0]).glob("cost-*.json")
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"machine": "another"}))
    assert cost_of(subjects[0]).latency == ()
    wrong = [{"latency": [{}]}, {"peak_bytes": "many"}, {"device": 5}, {"latency": 3}]
    wrong.append(
        {"latency": [values["latency"][0] | {"p95": {"seconds": "1", "low": 0, "high": 1}}]}
    )
    damaged = [json.dumps(values | each) for each in wrong]
    for damage in ("{", "[]", "[" * 100_000, *damaged):
        path.write_text(damage)
        assert cost_of(subjects[0]).latency == ()


@pytest.mark.slow
def test_memory_is_that_of_a_process_of_its_own(checkpoints: tuple[Path, Path]) -> None:
    ballast = np.ones(400_000_000, np.uint8)  # of this process alone
    peak = cost._peak_bytes(subject_of(checkpoints[0]), "cpu", (640, 480))
    assert peak > 50e6
    del ballast


@pytest.mark.slow
def test_memory_that_cannot_be_measured_is_an_error(checkpoints: tuple[Path, Path]) -> None:
    subject = subject_of(checkpoints[0])
    with pytest.raises(DataError, match=r"memory of a/best can't be measured \(.*'nothing'"):
        cost._peak_bytes(subject, "nothing", (640, 480))


def test_quantiles_of_measured_times() -> None:
    values = [float(n) for n in range(1, 101)]
    median = quantile_of(values, 0.5)
    assert (median.seconds, median.low, median.high) == (50.5, 40.0, 61.0)
    latency = latency_of(640, 480, values)
    assert latency.p95.low == 90.0 and latency.p95.high == 100.0
    assert latency.megapixels == pytest.approx(0.3072)
    few = quantile_of(values[:10], 0.95)
    assert math.isinf(few.high) and "more" in few.text()
    assert quantile_of([0.081], 0.5).text() == "81 ms (0 to more)"


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_intervals_hold_the_true_quantile(share: float) -> None:
    rng = np.random.default_rng(0)
    true = -math.log(1 - share)  # of an exponential distribution
    found = [quantile_of(rng.exponential(size=80).tolist(), share) for _ in range(600)]
    assert np.mean([each.low <= true <= each.high for each in found]) >= 0.93
