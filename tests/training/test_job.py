"""Background jobs: what their folder says while they run, and however they end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigError, DataError, RunError
from training.jobs import job
from training.jobs.job import JobState, explain_end, job_at, read_job, start_job, stop_job

HOLD = """
import sys, time
from pathlib import Path
from training.jobs.process import take_lock
lock = take_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "one"


@pytest.fixture
def holder() -> Iterator[list[subprocess.Popen[str]]]:
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


def write_state(folder: Path, **state: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(json.dumps(state))


def test_progress_end_stop_and_failure_are_told(folder: Path) -> None:
    assert read_job(folder).status == "missing"
    with job_at(folder, {"data": "here"}) as state:
        state.progress(5, 20)
        status = read_job(folder)
        assert (status.status, status.running, status.done, status.total) == (
            "running",
            True,
            5,
            20,
        )
        assert status.facts["data"] == "here"
    assert read_job(folder).finished
    with pytest.raises(KeyboardInterrupt), job_at(folder):
        raise KeyboardInterrupt
    assert read_job(folder).status == "stopped"
    for error, text in ((ConfigError("a bad setting"), "a bad setting"), (ValueError(3), "Value")):
        with pytest.raises(type(error)), job_at(folder):
            raise error
        status = read_job(folder)
        assert status.status == "failed" and text in status.message
    with job_at(folder) as state:
        state.say("stopped", "by itself", found=7)
    status = read_job(folder)
    assert (status.status, status.message, status.facts["found"]) == ("stopped", "by itself", 7)


def test_the_state_tells_speed_and_time_left_twice_a_second(folder: Path) -> None:
    now = 0.0
    with job_at(folder):
        state = JobState(folder, clock=lambda: now)
        texts = []
        for step in range(400):  # 30 seconds at 5 a second, then 10 at 20
            now = step * 0.1
            state.progress(min(step, 300) // 2 + 2 * max(0, step - 300), 1000)
            texts.append((folder / "state.json").read_bytes())
        assert 75 <= len(set(texts)) <= 81
        assert state.speed == pytest.approx((350 - 100) / 20, rel=0.03)
        status = read_job(folder)
        assert status.seconds_left == pytest.approx((1000 - status.done) / status.speed, rel=0.01)
        state.progress(0, 5)  # another thing is counted from here on
        assert state.speed == 0


def test_a_process_that_was_killed_is_noticed(folder: Path) -> None:
    write_state(folder, status="running", done=3, total=9)
    status = read_job(folder)
    assert (status.status, status.done) == ("failed", 3) and "start it again" in status.message
    write_state(folder, status="starting", started=time.time())
    assert read_job(folder).status == "starting"
    write_state(folder, status="starting", started=time.time() - 100)
    assert read_job(folder).status == "failed"


@pytest.mark.parametrize("text", ["", "[1, 2", "[]", '{"status": 3, "done": "x"}', '{"a": 1}'])
def test_a_damaged_state_says_nothing(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(text)
    assert read_job(folder).status == "missing"


def test_jobs_wait_for_their_turn(
    folder: Path, holder: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = hold(folder.parent / "lock", holder)
    statuses = []

    def sleep(seconds: float) -> None:
        statuses.append(read_job(folder).status)
        other.kill()
        other.wait()

    monkeypatch.setattr(job.time, "sleep", sleep)
    with job_at(folder, turn=folder.parent / "lock") as state:
        state.progress(0, 9)
        assert read_job(folder).status == "running"
    assert statuses == ["waiting"]


def test_stopping_and_a_second_process(folder: Path, holder: list[subprocess.Popen[str]]) -> None:
    assert not stop_job(folder)
    other = hold(folder / "lock", holder)
    with pytest.raises(RunError, match="another process"), job_at(folder):
        raise AssertionError
    assert stop_job(folder)
    assert other.wait(30) != 0


def test_a_stop_before_the_process_holds_its_lock_is_heard(folder: Path) -> None:
    write_state(folder, status="starting", started=time.time(), data="here")
    assert stop_job(folder)
    assert read_job(folder).status == "stopped"
    with pytest.raises(KeyboardInterrupt), job_at(folder):
        raise AssertionError
    with job_at(folder):  # the next one is not concerned
        pass
    assert read_job(folder).finished


def test_what_was_stopped_is_under_way_until_its_process_has_ended(
    folder: Path, holder: list[subprocess.Popen[str]]
) -> None:
    other = hold(folder / "lock", holder)
    write_state(folder, status="stopped", done=3, total=9)
    assert read_job(folder).running, "else it could be started beside itself"
    with pytest.raises(RunError, match="under way"):
        start_job(folder, ["--help"])
    other.kill()
    other.wait()
    assert read_job(folder).status == "stopped"


def test_an_end_is_explained_only_where_the_process_could_not(
    folder: Path, holder: list[subprocess.Popen[str]]
) -> None:
    end = {"status": "failed", "message": "killed"}
    write_state(folder, status="running", done=3)
    assert explain_end(folder, end)
    assert (read_job(folder).message, read_job(folder).done) == ("killed", 3)
    write_state(folder, status="stopped")
    assert not explain_end(folder, end)
    hold(folder / "lock", holder)
    write_state(folder, status="running")
    assert not explain_end(folder, end), "another process works on it meanwhile"
    assert read_job(folder).status == "running"


@pytest.mark.slow
def test_a_process_that_never_began_says_why(folder: Path) -> None:
    start_job(folder, ["evaluate", "--data", "x", "--no-such-option"], kind="one")
    until = time.monotonic() + 60
    while read_job(folder).running:
        assert time.monotonic() < until
        time.sleep(0.05)
    status = read_job(folder)
    assert status.status == "failed" and "no-such-option" in status.message
    assert status.facts["kind"] == "one"


def test_a_folder_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match="can't be written"):
        start_job(tmp_path / "file" / "job", ["--help"])
    with pytest.raises(DataError, match="can't be written"), job_at(tmp_path / "file" / "job"):
        raise AssertionError
