"""Several processes learn what one learns; what ends one ends all, and the run can go on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoint import load_checkpoint
from core.errors import ConfigError
from tests.training.pairs import write_pair
from training.engine.distributed import (
    SINGLE,
    DistributedContext,
    distributed_context,
    read_environment,
)
from training.runs.runlog import read_metrics

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")

TIMES = ("seconds", "time", "images_per_second", "waited")
SETTINGS = "--epochs 3 --batch 5 --width 2 --depth 2 --size 32 --val-share 0.2 --threads 1"
SETTINGS += " --device cpu --warmup-steps 2 --dropout 0.3 --edge-weight 2 --save-minutes 0"
SETTINGS += " --schedule plateau --plateau-patience 1 --workers 0"
KILLED, TERMINATED, INTERRUPTED = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder in which all groups of processes have run; data, runs and words."""
    folder = tmp_path_factory.mktemp("together")
    for car in range(5):
        for view in range(1, 4):
            write_pair(folder / "tiny", f"car{car}_{view:02}", 10 * car + view)
            write_pair(folder / "broken", f"car{car}_{view:02}", 10 * car + view)
    photo = folder / "broken/images/car4_03.jpg"  # in the second process's first share
    photo.write_bytes(photo.read_bytes()[:200])
    groups: list[dict[str, Any]] = []

    def add(name: str, run: str, count: int, more: str = "", *moment: Any) -> None:
        data = folder / ("broken" if run == "torn" else "tiny")
        begin = f"fit --data {data} --runs {folder} --name {run} {SETTINGS} {more}"
        words = more if more.startswith("fit") else begin
        groups.append({"name": name, "arguments": words, "count": count, "moment": moment or None})

    add("one", "one", 1)
    add("two", "two", 2)
    add("three", "three", 3)
    add("plain_one", "plain_one", 1, "--norm group --batch 4 --accumulate 2 --validate-every 2")
    add("plain_two", "plain_two", 2, "--norm group --batch 4 --accumulate 2 --validate-every 2")
    add("stepping", "stepping", 2, "", 1, "step", 4, TERMINATED)
    add("looking", "looking", 2, "", 1, "photo", 1, INTERRUPTED)
    add("worker", "worker", 2, "", 1, "step", 4, KILLED)
    add("writer", "writer", 2, "", 0, "step", 4, KILLED)
    add("hanging", "hanging", 2, "", 1, "step", 4, signal.SIGSTOP)
    for run in ("stepping", "looking", "worker", "writer", "hanging"):
        add(f"{run}_on", run, 2, f"fit --resume {folder / run}")
    add("small", "small", 2, "--batch 1")
    add("torn", "torn", 2)
    add("again", "two", 2)
    command = [sys.executable, "-m", "tests.training.together", str(folder), json.dumps(groups)]
    with (folder / "errors.txt").open("w") as errors:
        done = subprocess.run(command, stdout=errors, stderr=errors, timeout=240, check=False)
    assert done.returncode == 0, (folder / "errors.txt").read_text()
    return folder


def ends(folder: Path, name: str) -> list[int]:
    """Returns how each process of a group ended: its exit status, or minus the signal."""
    statuses, seconds = json.loads((folder / "ends.json").read_text())[name]
    assert seconds < 60  # torchrun kills who is not gone half a minute after its signal
    return [os.waitstatus_to_exitcode(status) for status in statuses]


def state(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "state.json").read_text()))


def said(folder: Path, name: str) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob(f"{name}.[0-9].txt"))]


def timeless(run: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in TIMES} for line in read_metrics(run)]


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested values as one table, "val.dice" and so on."""
    table = {}
    for name, value in values.items():
        inner = flat(value) if isinstance(value, dict) else {"": value}
        table |= {f"{name}.{key}".rstrip("."): each for key, each in inner.items()}
    return table


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "several"), [("one", "two"), ("one", "three"), ("plain_one", "plain_two")]
)
def test_several_learn_what_one_learns(folder: Path, one: str, several: str) -> None:
    assert ends(folder, several) == [0] * len(said(folder, several))
    for line, other in zip(timeless(folder / one), timeless(folder / several), strict=True):
        expected, got = flat(line), flat(other)
        assert expected.keys() == got.keys()
        for name, value in expected.items():
            if isinstance(value, float):
                assert got[name] == pytest.approx(value, rel=1e-2 if "val" in name else 1e-5), name
            else:
                assert got[name] == value
    (own, facts), (others, their) = (
        load_checkpoint(folder / run / "checkpoints/last.safetensors") for run in (one, several)
    )
    assert facts.epoch == their.epoch == 3 and facts.images_seen == their.images_seen
    weights = others.state_dict()
    for name, tensor in own.state_dict().items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-4, atol=1e-5)
    assert files(folder / one) == files(folder / several)


def files(run: Path) -> list[Path]:
    paths = [path.relative_to(run) for path in sorted(run.rglob("*")) if path.is_file()]
    return [path.parent if path.parent.name == "tensorboard" else path for path in paths]


def test_only_the_first_says_something(folder: Path) -> None:
    first, second = said(folder, "two")
    assert "Finished 3 epochs, 30 images" in first and second == ""
    environment = json.loads((folder / "two/environment.json").read_text())
    assert environment["command"].startswith("torchrun --nproc-per-node 2 -m training fit --data")
    assert "2 processes" in (folder / "two/log.txt").read_text()


@pytest.mark.parametrize(("run", "step"), [("stepping", 4), ("looking", 2)])
def test_a_signal_to_one_stops_all_at_the_same_step(folder: Path, run: str, step: int) -> None:
    assert ends(folder, run) == [130, 130]
    assert f"--nproc-per-node 2 -m training fit --resume {folder / run}" in said(folder, run)[0]
    log = (folder / run / "log.txt").read_text()
    assert f"stopped at step {step}\n" in log
    assert_ends_as_two(folder, run)


@pytest.mark.parametrize(("run", "place"), [("worker", 1), ("writer", 0)])
def test_a_killed_process_ends_the_run_and_it_goes_on(folder: Path, run: str, place: int) -> None:
    status = ends(folder, run)
    assert status[place] == -KILLED and status[1 - place] == 2
    assert "error: Another of the 2 processes" in said(folder, run)[1 - place]
    assert "Traceback" not in said(folder, run)[1 - place]
    assert "Another of the 2 processes" in (folder / run / "log.txt").read_text()
    assert_ends_as_two(folder, run)


def test_waiting_in_vain_for_a_process_that_hangs_ends_when_told_to_stop(folder: Path) -> None:
    assert ends(folder, "hanging") == [2, -KILLED]
    assert "this one waited for it in vain" in (folder / "hanging/log.txt").read_text()
    assert_ends_as_two(folder, "hanging")


def assert_ends_as_two(folder: Path, run: str) -> None:
    """Holds that a run that went on has the bits of one that never stopped."""
    assert ends(folder, f"{run}_on") == [0, 0]
    assert timeless(folder / run) == timeless(folder / "two")
    for name in ("best", "last"):
        path = f"checkpoints/{name}.safetensors"
        weights = load_checkpoint(folder / run / path)[0].state_dict()
        for key, tensor in load_checkpoint(folder / "two" / path)[0].state_dict().items():
            assert tensor.numpy().tobytes() == weights[key].numpy().tobytes()
    probes = [sorted(r.glob("probes/*/*.png")) for r in (folder / run, folder / "two")]
    assert [p.read_bytes() for p in probes[0]] == [p.read_bytes() for p in probes[1]] != []


def test_a_batch_that_cant_be_shared(folder: Path) -> None:
    assert ends(folder, "small") == [2, 2]
    found = state(folder / "small")
    assert found["status"] == "failed" and "A batch of 1 photos can't be" in found["message"]
    assert "take a larger batch" in said(folder, "small")[0]


def test_what_one_process_meets_is_told_by_all(folder: Path) -> None:
    assert ends(folder, "torn") == [2, 2]
    found = state(folder / "torn")
    assert found["status"] == "failed"
    assert found["message"].startswith("Process 2 of 2 failed: car4_03.jpg: the JPEG file is cut")
    assert "Process 2 of 2 failed: car4_03.jpg" in said(folder, "torn")[0].splitlines()[-1]
    assert said(folder, "torn")[1].startswith("error: car4_03.jpg")


def test_what_the_first_refuses_is_said_once(folder: Path) -> None:
    assert ends(folder, "again") == [2, 2]
    first, second = said(folder, "again")
    assert "There is a run" in first and "There is a run" not in second


@pytest.mark.slow
def test_torchruns_sigterm_stops_all_and_leaves_nobody(folder: Path, tmp_path: Path) -> None:
    words = f"-m training fit --data {folder / 'tiny'} --runs {tmp_path} --name run {SETTINGS}"
    launcher = "-m torch.distributed.run --standalone --nproc-per-node 2"
    command = [sys.executable, *launcher.split(), *words.split(), "--workers", "1"]
    with (tmp_path / "said.txt").open("w") as said:
        begun = subprocess.Popen([*command, "--epochs", "1000"], stdout=said, stderr=said)
    deadline = time.monotonic() + 120
    while len(read_metrics(tmp_path / "run")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    begun.terminate()
    begun.wait(60)
    assert state(tmp_path / "run")["status"] == "stopped", (tmp_path / "said.txt").read_text()
    told = (tmp_path / "said.txt").read_text()
    assert f"torchrun --nproc-per-node 2 -m training fit --resume {tmp_path / 'run'}" in told
    assert "forcefully exiting" not in told and "error:" not in told


GOOD = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
GOOD |= {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}


def test_a_place_among_others() -> None:
    assert read_environment({}) is SINGLE
    assert read_environment(GOOD) == DistributedContext(3, 8, 1, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RANK": ""}, "not RANK. "),
        ({"MASTER_ADDR": "", "MASTER_PORT": ""}, "not MASTER_ADDR, MASTER_PORT. "),
        ({"RANK": "8"}, "RANK='8'"),
        ({"RANK": "-1"}, "make no sense"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE='many'"),
        ({"LOCAL_RANK": "2"}, "LOCAL_RANK='2'"),
        ({"LOCAL_WORLD_SIZE": "0"}, "make no sense"),
        ({"LOCAL_WORLD_SIZE": "9"}, "make no sense"),
        ({"MASTER_PORT": "70000"}, "MASTER_PORT='70000'"),
    ],
)
def test_half_a_place_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_environment(GOOD | changes)


def test_one_process_of_torchrun_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    place = GOOD | {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with distributed_context() as processes:
        assert processes is SINGLE
