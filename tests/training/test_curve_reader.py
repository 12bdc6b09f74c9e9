"""Curves: every line, read once, whatever happens to the file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import RunError
from tests.training.run_folders import epoch_line, step_line, text_of, write_run
from training.runs.curves import EPOCH_COLUMNS, STEP_COLUMNS, Curves
from training.runs.listing import CurveReader, read_curves
from training.runs.runlog import read_metrics
from training.runs.tail import Tail, parse_lines


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def same(first: Curves, second: Curves) -> bool:
    return first.steps.equals(second.steps) and first.epochs.equals(second.epochs)


def test_tables_hold_what_the_lines_say(metrics: Path) -> None:
    lines = [step_line(5), step_line(10, grad_norm=2.5, note="x"), epoch_line(1, 0.75)]
    metrics.write_text(text_of(lines))
    curves = read_curves(metrics.parent)
    assert list(curves.steps.columns) == [*STEP_COLUMNS, "grad_norm"]
    assert curves.steps.drop(columns=["time", "grad_norm"]).to_dict("list") == {
        "epoch": [1, 1], "step": [5, 10], "images": [40, 80], "seconds": [2.5, 5.0],
        "loss": [0.2, 0.1], "learning_rate": [1e-3, 1e-3],
    }  # fmt: skip
    assert curves.steps["grad_norm"].isna().to_list() == [True, False]
    assert curves.steps["time"].isna().all()
    (row,) = curves.epochs.to_dict("records")
    assert (row["epoch"], row["step"], row["images"], row["loss"]) == (1, 10, 80, 0.1)
    assert (row["val_dice"], row["val_images"]) == (0.75, 4)
    assert (row["val_dice@cars"], row["val_dice@vans"]) == (0.75, 0.375)
    assert curves.steps["step"].dtype == curves.epochs["epoch"].dtype == np.int64


@pytest.mark.parametrize("time", [1_767_322_800.0, "2026-01-02T03:00:00+00:00"])
def test_wall_time_is_utc(metrics: Path, time: object) -> None:
    metrics.write_text(text_of([step_line(1, time=time), step_line(2)]))
    times = read_curves(metrics.parent).steps["time"]
    assert times[0] == pd.Timestamp("2026-01-02T03:00", tz="UTC")
    assert pd.isna(times[1])


def test_other_versions_and_odd_values(metrics: Path) -> None:
    odd = step_line(3, loss="high", learning_rate=None, images=math.inf)
    del odd["epoch"], odd["seconds"]
    lines = [odd, step_line(4, loss=math.nan), {"kind": "note", "step": 4}, {"step": 5, "loss": 1}]
    metrics.write_text(text_of(lines) + '{"epoch": 9}\n7\n"text"\n{"kind": "epoch", "step": 6}\n')
    curves = read_curves(metrics.parent)
    assert curves.steps["step"].to_list() == [3, 4, 5]
    assert curves.steps["epoch"].to_list() == [0, 1, 0]
    assert curves.steps["loss"].isna().to_list() == [True, True, False]
    assert list(curves.epochs.columns) == list(EPOCH_COLUMNS)
    assert len(curves.epochs) == 1


@pytest.mark.slow
def test_every_cut_of_the_file_gives_its_whole_lines(metrics: Path) -> None:
    data = text_of([step_line(1), epoch_line(1, 0.5), step_line(2), step_line(3)]).encode()
    for cut in range(len(data) + 1):
        metrics.write_bytes(data[:cut])
        assert parse_lines(Tail(metrics).read().data) == read_metrics(metrics.parent)


def test_bit_by_bit_equals_at_once(metrics: Path) -> None:
    lines = [step_line(n) for n in range(1, 40)]
    lines += [epoch_line(1, 0.5), step_line(41, extra=1.5), epoch_line(2, 0.6)]
    data = text_of(lines).encode()
    reader = CurveReader(metrics.parent)
    for start in range(0, len(data), 97):
        with metrics.open("ab") as file:
            file.write(data[start : start + 97])
        reader.read()
    assert same(reader.read(), read_curves(metrics.parent))
    assert len(reader.read().steps) == 40


def test_only_what_was_appended_is_parsed(metrics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.write_text(text_of([step_line(n) for n in range(1, 100)]))
    reader = CurveReader(metrics.parent)
    reader.read()
    seen: list[bytes] = []

    def parse(data: bytes, broken: object) -> list[object]:
        seen.append(data)
        return []

    monkeypatch.setattr("training.runs.listing.parse_lines", parse)
    reader.read()
    added = text_of([step_line(100)])
    with metrics.open("a") as file:
        file.write(added)
    reader.read()
    assert seen == [added.encode()]


def test_a_rewritten_file_is_read_afresh(metrics: Path) -> None:
    reader = CurveReader(metrics.parent)
    metrics.write_text(text_of([step_line(n) for n in range(1, 9)]))
    assert len(reader.read().steps) == 8
    temporary = metrics.with_suffix(".new")
    temporary.write_text(text_of([step_line(n) for n in (1, 2, 3)]))
    temporary.replace(metrics)  # another inode, shorter
    assert reader.read().steps["step"].to_list() == [1, 2, 3]
    metrics.write_text(text_of([step_line(1)]))  # the same inode, shorter
    assert reader.read().steps["step"].to_list() == [1]
    metrics.write_text(text_of([step_line(n) for n in (4, 5, 6)]))  # the same inode, longer
    assert reader.read().steps["step"].to_list() == [4, 5, 6]
    metrics.unlink()
    assert not is_filled(reader)
    metrics.write_text(text_of([step_line(7)]))
    assert reader.read().steps["step"].to_list() == [7]


def is_filled(reader: CurveReader) -> bool:
    return bool(len(reader.read().steps))


def test_a_caller_may_change_its_tables(metrics: Path) -> None:
    metrics.write_text(text_of([step_line(1)]))
    reader = CurveReader(metrics.parent)
    mine = reader.read().steps
    mine["hours"] = mine["seconds"] / 3600
    mine.loc[0, "loss"] = 99.0
    assert list(reader.read().steps.columns) == list(STEP_COLUMNS)
    assert reader.read().steps["loss"].to_list() == [1.0]


def test_nothing_is_sampled_away(metrics: Path) -> None:
    metrics.write_text(text_of([step_line(n) for n in range(1, 10_001)]))
    assert read_curves(metrics.parent).steps["step"].to_list() == list(range(1, 10_001))


def test_a_young_run_has_empty_tables_and_a_missing_one_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    (run / "metrics.jsonl").unlink()
    curves = read_curves(run)
    assert list(curves.steps.columns) == list(STEP_COLUMNS)
    assert curves.steps.empty
    assert curves.epochs.empty
    with pytest.raises(RunError, match="can't be read: No such file"):
        read_curves(tmp_path / "two")
    (run / "metrics.jsonl").mkdir()
    with pytest.raises(RunError, match="can't be read: Is a directory"):
        read_curves(run)
