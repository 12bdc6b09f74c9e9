"""Notes on runs, and the one way to delete one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import RunError
from tests.training.run_folders import write_run
from training.config import TrainConfig
from training.runs.listing import list_runs
from training.runs.notes import (
    LONGEST_TITLE,
    RunNotes,
    change_notes,
    delete_run,
    read_notes,
    why_not_deleted,
)
from training.runs.runlog import RunLog


def test_a_run_without_notes_has_none(tmp_path: Path) -> None:
    assert read_notes(write_run(tmp_path / "one")) == RunNotes()


def test_what_is_not_changed_stays(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    change_notes(run, title="First", tags=("b", "a"))
    change_notes(run, archived=True)
    assert read_notes(run) == RunNotes("First", ("a", "b"), "", archived=True)
    change_notes(run, title="", archived=False)
    assert read_notes(run) == RunNotes("", ("a", "b"))


def test_texts_are_made_tidy(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    notes = change_notes(
        run, title="  two\nlines " + "x" * 200, tags=("B", " a ", "a", ""), notes=" kept\n\nso "
    )
    assert notes.title.startswith("two lines x")
    assert len(notes.title) == LONGEST_TITLE
    assert notes.tags == ("a", "B")
    assert notes.notes == "kept\n\nso"
    assert read_notes(run) == notes


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"tags": 3, "title": 4, "archived": "yes"}'])
def test_damaged_notes_are_no_notes_and_can_be_written_again(tmp_path: Path, text: str) -> None:
    run = write_run(tmp_path / "one")
    (run / "notes.json").write_text(text)
    assert read_notes(run) == RunNotes()
    assert change_notes(run, title="New").title == "New"
    assert json.loads((run / "notes.json").read_text())["title"] == "New"


def test_notes_change_nothing_else_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    before = list_runs(tmp_path)
    change_notes(run, title="New", notes="epoch 3: loss 0.5", tags=("x",))
    assert list_runs(tmp_path) == before
    assert not list(run.glob(".*"))


def test_notes_on_a_run_that_is_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="can't be written"):
        change_notes(tmp_path / "gone", title="x")
    assert not (tmp_path / "gone").exists()


def test_a_run_is_deleted_with_everything_in_it(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "two")
    assert why_not_deleted(tmp_path, "one") == ""
    delete_run(tmp_path, "one")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_run_that_is_trained_stays(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", status="running")
    with RunLog(run, TrainConfig()), pytest.raises(RunError, match="being trained"):
        delete_run(tmp_path, "one")
    assert (run / "metrics.jsonl").is_file()
    delete_run(tmp_path, "one")  # crashed
    assert not run.exists()


def test_a_trainer_that_starts_at_this_moment_keeps_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "one")
    answers = iter([False, True])
    monkeypatch.setattr("training.runs.notes.is_locked", lambda _: next(answers))
    with pytest.raises(RunError, match="being trained"):
        delete_run(tmp_path, "one")
    assert (run / "metrics.jsonl").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "inner/run", "missing"])
def test_only_a_run_right_inside_the_folder_is_deleted(tmp_path: Path, name: str) -> None:
    runs = tmp_path / "runs"
    outside = write_run(tmp_path / "outside")
    inner = write_run(runs / "inner" / "run")
    with pytest.raises(RunError, match="was not deleted"):
        delete_run(runs, name)
    assert (outside / "metrics.jsonl").is_file()
    assert (inner / "metrics.jsonl").is_file()


def test_a_link_and_a_foreign_folder_are_not_deleted(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    outside = write_run(tmp_path / "outside")
    (runs / "foreign").mkdir(parents=True)
    (runs / "foreign" / "metrics.csv").write_text("epoch,step,val_dice\n0,1,0.5\n")
    (runs / "link").symlink_to(outside)
    for name in ("foreign", "link"):
        assert "by hand" in why_not_deleted(runs, name)
        with pytest.raises(RunError, match="by hand"):
            delete_run(runs, name)
    assert (outside / "metrics.jsonl").is_file()
    assert (runs / "foreign" / "metrics.csv").is_file()
