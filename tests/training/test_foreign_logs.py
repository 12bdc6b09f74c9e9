"""Logs that others wrote, in our curves and our list."""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.errors import RunError
from tests.training.run_folders import write_run
from training.runs.foreign.log import figure
from training.runs.listing import CurveReader, list_runs, read_curves
from training.runs.summary import Scores

LIGHTNING = """\
epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_dice,val_loss
,0.001,49,,,,
0,,49,,0.9,,
0,,99,,0.7,,
0,,119,,,0.81,0.5
0,,119,0.8,,,
,0.0005,149,,,,
1,,149,,0.4,,
1,,239,,,0.9,0.3
1,,239,nan,,,
"""

TEXT = """\
Using device cuda, batch size 8, learning rate 0.001
Epoch [1/3], Step [100/480], Loss: 0.5120
Epoch [1/3], Step [200/480], Loss: 0.4011
Epoch [1/3], Loss: 0.4352, Dice: 0.88, IoU: 0.79
Saved checkpoint at epoch 1 with loss 0.435214
Epoch [2/3], Loss: 1.2e-1, Dice: 98.5%, IoU: 0.97
Validation Dice score: 0.96
Val Loss = nan
not a figure: epoch 2 was fine
"""


def known(row: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in row.items() if not pd.isna(value)}


def rows(table: Any) -> list[dict[Any, Any]]:
    return [known(row) for row in table.to_dict("records")]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("train_loss", "loss"),
        ("train_loss_epoch", "loss"),
        ("loss", "loss"),
        ("Loss/val", "val_loss"),
        ("validation/dice-score", "val_dice"),
        ("Val Dice", "val_dice"),
        ("dice", "val_dice"),
        ("valid_JaccardIndex", "val_jaccardindex"),
        ("val_jaccard_index", "val_iou"),
        ("val/boundary_iou_3px", "val_boundary_iou_3px"),
        ("train/IoU", "train_iou"),
        ("test_acc", "test_accuracy"),
        ("lr-AdamW/pg1", "learning_rate"),
        ("learning rate", "learning_rate"),
        ("val_hausdorff", "val_hausdorff"),
    ],
)
def test_names_in_our_words(name: str, column: str) -> None:
    assert figure(name).column == column


def test_lightning_rows_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(LIGHTNING)
    curves = read_curves(tmp_path)
    steps = rows(curves.steps)
    assert [row["step"] for row in steps] == [50, 50, 100, 150, 150]
    assert [row.get("loss") for row in steps] == [None, 0.9, 0.7, None, 0.4]
    assert [row.get("learning_rate") for row in steps] == [0.001, None, None, 0.0005, None]
    assert [row["epoch"] for row in steps] == [0, 1, 1, 0, 2]
    assert rows(curves.epochs) == [
        {"epoch": 1, "step": 120, "loss": 0.8, "val_dice": 0.81, "val_loss": 0.5},
        {"epoch": 2, "step": 240, "val_dice": 0.9, "val_loss": 0.3},
    ]


def test_lightning_columns_without_a_span_are_told_by_their_rows(tmp_path: Path) -> None:
    text = "epoch,step,train_loss,val_iou\n0,9,0.9,\n0,19,0.8,\n0,19,,0.6\n1,29,0.7,\n1,39,,0.7\n"
    (tmp_path / "metrics.csv").write_text(text + "1,4")  # torn
    curves = read_curves(tmp_path)
    assert curves.steps["loss"].to_list() == [0.9, 0.8, 0.7]
    assert curves.epochs["val_iou"].to_list() == [0.6, 0.7]
    assert curves.epochs["loss"].isna().all()


@pytest.mark.parametrize("text", ["epoch,step,val_dice\n", "epoch,step\n0,9\n"])
def test_lightning_without_a_figure_yet(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    curves = read_curves(tmp_path)
    assert curves.steps.empty
    assert curves.epochs.empty


def test_the_starting_points_text_log(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(TEXT)
    curves = read_curves(tmp_path)
    assert rows(curves.steps) == [
        {"epoch": 1, "step": 100, "loss": 0.512},
        {"epoch": 1, "step": 200, "loss": 0.4011},
    ]
    assert rows(curves.epochs) == [
        {"epoch": 1, "step": 480, "loss": 0.4352, "val_dice": 0.88, "val_iou": 0.79},
        {"epoch": 2, "step": 960, "loss": 0.12, "val_dice": 0.96, "val_iou": 0.97},
    ]


def test_saved_checkpoints_alone_are_a_curve(tmp_path: Path) -> None:
    lines = [f"Saved checkpoint at epoch {n} with loss {0.1 / (n + 1):.6f}" for n in (0, 3, 4)]
    (tmp_path / "log.txt").write_text("\n".join(lines))
    epochs = read_curves(tmp_path).epochs
    assert epochs["epoch"].to_list() == [1, 4, 5]  # it counted from 0
    assert epochs["loss"].to_list() == [0.1, 0.025, 0.02]


@pytest.mark.parametrize(
    ("line", "figures"),
    [
        ("Epoch 3/20 - train_loss: 0.05 - val_loss: 0.04 - val_dice: 0.9", (0.05, 0.04, 0.9)),
        ("Epoch: 3 | Train Loss: .05 | Val Loss: 4e-2 | Val Dice 0.9", (0.05, 0.04, 0.9)),
        ("[INFO] EPOCH 3: loss=0.05, validation loss=0.04, dice score=0.9", (0.05, 0.04, 0.9)),
        ("Epoch 3 of 20: avg loss is 0.05 (val loss 0.04, val dice 90 %)", (0.05, 0.04, 0.9)),
        ("Epoch #3: 100%|##| 9/9 [00:01<00:00, loss (batch)=0.05]", (0.05, None, None)),
        ("Epoch 3: bce_loss: 7, loss: 0.05", (0.05, None, None)),
    ],
)
def test_usual_ways_to_write_an_epoch(
    tmp_path: Path, line: str, figures: tuple[float | None, ...]
) -> None:
    (tmp_path / "out.txt").write_text(f"Epoch 1: loss 1\r{line}\n")
    row = rows(read_curves(tmp_path).epochs)[-1]
    assert row["epoch"] == 3
    assert tuple(row.get(name) for name in ("loss", "val_loss", "val_dice")) == figures


def write_events(folder: Path, points: list[tuple[str, float, int]]) -> None:
    writer_module = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer = writer_module.EventFileWriter(str(folder))
    for number, (tag, value, step) in enumerate(points):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.add_event(Event(wall_time=1_767_322_800 + number, step=step, summary=summary))
    writer.close()


@pytest.mark.slow
def test_tensorboard_scalars_are_all_read(tmp_path: Path) -> None:
    points = [("Loss/train", 1 / n, n) for n in range(1, 10_201)]
    points += [("Dice/val", 0.5, 5100), ("Loss/val", 0.25, 5100), ("Dice/val", 0.75, 10_200)]
    write_events(tmp_path, sorted(points, key=lambda point: point[2]))
    curves = read_curves(tmp_path)
    assert curves.steps["step"].to_list() == list(range(1, 10_201))
    assert curves.steps["loss"].to_list() == pytest.approx([1 / n for n in range(1, 10_201)])
    assert curves.steps["epoch"].to_list() == [1] * 5100 + [2] * 5100
    assert curves.epochs["val_dice"].to_list() == [0.5, 0.75]
    assert curves.epochs["step"].to_list() == [5100, 10_200]
    assert curves.epochs["val_loss"].to_list()[0] == 0.25
    assert str(curves.steps["time"][0]) == "2026-01-02 03:00:00+00:00"
    assert curves.steps["seconds"][0] == 0


def test_tensorboard_with_the_epoch_as_its_step(tmp_path: Path) -> None:
    points = [(tag, 0.5, epoch) for epoch in range(3) for tag in ("train/loss", "val/iou")]
    write_events(tmp_path, points)
    curves = read_curves(tmp_path)
    assert curves.steps.empty
    assert curves.epochs["epoch"].to_list() == [1, 2, 3]
    assert curves.epochs[["loss", "val_iou"]].to_numpy().tolist() == [[0.5, 0.5]] * 3


def test_lightnings_epoch_scalar_counts_the_epochs(tmp_path: Path) -> None:
    points = [("train_loss_step", 0.9, 49), ("epoch", 0, 49), ("train_loss_step", 0.8, 149)]
    points += [("epoch", 4, 149), ("val_dice", 0.7, 199), ("epoch", 4, 199)]
    write_events(tmp_path, points)
    curves = read_curves(tmp_path)
    assert curves.steps["epoch"].to_list() == [1, 5]
    assert curves.epochs["epoch"].to_list() == [5]


def test_event_files_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tb").mkdir()
    (tmp_path / "tb" / "events.out.tfevents.1.host").write_bytes(b"")
    write_run(tmp_path / "ours")
    found = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RunError, match="pip install tensorboard"):
        read_curves(tmp_path / "tb")
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert "pip install tensorboard" in runs["tb"].error
    assert runs["ours"].error == ""


def test_damaged_event_files_give_what_they_hold(tmp_path: Path) -> None:
    write_events(tmp_path, [("val_dice", 0.5, 1), ("val_dice", 0.75, 2)])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert read_curves(tmp_path).epochs["val_dice"].to_list() == [0.5]


def test_foreign_logs_stand_in_the_list_beside_ours(tmp_path: Path) -> None:
    write_run(tmp_path / "ours")
    (tmp_path / "ours" / "metrics.csv").write_text(LIGHTNING)  # written for other tools
    for version in ("version_0", "version_1"):
        (tmp_path / "lightning_logs" / version).mkdir(parents=True)
        (tmp_path / "lightning_logs" / version / "metrics.csv").write_text(LIGHTNING)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "train.log").write_text(TEXT)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("epoch 3 was fine, loss unknown")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "metrics.csv").write_bytes(b'epoch,step,val_dice\n"\x00\xff\n1,2,3')
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert {name: run.written_by for name, run in runs.items()} == {
        "ours": "carmask",
        "lightning_logs/version_0": "lightning",
        "lightning_logs/version_1": "lightning",
        "text": "text",
        "notes": "",
        "broken": "lightning",
    }
    lightning, text = runs["lightning_logs/version_1"], runs["text"]
    assert (lightning.status, lightning.epoch, lightning.step) == ("unknown", 2, 240)
    assert (lightning.best, lightning.last) == (Scores(2, {"dice": 0.9}), Scores(2, {"dice": 0.9}))
    assert lightning.folder == tmp_path / "lightning_logs" / "version_1"
    assert (text.epoch, text.epochs, text.best) == (2, 3, Scores(2, {"dice": 0.96, "iou": 0.97}))
    assert text.seconds is None
    assert "metrics.csv" in runs["broken"].error
    assert runs["ours"].error == ""


def test_a_foreign_log_that_grows_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "text" / "train.log"
    path.parent.mkdir()
    reader = CurveReader(path.parent)
    assert reader.read().epochs.empty
    path.write_text("Epoch 1: loss 0.5\n")
    assert reader.read().epochs["loss"].to_list() == [0.5]
    assert list_runs(tmp_path)[0].epoch == 1
    path.write_text("Epoch 1: loss 0.5\nEpoch 2: loss nan\n")
    assert math.isnan(reader.read().epochs["loss"].to_list()[1])
    assert list_runs(tmp_path)[0].epoch == 2
