"""Starting, stopping, resuming and queueing real trainings of seconds."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError, RunError
from core.places import workspace
from training.commands import teach
from training.commands.cli import main
from training.config import TrainConfig
from training.jobs.job import why_it_ended
from training.jobs.launch import (
    fit_arguments,
    resume_run,
    start_run,
    start_teaching,
    stop_run,
    typed_command,
    wake,
    work,
)
from training.jobs.process import lock_holder, start_detached, take_lock
from training.jobs.queue import Queue, device_of
from training.runs.listing import list_runs
from training.runs.runlog import create_run, explain_end, read_config
from training.runs.summary import RunSummary

TINY = TrainConfig(
    size=32,
    width=4,
    depth=2,
    batch=4,
    epochs=2,
    val_share=0.2,
    workers=0,
    threads=1,
    device="cpu",
    recipe="none",
    warmup_steps=2,
)


@pytest.fixture
def config(tiny_data: Path) -> TrainConfig:
    return replace(TINY, data=(str(tiny_data),))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs; whatever still works there at the end of the test is ended."""
    folder = tmp_path / "runs"
    yield folder
    locks = [*folder.glob(".queue/*.lock"), *folder.glob("*/lock")]
    for lock in locks:
        holder = lock_holder(lock)
        if holder and holder != os.getpid():
            os.kill(holder, signal.SIGKILL)


def state_of(folder: Path) -> RunSummary | None:
    return {run.name: run for run in list_runs(folder.parent)}.get(folder.name)


def wait_until(is_so: Callable[[], Any], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def wait_for(folder: Path, *statuses: str) -> RunSummary:
    def there() -> bool:
        run = state_of(folder)
        return (
            run is not None
            and run.status in statuses
            and (run.epoch > 0 or "running" not in statuses)
        )

    wait_until(there)
    found = state_of(folder)
    assert found is not None
    return found


def test_the_command_holds_what_is_not_usual_and_gives_the_same_settings(tmp_path: Path) -> None:
    config = TrainConfig(
        data=("a b", "-c"), classes=("car", "van"), epochs=3, car_rule="-(?P<car>x)"
    )
    arguments = fit_arguments(config, workspace() / "runs", "my run")
    assert shlex.split(typed_command(arguments)) == ["python", "-m", "training", *arguments]
    assert "--runs" not in arguments and "--batch" not in arguments
    assert "--data 'a b' --data" not in typed_command(fit_arguments(TrainConfig(), tmp_path, ""))
    from training.commands import fit

    parser = __import__("argparse").ArgumentParser()
    fit.add(parser.add_subparsers())
    options = parser.parse_args(arguments)
    assert (options.name, options.epochs, options.classes) == ("my run", 3, ["car", "van"])
    assert options.car_rule == config.car_rule
    assert [Path(each).name for each in options.data] == ["a b", "-c"]


def test_teaching_waits_in_the_queue_of_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.jobs.launch.wake", lambda runs: None)
    runs, base = tmp_path / "runs", tmp_path / "base"
    folders = [start_teaching(runs, base, tmp_path / "a", [tmp_path / "b"], 2) for _ in range(2)]
    waiting = Queue(runs).waiting(device_of("auto"))
    assert [entry.run for entry in waiting] == [folder.name for folder in folders]
    assert len(set(folders)) == 2
    parser = __import__("argparse").ArgumentParser()
    teach.add(parser.add_subparsers())
    options = parser.parse_args(list(waiting[0].arguments))
    assert (options.base, options.data) == (base, [tmp_path / "a"])
    assert (options.check, options.minutes) == ([tmp_path / "b"], 2)
    assert (options.runs, options.name) == (runs, folders[0].name)


@pytest.mark.slow
def test_a_run_is_started_stopped_resumed_and_extended(config: TrainConfig, runs: Path) -> None:
    run = start_run(runs, "first", replace(config, epochs=100_000))
    wait_for(run, "running")
    with pytest.raises(RunError, match="already"):
        resume_run(run)
    stop_run(run)
    stopped = wait_for(run, "stopped")
    assert stopped.step > 0 and (run / "checkpoints/last.safetensors").is_file()
    wait_until(lambda: not Queue(runs).begun())
    with pytest.raises(RunError, match="not being trained"):
        stop_run(run)

    epochs = stopped.epoch + 2
    resume_run(run, epochs=epochs)
    finished = wait_for(run, "finished")
    assert (finished.epoch, read_config(run).epochs) == (epochs, epochs)
    assert "fit --resume" in json.loads((run / "environment.json").read_text())["command"]
    wait_until(lambda: lock_holder(Queue(runs).lock("cpu")) is None)
    assert not Queue(runs).failed()


@pytest.mark.slow
def test_two_starts_at_once_give_one_run_and_a_queued_one(config: TrainConfig, runs: Path) -> None:
    long = replace(config, epochs=100_000)
    both = [threading.Thread(target=start_run, args=(runs, name, long)) for name in ("a", "b")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    queue = Queue(runs)
    wait_until(lambda: queue.begun())
    first, second = queue.begun()[0].run, queue.waiting()[0].run
    assert {first, second} == {"a", "b"}
    wait_for(runs / first, "running")
    assert [entry.run for entry in queue.waiting()] == [second]
    assert not (runs / second).exists()

    assert start_run(runs, "c", config) == runs / "c"
    with pytest.raises(RunError, match="already"):
        start_run(runs, "c", config)
    assert queue.remove(second)
    assert not queue.remove(second)
    killed = lock_holder(runs / first / "lock")
    assert killed
    os.kill(killed, signal.SIGKILL)
    finished = wait_for(runs / "c", "finished")
    crashed = state_of(runs / first)
    assert crashed is not None and crashed.status == "crashed"
    assert "signal 9 (SIGKILL)" in crashed.message and "memory" in crashed.message
    assert finished.epoch == 2
    assert not (runs / second).exists()


@pytest.mark.slow
def test_a_trainer_that_refuses_says_why(config: TrainConfig, runs: Path) -> None:
    run = start_run(runs, "nothing", replace(config, data=(str(runs),)))
    wait_until(lambda: Queue(runs).failed() == ["nothing"])
    assert str(runs) in Queue(runs).failure("nothing")
    found = state_of(run)
    assert found is not None and found.status == "failed"
    assert found.message == Queue(runs).failure("nothing")
    assert "error: " in (run / "console.txt").read_text()


def test_names(config: TrainConfig, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.jobs.launch.wake", lambda _: None)
    with pytest.raises(ConfigError, match="folder name"):
        start_run(runs, "../out", config)
    monkeypatch.setattr("training.jobs.launch.usual_name", lambda: "now")
    assert [start_run(runs, "", config).name for _ in range(3)] == ["now", "now-2", "now-3"]
    (runs / "there").mkdir()
    with pytest.raises(RunError, match="already"):
        start_run(runs, "there", config)


def test_a_folder_of_runs_that_cant_be_written_is_told(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match="can't be written"):
        start_run(tmp_path / "file", "x", config)


def test_the_queue_is_in_the_order_of_asking_and_damaged_entries_do_no_harm(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    assert queue.take("cpu") is None
    for run in ("z", "a", "m"):
        queue.add(run, "cuda" if run == "m" else "cpu", ["fit"])
    (queue.folder / "torn.waiting").write_text('{"run": "to')
    assert [entry.run for entry in queue.waiting("cpu")] == ["z", "a"]
    assert [entry.run for entry in queue.waiting()] == ["z", "a", "m"]
    taken = queue.take("cpu")
    assert taken is not None and taken.run == "z"
    with pytest.raises(RunError, match="already"):
        queue.add("z", "cpu", ["fit"])
    queue.put_back("cpu")  # its worker died before the run had a folder
    assert [entry.run for entry in queue.waiting("cpu")] == ["z", "a"]
    queue.take("cpu")
    (tmp_path / "z").mkdir()
    queue.put_back("cpu")
    assert [entry.run for entry in queue.waiting("cpu")] == ["a"]


@pytest.mark.slow
def test_a_second_worker_of_a_device_leaves_at_once(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    queue.add("a", "cpu", ["fit"])
    script = "import sys; from pathlib import Path; from training.jobs.launch import work; "
    script += "work(Path(sys.argv[1]), 'cpu')"
    with take_lock(queue.lock("cpu")):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], cwd=workspace(), check=True, timeout=60
        )
    assert [entry.run for entry in queue.waiting()] == ["a"]


@pytest.mark.slow
def test_a_run_started_by_hand_is_waited_for(
    config: TrainConfig, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(runs)
    queue.add("late", "cpu", ["--help"])
    log = create_run(runs, "by_hand", config)

    def sleep(_: float) -> None:
        assert [entry.run for entry in queue.waiting()] == ["late"]
        log.close()

    monkeypatch.setattr("training.jobs.launch.time.sleep", sleep)
    work(runs, "cpu")
    assert not queue.waiting() and not queue.begun()


def test_what_it_prints_is_kept_and_no_zombie_stays(tmp_path: Path) -> None:
    ended = threading.Event()
    status: list[int] = []

    def note(code: int) -> None:
        status.append(code)
        ended.set()

    start_detached([sys.executable, "-c", "print('so'); raise SystemExit(3)"], tmp_path / "o", note)
    assert ended.wait(30)
    assert status == [3] and (tmp_path / "o").read_text() == "so\n"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, "Finished", ""),
        (130, "Stopped", ""),
        (-9, "", "signal 9 (SIGKILL)"),
        (-11, "", "signal 11 (SIGSEGV)"),
        (2, "error: No data.\nmore", "No data."),
        (1, "Traceback\nValueError: 3\n", "ValueError: 3"),
        (7, "", "status 7"),
    ],
)
def test_why_a_trainer_ended(status: int, said: str, expected: str) -> None:
    assert expected in why_it_ended(status, said)
    assert bool(why_it_ended(status, said)) == bool(expected)


def test_an_end_that_the_trainer_told_is_not_overwritten(config: TrainConfig, runs: Path) -> None:
    create_run(runs, "told", config).close()
    state = runs / "told" / "state.json"
    explain_end(runs / "told", "running", "killed")
    assert json.loads(state.read_text())["message"] == "killed"
    state.write_text('{"status": "stopped", "message": "by me"}')
    explain_end(runs / "told", "failed", "killed")
    assert json.loads(state.read_text()) == {"status": "stopped", "message": "by me"}


def test_devices() -> None:
    assert [device_of(each) for each in ("cpu", "cuda", "cuda:0", "cuda:1")] == [
        "cpu",
        "cuda",
        "cuda",
        "cuda:1",
    ]
    assert device_of("auto") in ("cpu", "cuda", "mps")


def test_the_queue_is_a_command(tmp_path: Path) -> None:
    assert main(["queue", "--runs", str(tmp_path)]) == 0


def test_what_a_killed_worker_left_is_cleaned_up(runs: Path) -> None:
    queue = Queue(runs)
    queue.add("gone", "cpu", ["fit"])
    queue.take("cpu")
    (runs / "gone").mkdir()
    wake(runs)
    wait_until(lambda: not queue.begun())
    assert not queue.waiting()
