"""The list of runs: every run as far as it can be read, none harmed by another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.checkpoint import load_checkpoint, save_checkpoint
from core.errors import RunError
from core.places import shipped_runs
from core.split_verdict import SplitVerdict
from tests.pages.untrained import write_checkpoint
from tests.training.run_folders import epoch_line, step_line, text_of, write_run
from training.config import TrainConfig
from training.runs.config_difference import config_difference
from training.runs.listing import list_runs
from training.runs.runlog import RunLog, is_locked
from training.runs.summary import RunSummary, Scores

ROOT = Path(__file__).resolve().parents[2]


def scores(epoch: int, dice: float) -> Scores:
    """What `write_run` notes of an epoch."""
    figures = {"dice": dice, "iou": dice - 0.1}
    return Scores(epoch, figures | {"boundary_iou": dice - 0.2, "boundary_iou_3px": dice - 0.3})


def only(folder: Path) -> RunSummary:
    (run,) = list_runs(folder)
    return run


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def holder(folder: Path) -> subprocess.Popen[str]:
    """Starts another process that holds a run's lock until it is killed."""
    code = (
        "import sys; from pathlib import Path; from training.config import TrainConfig;"
        "from training.runs.runlog import RunLog; log = RunLog(Path(sys.argv[1]), TrainConfig());"
        "print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    with process:
        process.wait()


def test_a_whole_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "one", dices=(0.8, 0.9, 0.85))
    assert only(tmp_path) == RunSummary(
        name="one",
        folder=folder,
        status="finished",
        epoch=3,
        epochs=3,
        step=30,
        images=240,
        started=datetime(2026, 1, 2, 3, tzinfo=UTC),
        updated=datetime(2026, 1, 2, 4, tzinfo=UTC),
        seconds=18.0,
        best=scores(2, 0.9),
        last=scores(3, 0.85),
        device="cuda:0",
        device_name="GPU",
        data=("carvana512", "synthetic"),
        verdict=SplitVerdict("clean", 0, 2, "car"),
        seed=7,
        parameters=1_943_924,
    )
    assert only(tmp_path).best_epoch == 2


def test_a_leaky_split_is_marked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    change(run / "split.json", verdict="LEAKY: 2 of 2 validation cars are also in train")
    assert only(tmp_path).verdict == SplitVerdict("leaky", 2, 2)
    change(run / "split.json", verdict=SplitVerdict("leaky", 1, 2, "random").to_json())
    assert only(tmp_path).verdict == SplitVerdict("leaky", 1, 2, "random")


def test_a_run_without_a_split_is_unknown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    (run / "split.json").unlink()
    assert only(tmp_path).verdict.kind == "unknown"


def test_the_newest_stands_first(tmp_path: Path) -> None:
    for name, day in (("a", 1), ("b", 3), ("c", 2)):
        run = write_run(tmp_path / name)
        (run / "log.txt").write_text(f"2026-01-0{day}T03:00:00+00:00 begun\n")
    (write_run(tmp_path / "d") / "log.txt").unlink()
    assert [run.name for run in list_runs(tmp_path)] == ["b", "c", "a", "d"]


def test_no_folder_and_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []
    (tmp_path / "runs" / ".archive").mkdir(parents=True)
    (tmp_path / "runs" / "notes.txt").write_text("epoch 1: loss 0.5")
    assert list_runs(tmp_path / "runs") == []
    with pytest.raises(RunError, match="can't be listed: Not a directory"):
        list_runs(tmp_path / "runs" / "notes.txt")


def test_garbage_harms_no_other_run(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole")
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise").mkdir()
    for name in ("config.json", "state.json", "split.json", "metrics.jsonl", "log.txt"):
        (tmp_path / "noise" / name).write_bytes(b'\xff\x00{"val"\n\n[[[["step"' * 99)
    (tmp_path / "folders" / "config.json").mkdir(parents=True)
    (tmp_path / "folders" / "metrics.jsonl").mkdir()
    (tmp_path / "lists").mkdir()
    for name in ("config.json", "state.json", "environment.json"):
        (tmp_path / "lists" / name).write_text("[1, 2]")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "state.json").write_text('{"status": 3, "epoch": "x", "updated": 1}')
    (tmp_path / "wrong" / "config.json").write_text('{"data": 5, "width": "wide", "seed": null}')
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert runs.keys() == {"whole", "empty", "noise", "folders", "lists", "wrong"}
    assert (runs["whole"].folder, runs["whole"].error) == (whole, "")
    assert runs["whole"].last == scores(1, 0.8)
    assert "It is no run" in runs["empty"].error
    assert "It is no run" in runs["folders"].error
    for name in ("config.json", "state.json", "split.json"):
        assert f"{name} can't be read" in runs["noise"].error
    assert "state.json can't be read: it holds no settings" in runs["lists"].error
    assert (runs["wrong"].status, runs["wrong"].parameters) == ("unknown", None)


def test_an_imported_network_is_no_run(tmp_path: Path) -> None:
    write_run(tmp_path / "own")
    for name in ("theirs", "nothing"):
        write_checkpoint(tmp_path, name)
    path = tmp_path / "theirs" / "checkpoints" / "best.safetensors"
    model, info = load_checkpoint(path)
    save_checkpoint(path, model, replace(info, origin={"program": "Pytorch-UNet"}))
    assert {run.name for run in list_runs(tmp_path)} == {"own", "nothing"}


def test_missing_files_and_other_versions(tmp_path: Path) -> None:
    write_run(tmp_path / "new")
    change(tmp_path / "new" / "config.json", flux=3)
    change(tmp_path / "new" / "state.json", status="queued", mood="good")
    old = write_run(tmp_path / "old", dices=(0.7, 0.6))
    for name in ("environment.json", "split.json", "state.json", "log.txt"):
        (old / name).unlink()
    (old / "config.json").write_text('{"data": ["cars"]}')
    runs = {run.name: run for run in list_runs(tmp_path)}
    assert (runs["new"].status, runs["new"].seed, runs["new"].error) == ("queued", 7, "")
    assert (runs["old"].status, runs["old"].data, runs["old"].error) == ("unknown", ("cars",), "")
    assert (runs["old"].epoch, runs["old"].step, runs["old"].images) == (2, 20, 160)
    assert runs["old"].best_epoch == 1


def test_a_torn_line_waits_and_a_figure_that_is_none_is_none(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", dices=(0.8,))
    whole = text_of([epoch_line(2, 0.9), step_line(25, epoch=3)])
    with (run / "metrics.jsonl").open("a") as file:
        file.write(whole[:-20])
    assert (only(tmp_path).last, only(tmp_path).step) == (only(tmp_path).best, 20)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(whole[-20:])
        file.write(text_of([epoch_line(3, 0.0, val={"dice": float("nan"), "iou": "x"})]))
    assert (only(tmp_path).best_epoch, only(tmp_path).last) == (2, Scores(3))


def test_a_changed_run_is_read_again_and_a_deleted_one_is_gone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", dices=(0.8, 0.9))
    write_run(tmp_path / "two")
    assert {each.name for each in list_runs(tmp_path)} == {"one", "two"}
    shutil.rmtree(tmp_path / "two")
    change(run / "state.json", epoch=1, step=10, images=80)
    temporary = run / "new"
    temporary.write_text(text_of([epoch_line(1, 0.8)]))
    temporary.replace(run / "metrics.jsonl")  # as a resumed trainer forgets what it does again
    again = only(tmp_path)
    assert (again.best_epoch, again.epoch, again.step, again.seconds) == (1, 1, 10, 6.0)


def test_an_unchanged_run_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "one")
    before = list_runs(tmp_path)

    def no_open(*args: object, **options: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(Path, "open", no_open)
    monkeypatch.setattr(Path, "read_bytes", no_open)
    assert list_runs(tmp_path) == before


@pytest.mark.slow
def test_running_crashed_and_ended(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", status="running")
    crashed = only(tmp_path)
    assert (crashed.status, "log.txt" in crashed.message) == ("crashed", True)
    process = holder(run)
    try:
        alive = only(tmp_path)
        assert (alive.status, alive.message) == ("running", "")
        written = datetime.fromtimestamp((run / "metrics.jsonl").stat().st_mtime, UTC)
        assert alive.updated == max(written, datetime(2026, 1, 2, 4, tzinfo=UTC))
    finally:
        end(process)
    assert only(tmp_path).status == "crashed"
    change(run / "state.json", status="stopped")
    assert only(tmp_path).status == "stopped"


def test_a_trainer_that_ends_between_two_looks_has_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "one", status="running")

    def ends_now(folder: Path) -> bool:
        change(folder / "state.json", status="finished")
        return False

    monkeypatch.setattr("training.runs.own_run.is_locked", ends_now)
    assert only(tmp_path).status == "finished"
    assert run.is_dir()


def test_starting_until_the_first_state(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    for name in ("state.json", "metrics.jsonl"):
        (run / name).unlink()
    process = holder(run)
    try:
        assert only(tmp_path).status == "starting"
    finally:
        end(process)
    assert only(tmp_path).status == "crashed"


@pytest.mark.slow
def test_a_look_neither_takes_nor_drops_the_lock(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", status="running")
    with RunLog(run, TrainConfig()):
        assert only(tmp_path).status == "running"
        assert is_locked(run)
        code = (
            "import sys; from pathlib import Path; from training.runs.runlog import is_locked;"
            "print(is_locked(Path(sys.argv[1])))"
        )
        seen = subprocess.run(
            [sys.executable, "-c", code, str(run)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert seen.stdout == "True\n"  # this process still holds it
    assert not is_locked(run)
    assert only(tmp_path).status == "crashed"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_closed_folder_has_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    run.chmod(0)
    try:
        assert "can't be read: Permission denied" in only(tmp_path).error
    finally:
        run.chmod(0o700)


@pytest.mark.slow
def test_pages_never_wait_for_torch() -> None:
    code = (
        "import sys, training.runs.listing, training.runs.listing;"
        "import training.runs.config_difference;"
        "print(sorted({'torch', 'albumentations', 'tensorboard'} & sys.modules.keys()))"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "[]\n"


def test_config_difference_has_the_differing_rows_only(tmp_path: Path) -> None:
    runs = []
    for name, values in {
        "a": {"size": 256, "clip": 5, "data": ["x"], "loss": {"kind": "bce", "weight": 1}},
        "b": {"size": 512, "clip": 5.0, "data": ["x", "y"], "loss": {"kind": "dice", "weight": 1}},
        "c": {"size": 256, "clip": 5, "data": ["x"], "loss": {"kind": "bce", "weight": 1}, "z": 0},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(values))
        runs.append(tmp_path / name)
    table = config_difference([*runs, tmp_path / "damaged"])
    assert table.index.name == "setting"
    assert {name: list(row) for name, row in table.T.to_dict("list").items()} == {
        "size": ["256", "512", "256", None],
        "data": ["x", "x, y", "x", None],
        "loss.kind": ["bce", "dice", "bce", None],
        "z": [None, None, "0", None],
    }
    assert list(table.columns) == ["a", "b", "c", "damaged"]
    assert config_difference([runs[0], runs[0]]).empty
    assert config_difference([]).empty


def test_the_shipped_folder_lists_runs_alone() -> None:
    assert not [run.name for run in list_runs(shipped_runs()) if run.error]
