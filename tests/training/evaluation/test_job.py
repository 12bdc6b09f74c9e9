"""Jobs of a page: the command that a person would type, watched, stopped, one at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError, RunError
from training.data.folder import Reading
from training.evaluation.images import open_images
from training.evaluation.settings import EvaluationSettings
from training.evaluation.stored import find_evaluation
from training.evaluation.subjects import subject_of
from training.jobs import evaluation as job
from training.jobs.evaluation import (
    EvaluationRequest,
    job_at,
    read_status,
    start_evaluation,
    stop_evaluation,
)

HOLD = """
import sys, time
from pathlib import Path
from training.jobs.locks import take_lock
lock = take_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def request_(
    tiny_data: Path,
    checkpoints: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> EvaluationRequest:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    return EvaluationRequest((checkpoints[0],), (tiny_data,), device="cpu")


@pytest.fixture
def holder(request: pytest.FixtureRequest) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def hold(path: Path, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Starts a process that holds a lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    started.append(process)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def wait_for(request: EvaluationRequest, *wanted: str) -> None:
    until = time.monotonic() + 120
    while read_status(request).status not in wanted:
        assert time.monotonic() < until, read_status(request)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_page_starts_watches_and_finds_the_result(request_: EvaluationRequest) -> None:
    assert read_status(request_).status == "missing"
    start_evaluation(request_)
    assert read_status(request_).running
    with pytest.raises(RunError, match="under way already"):
        start_evaluation(request_)
    wait_for(request_, "finished", "failed")
    status = read_status(request_)
    assert (status.status, status.done, status.total) == ("finished", 15, 15)
    images = open_images(request_.data)
    subject = subject_of(request_.checkpoints[0])
    assert find_evaluation(subject, images, EvaluationSettings()) is not None


@pytest.mark.slow
def test_a_command_that_fails_says_why(request_: EvaluationRequest) -> None:
    request = replace(request_, data=(request_.data[0] / "none",))
    start_evaluation(request)
    wait_for(request, "failed")
    assert "There is no data folder" in read_status(request).message


def test_progress_end_stop_and_failure_are_told(request_: EvaluationRequest) -> None:
    with job_at(request_.folder) as state:
        state.progress(5, 20)
        assert read_status(request_).status == "running" and read_status(request_).running
        state._state |= {"since": state._state["since"] - 10}
        state._written = float("-inf")
        state.progress(10, 20)
        status = read_status(request_)
        assert (status.done, status.total) == (10, 20)
        assert status.seconds_left == pytest.approx(20, abs=2)
    assert read_status(request_).status == "finished"
    with pytest.raises(KeyboardInterrupt), job_at(request_.folder):
        raise KeyboardInterrupt
    assert read_status(request_).status == "stopped"
    with pytest.raises(ConfigError), job_at(request_.folder):
        raise ConfigError("a bad setting")
    assert (read_status(request_).status, read_status(request_).message) == (
        "failed",
        "a bad setting",
    )


def test_a_process_that_was_killed_is_noticed(request_: EvaluationRequest) -> None:
    request_.folder.mkdir(parents=True)
    job._write(request_.folder, {"status": "running", "done": 3, "total": 9})
    status = read_status(request_)
    assert (status.status, status.done) == ("failed", 3) and "start it again" in status.message
    job._write(request_.folder, {"status": "starting", "at": time.time()})
    assert read_status(request_).status == "starting"
    job._write(request_.folder, {"status": "starting", "at": time.time() - 100})
    assert read_status(request_).status == "failed"


def test_jobs_wait_for_each_other(
    request_: EvaluationRequest,
    holder: list[subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = hold(request_.folder.parent / "lock", holder)
    statuses = []

    def sleep(seconds: float) -> None:
        statuses.append(read_status(request_).status)
        other.kill()
        other.wait()

    monkeypatch.setattr(job.time, "sleep", sleep)
    with job_at(request_.folder) as state:
        state.progress(0, 9)
        assert read_status(request_).status == "running"
    assert statuses == ["waiting"]


def test_stopping_and_a_second_process(
    request_: EvaluationRequest, holder: list[subprocess.Popen[str]]
) -> None:
    assert not stop_evaluation(request_)
    other = hold(request_.folder / "lock", holder)
    with pytest.raises(RunError, match="Another process"), job_at(request_.folder):
        raise AssertionError
    assert stop_evaluation(request_)
    assert other.wait(30) != 0


def test_equal_requests_are_one_job_and_others_are_not(request_: EvaluationRequest) -> None:
    assert replace(request_).folder == request_.folder
    more = {
        "reading": Reading(classes=("car",), car_rule="(?P<car>.)", cars=Path("cars.csv")),
        "split": Path("split.json"),
        "part": "val",
        "threshold": 0.25,
        "tta": True,
        "ensemble": True,
        "cost": True,
    }
    request = replace(request_, **more)  # type: ignore[arg-type]
    assert request.folder != request_.folder
    words = " ".join(request.arguments())
    assert "--part val" in words and "--threshold 0.25 --tta --ensemble --cost" in words
    assert f"--split {Path('split.json').resolve()}" in words and "--class=car" in words
    assert "--split" not in replace(request, part="all").arguments()
    cascade = replace(request_, cascade=True).arguments()
    assert cascade[1] == "--cascade" and "--checkpoint" not in cascade


def test_what_was_stopped_is_under_way_until_its_process_has_ended(
    request_: EvaluationRequest, holder: list[subprocess.Popen[str]]
) -> None:
    other = hold(request_.folder / "lock", holder)
    job._write(request_.folder, {"status": "stopped", "done": 3, "total": 9})
    assert read_status(request_).running, "else it could be started beside itself"
    with pytest.raises(RunError, match="under way"):
        start_evaluation(request_)
    other.kill()
    other.wait()
    assert read_status(request_).status == "stopped"


def test_the_end_of_a_process_says_nothing_of_the_next_one(
    request_: EvaluationRequest, holder: list[subprocess.Popen[str]]
) -> None:
    folder = request_.folder
    folder.mkdir(parents=True)
    job._write(folder, {"status": "starting", "at": 20.0})
    job._explain(folder, 130, 10.0)
    assert job._read(folder)["status"] == "starting"
    hold(folder / "lock", holder)
    job._write(folder, {"status": "running"})
    job._explain(folder, 130, 10.0)
    assert job._read(folder)["status"] == "running"
