"""Evaluations made by hand: rows and histograms without a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from core.metric_table import METRICS
from training.evaluation.images import EvaluationSettings
from training.evaluation.measure import Histograms, ImageRow
from training.evaluation.stored import EvaluationFacts, StoredEvaluation

FACTS = EvaluationFacts(
    key="k" * 24,
    title="run/best",
    fingerprints=("f" * 64,),
    flips=False,
    settings=EvaluationSettings(threshold=0.5),
    data="cars",
    data_fingerprint="d" * 64,
    part="val",
    split_fingerprint="s" * 64,
    warnings=("3 of 5 cars were trained on",),
    images=4,
    cars=2,
    failed=1,
    device="cpu",
    created="2026-01-02T03:04:05+00:00",
)


def rows_of(cars: int, views: int, seed: int = 0) -> list[ImageRow]:
    """Returns rows with drawn figures in [0, 1]."""
    rng = np.random.default_rng(seed)
    return [
        ImageRow(
            source="cars",
            image=f"car{car}_{view:02}",
            car=f"car{car}",
            view=f"{view:02}",
            width=64,
            height=48,
            touches_border=view == 1,
            **{metric.name: float(rng.random()) for metric in METRICS},
        )
        for car in range(cars)
        for view in range(1, views + 1)
    ]


def evaluation_of(rows: list[ImageRow], seed: int = 0, **facts: object) -> StoredEvaluation:
    """Returns an evaluation with these rows and drawn histograms."""
    rng = np.random.default_rng(seed)
    histograms = Histograms(
        rng.integers(0, 50, (len(rows), 2, 2, 101)), rng.integers(0, 9999, (len(rows), 2, 20)) / 100
    )
    counts = {
        "images": len(rows),
        "cars": len({(row.source, row.car) for row in rows}),
        "failed": sum(bool(row.error) for row in rows),
    }
    return StoredEvaluation(replace(FACTS, **counts | facts), tuple(rows), histograms)  # type: ignore[arg-type]


def same_figures(one: StoredEvaluation, other: StoredEvaluation) -> None:
    """Asserts that two evaluations differ in nothing but times."""
    assert replace(one.facts, created="") == replace(other.facts, created="")
    pd.testing.assert_frame_equal(
        one.rows.drop(columns="seconds"), other.rows.drop(columns="seconds"), check_exact=True
    )
    assert np.array_equal(one.histograms.counts, other.histograms.counts)
    assert np.array_equal(one.histograms.sums, other.histograms.sums)
