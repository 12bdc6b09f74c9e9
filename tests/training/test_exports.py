"""metrics.csv and TensorBoard's files say what metrics.jsonl says, also after a crash."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.training.run_folders import epoch_line, step_line
from training.config import TrainConfig
from training.runs.exports import COLUMNS
from training.runs.runlog import RunLog, create_run, read_metrics


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = loader.EventAccumulator(str(run / "tensorboard"), {"scalars": 0})
    events.Reload()
    return {
        tag: [(each.step, each.value) for each in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_they_follow_and_forget(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [step_line(5), epoch_line(1, 0.5), step_line(15)]
    with create_run(tmp_path, "run", TrainConfig()) as log:
        for line in lines:
            log.append(line)
    run = tmp_path / "run"
    assert tuple(rows(run)[0]) == COLUMNS
    assert [(row["kind"], row["step"], row["val_dice"]) for row in rows(run)] == [
        ("step", "5", ""),
        ("epoch", "10", "0.5"),
        ("step", "15", ""),
    ]
    assert [row["time"] for row in rows(run)] == [line["time"] for line in read_metrics(run)]
    found = scalars(run)
    assert found["train/loss"] == [(5, pytest.approx(0.2)), (15, pytest.approx(1 / 15))]
    assert found["val/dice"] == [(10, 0.5)] and found["train_epoch/loss"] == [
        (10, pytest.approx(0.1))
    ]

    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')  # killed here
    with RunLog(run, TrainConfig()) as log:
        log.forget_after(10, 0)
        assert [line["step"] for line in read_metrics(run)] == [5], "epoch 1 was not saved as done"
        log.forget_after(10, 0)
        log.append(epoch_line(1, 0.6))
    assert [(row["kind"], row["val_dice"]) for row in rows(run)] == [("step", ""), ("epoch", "0.6")]
    found = scalars(run)
    assert found["train/loss"] == [(5, pytest.approx(0.2))]
    assert found["val/dice"] == [(10, pytest.approx(0.6))]


def test_without_tensorboard_there_are_no_event_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.runs.exports.find_spec", lambda name: None)
    with create_run(tmp_path, "run", TrainConfig()) as log:
        log.append(step_line(5))
    assert len(rows(tmp_path / "run")) == 1
    assert not (tmp_path / "run" / "tensorboard").exists()
