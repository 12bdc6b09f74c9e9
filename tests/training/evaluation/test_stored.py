"""Evaluations on the disk: as they were, found by what they are of, damaged ones refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.errors import ConfigError, DataError
from core.metric_table import METRICS, find_metric
from tests.training.evaluation.tables import evaluation_of, rows_of
from training.evaluation.measure import COLUMNS, ImageRow, scored, table_of
from training.evaluation.stored import (
    read_evaluation,
    read_facts,
    write_evaluation,
)


def test_an_evaluation_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = [*rows_of(2, 2), ImageRow("cars", "x_01", "x", "01", error="no photo: damaged")]
    evaluation = evaluation_of(rows)
    path = tmp_path / "best.evaluations" / "k.parquet"
    write_evaluation(path, evaluation)
    again = read_evaluation(path)
    assert again.facts == evaluation.facts == read_facts(path)
    pd.testing.assert_frame_equal(again.rows, evaluation.rows)
    assert np.array_equal(again.histograms.counts, evaluation.histograms.counts)
    assert np.array_equal(again.histograms.sums, evaluation.histograms.sums)
    assert list(again.rows.columns) == list(COLUMNS)
    assert len(again.scored) == 4 and again.rows["dice"].isna().sum() == 1
    assert again.facts.threshold == 0.5


def test_rows_are_read_by_pandas_alone(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "k.parquet", evaluation_of(rows_of(2, 2)))
    table = pd.read_parquet(tmp_path / "k.parquet")
    assert len(table["edge_car"][0]) == 101 and len(table["edge_sum"][0]) == 20


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", None])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "k.parquet"
    if content is None:
        write_evaluation(path, evaluation_of(rows_of(2, 2)))
        content = path.read_bytes()[:-100]
    path.write_bytes(content)
    for read in (read_evaluation, read_facts):
        with pytest.raises(DataError, match=r"can't be read .* evaluate again"):
            read(path)


WRONG: list[dict[str, Any] | list[Any]] = [
    [],
    {"images": "many"},
    {"cars": -1},
    {"failed": 1.5},
    {"title": [1]},
    {"key": None},
    {"part": "some"},
    {"created": 5},
    {"warnings": [3]},
    {"warnings": None},
    {"fingerprints": 3},
    {"flips": "yes"},
    {"settings": {"threshold": None}},
    {"settings": {"threshold": 7}},
    {"settings": []},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_facts_of_a_wrong_type_are_refused(tmp_path: Path, wrong: Any) -> None:
    path = tmp_path / "k.parquet"
    write_evaluation(path, evaluation_of(rows_of(2, 2)))
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"carmask"])
    text = json.dumps(facts | wrong if isinstance(wrong, dict) else wrong)
    pq.write_table(table.replace_schema_metadata({"carmask": text}), path)
    for read in (read_evaluation, read_facts):
        with pytest.raises(DataError, match=r"can't be read .* evaluate again"):
            read(path)


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    table_of(rows_of(1, 1)).to_parquet(tmp_path / "k.parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_evaluation(tmp_path / "k.parquet")
    with pytest.raises(DataError, match="There is no evaluation"):
        read_facts(tmp_path / "none.parquet")


def test_metrics_are_columns() -> None:
    assert {metric.name for metric in METRICS} <= set(COLUMNS)
    assert find_metric("hd95").label == "HD95, px" and not find_metric("hd95").higher_is_better
    with pytest.raises(ConfigError, match="no metric 'speed'; choose one of: dice, iou"):
        find_metric("speed")


def test_a_missed_car_is_scored_and_an_unreadable_one_is_not() -> None:
    missed = ImageRow("cars", "a_01", "a", "01", 4, 3, dice=0.0, hd95=5.0)
    table = table_of([missed, ImageRow("cars", "b_01", "b", "01", error="damaged")])
    assert scored(table)["image"].tolist() == ["a_01"]
