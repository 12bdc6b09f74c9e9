"""Whatever stands in the files of a run: readers say what does not hold, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import CarmaskError, DataError, RunError
from core.files import Facts, parse_json, read_facts
from tests.training.run_folders import epoch_line, step_line, text_of, write_run
from training.config import TrainConfig
from training.data.sides import load_split
from training.jobs.queue import Queue
from training.runs.config_difference import settings_of
from training.runs.doctor.findings import Doctor
from training.runs.listing import WatchedRun, list_runs, read_curves
from training.runs.notes import NOTES_FILE, change_notes, read_notes
from training.runs.probes import read_probes
from training.runs.runlog import create_run, explain_end, read_config, read_metrics, read_split
from training.runs.summary import RunSummary
from training.runs.tail import parse_lines

DEEP = "[" * 100_000
WRONG = {
    "a list": "[1, 2]",
    "deep": DEEP,
    "deep object": '{"data": ' * 100_000,
    "200 deep": '{"seed": ' + "[" * 190 + "]" * 190 + "}",
    "infinity": '{"masks": {"looked_at": Infinity}, "share": 1e999, "epoch": -Infinity}',
    "NaN": '{"seed": NaN, "share": NaN, "threads": NaN}',
    "a surrogate": '{"device": "\\ud800", "verdict": "\\udfff", "message": "\\ud800\\ud800"}',
    "a pair": '{"device": "\\ud83d\\ude97"}',
    "whole numbers beyond all": '{"seed": 1' + "0" * 400 + ', "epoch": 1' + "0" * 5000 + "}",
    "no text": "\x00\x01",
    "nothing": "",
    "null": "null",
}
FILES = ("config.json", "environment.json", "split.json", "state.json", NOTES_FILE)

NAMES = """
    data seed epochs width depth norm device masks looked_at odd verdict fingerprint train_cars
    val_cars by status epoch step images share message updated cause title tags notes archived
    probes number name source car kind loss seconds time val dice sources run arguments asked
    repeat recipe
"""
names = st.sampled_from([*NAMES.split(), "\ud800", ""])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, 2**63, -(2**53)])
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=5)
    | st.sampled_from(["epoch", "step", "finished", "running", "failed", "batch", "car", "a_b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=10)


def read_all(run: Path) -> RunSummary:
    """Returns a run's summary after every reader had its turn."""
    (run / "probes").mkdir(exist_ok=True)
    for source, place in (("state.json", run / "probes" / "probes.json"),):
        place.write_bytes((run / source).read_bytes())
    (summary,) = list_runs(run.parent)
    reads: tuple[Callable[[Path], object], ...] = (read_config, read_split, read_curves)
    for read in (*reads, lambda each: Doctor(each).findings()):
        try:
            read(run)
        except CarmaskError as error:
            str(error).encode()
    for name in FILES:
        json.dumps(settings_of(run / name)).encode()
    seen = WatchedRun(run).read()
    shown = (*map(str, vars(summary).values()), seen.summary.error, read_notes(run).title)
    "".join(shown).encode()
    for table in (seen.curves.steps, seen.curves.epochs):
        table.to_csv().encode()
    read_probes(run)
    read_metrics(run)
    return summary


@pytest.mark.slow
@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("name", FILES)
def test_one_wrong_file_leaves_the_rest(tmp_path: Path, name: str, content: str) -> None:
    run = write_run(tmp_path / "one", dices=(0.8,))
    (run / name).write_text(content)
    summary = read_all(run)
    assert summary.best is not None
    if name not in ("config.json", NOTES_FILE):
        assert summary.seed == 7
    if name != "environment.json":
        assert summary.device == "cuda:0"
    if name != "state.json":
        assert summary.status == "finished"


@pytest.mark.parametrize(
    ("name", "content", "whole"),
    [
        ("config.json", "[]", True),
        ("config.json", DEEP, True),
        ("config.json", '{"data": "cars", "seed": 3}', False),
        ("environment.json", '{"device": Infinity, "device_name": "GPU"}', False),
        ("state.json", '{"status": "finished", "share": NaN, "epoch": true}', False),
        ("split.json", '{"verdict": ["LEAKY"]}', False),
    ],
)
def test_what_does_not_hold_is_named(tmp_path: Path, name: str, content: str, whole: bool) -> None:
    run = write_run(tmp_path / "one")
    (run / name).write_text(content)
    summary = read_all(run)
    assert name in summary.error
    assert ("can't be read" in summary.error) == whole
    assert summary.step == 10
    if "seed" in content:
        assert summary.seed == 3
    if "device" in content:
        assert (summary.device, summary.device_name) == ("", "GPU")


def test_a_wrong_network_has_no_size(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    (run / "config.json").write_text('{"width": 1000000000, "depth": 4}')
    assert read_all(run).parameters is None


@pytest.mark.slow
@given(content=objects)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_leaves_the_readers_standing(tmp_path: Path, content: dict[str, Any]) -> None:
    run = tmp_path / "runs" / "one"
    if not run.is_dir():
        write_run(run, dices=(0.8,))
    text = json.dumps(content)
    for name in FILES:
        (run / name).write_text(text)
    (run / "metrics.jsonl").write_text(text_of([step_line(5)]) + text + "\n" + text)
    assert read_all(run).step >= 5


@pytest.mark.slow
@given(content=objects)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_leaves_the_queue_standing(tmp_path: Path, content: dict[str, Any]) -> None:
    queue = Queue(tmp_path)
    if not queue.waiting():
        queue.add("good", "cpu", ["fit"])
    (queue.folder / "odd.waiting").write_text(json.dumps(content))
    assert "good" in [entry.run for entry in queue.waiting()]


@pytest.mark.slow
@given(lines=st.lists(objects, max_size=5))
@settings(max_examples=150)
def test_any_line_of_metrics(lines: list[dict[str, Any]]) -> None:
    broken: list[str] = []
    data = text_of([step_line(1), *lines, epoch_line(1, 0.5)]).encode()
    found = parse_lines(data, broken.append)
    assert [found[0], found[-1]] == [step_line(1), epoch_line(1, 0.5)]
    assert len(broken) >= len(lines) + 2 - len(found)


def test_damaged_lines_are_counted_and_their_good_figures_stay(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    odd = epoch_line(2, 0.9, loss="high")
    odd["val"]["iou"] = [1]
    odd["val"]["sources"] = {"\ud800": {"dice": 0.7}}
    text = text_of([step_line(5), odd, {"step": -1}]) + DEEP + "\n"
    (run / "metrics.jsonl").write_text(text + text_of([epoch_line(3, 0.7)]))
    curves = read_curves(run)
    assert curves.epochs["epoch"].to_list() == [2, 3]
    assert curves.epochs["val_dice"].to_list() == [0.9, 0.7]
    assert curves.epochs["val_dice@\ufffd"].iloc[0] == 0.7
    assert "(3)" in curves.error
    assert curves.error in WatchedRun(run).read().summary.error
    (summary,) = list_runs(tmp_path)
    assert summary.best is not None
    assert (summary.best.epoch, summary.best.get("dice"), summary.best.get("iou")) == (2, 0.9, None)


def test_a_last_line_without_end_that_is_deep(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    with (run / "metrics.jsonl").open("a") as file:
        file.write("[" * 100_000 + "}")
    assert read_all(run).step == 10


def test_a_run_with_a_broken_state_can_be_explained_and_named_anew(tmp_path: Path) -> None:
    with create_run(tmp_path, "one", TrainConfig()) as log:
        folder = log.folder
    (folder / "state.json").write_text("[" * 100_000)
    with pytest.raises(RunError):
        create_run(tmp_path, "one", TrainConfig())
    explain_end(folder, "failed", "It broke.")
    (summary,) = list_runs(tmp_path)
    assert (summary.status, summary.message) == ("failed", "It broke.")


@pytest.mark.parametrize(
    "sides", ['["a"]', '{"cars": [1, "a"]}', '{"cars": "ab"}', "null", DEEP, '{"cars": [["a"]]}']
)
def test_sides_of_a_split_are_lists_of_names(tmp_path: Path, sides: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(f'{{"fingerprint": "x", "seed": 1, "val_cars": {sides}, "train_cars": {{}}}}')
    with pytest.raises(DataError) as raised:
        load_split(path)
    assert len(str(raised.value)) < 400


def test_notes_that_hold_in_part_keep_that_part(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    (run / NOTES_FILE).write_text('{"title": "Best", "tags": "x", "archived": 1}')
    assert change_notes(run, notes="good").title == "Best"
    assert read_notes(run).notes == "good"


def test_no_message_repeats_the_file(tmp_path: Path) -> None:
    secret = "PASSWORD=hunter2"
    (tmp_path / "a.json").write_text(secret)
    (tmp_path / "b.json").write_text(json.dumps({"count": secret}))

    class Schema(Facts):
        count: int = 0

    for name in ("a.json", "b.json"):
        error = read_facts(tmp_path / name, Schema).error(name)
        assert error
        assert "hunter2" not in error


def test_half_a_character_is_replaced_and_a_whole_one_is_not() -> None:
    text = r'["\ud800", "\ud83d\ude97", "\\ud800", "\udc00\ud83d\ude97", "\\\ud800"]'
    expected = ["\ufffd", "\U0001f697", "\\ud800", "\ufffd\U0001f697", "\\\ufffd"]
    assert parse_json(text.encode()) == expected
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
