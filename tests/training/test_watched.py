"""A run as somebody sees it who watches it, in each state."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from tests.training.run_folders import step_line, text_of, write_run
from training.config import TrainConfig
from training.jobs.queue import Queue
from training.runs.doctor.case import case_of
from training.runs.doctor.findings import findings_of
from training.runs.listing import WatchedRun
from training.runs.runlog import RunState, create_run


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    queue = Queue(tmp_path)
    for run in ("first", "other", "mine"):
        queue.add(run, "cuda" if run == "other" else "cpu", ["fit"])
    queue.take("cpu")
    return queue


def test_a_run_from_its_place_in_the_queue_to_its_end(queue: Queue, tmp_path: Path) -> None:
    watched = WatchedRun(tmp_path / "mine")
    seen = watched.read()
    assert (seen.status, seen.ahead, seen.alive) == ("queued", ("first",), True)
    queue.done("first")
    queue.take("cpu")
    assert watched.read().status == "starting"
    with create_run(tmp_path, "mine", TrainConfig(epochs=4)) as log:
        assert watched.read().status == "starting"
        log.write_state(RunState("running", 0, 4))
        seen = watched.read()
        assert (seen.status, seen.seconds_left, seen.last("loss")) == ("running", None, None)
        log.say("hello")
        log.append({"kind": "step", "epoch": 1, "step": 20, "loss": 0.5, "learning_rate": 0.1})
        line = {"kind": "epoch", "epoch": 1, "step": 25, "loss": 0.4, "seconds": 30.0}
        log.append({**line, "val": {"dice": 0.9, "iou": 0.8}})
        log.write_state(RunState("running", 1, 4, share=0.25))
        seen = watched.read()
        assert seen.seconds_left == pytest.approx(90.0)
        assert (seen.last("loss"), seen.last("learning_rate")) == (0.4, 0.1)
        assert seen.last("val_dice") == 0.9
        assert seen.log[-1].endswith("hello")
        log.write_state(RunState("finished", 4, 4, share=1.0))
    queue.done("mine")
    seen = watched.read()
    assert (seen.status, seen.alive, seen.seconds_left) == ("finished", False, None)


def test_a_resumed_run_waits_and_starts_though_its_files_say_stopped(
    queue: Queue, tmp_path: Path
) -> None:
    with create_run(tmp_path, "again", TrainConfig()) as log:
        log.write_state(RunState("stopped", 1, 4))
    watched = WatchedRun(tmp_path / "again")
    assert watched.read().status == "stopped"
    queue.add("again", "cpu", ["fit"])
    assert watched.read().status == "queued"
    for run in ("first", "mine"):
        queue.done(run)
        queue.take("cpu")
    assert watched.read().status == "starting"
    queue.done("again", "The data have changed.")
    seen = watched.read()
    assert (seen.status, seen.summary.message) == ("failed", "The data have changed.")


@pytest.mark.slow
def test_watching_for_long_keeps_memory_flat(tmp_path: Path) -> None:
    """An hour of looks, one a second, at a run that hardly grows; here a hundred."""
    metrics = write_run(tmp_path / "run", "running") / "metrics.jsonl"
    metrics.write_text(text_of([step_line(step) for step in range(1, 500)]))
    watched = WatchedRun(tmp_path / "run")

    def look(times: int) -> int:
        for number in range(times):
            if number % 20 == 0:
                with metrics.open("a") as file:
                    file.write(text_of([step_line(1000 + number)]))
            seen = watched.read()
            findings_of(case_of(seen.summary, seen.curves))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    before = look(20)
    grown = look(100) - before
    tracemalloc.stop()
    assert grown < 100_000, "a copy of the curves at each look would be 3 MB"


def test_no_run(tmp_path: Path) -> None:
    seen = WatchedRun(tmp_path / "nowhere").read()
    assert (seen.status, seen.alive, seen.log) == ("missing", False, ())
