"""What a training will cost: a few steps, in a process of their own."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ShortMemoryError
from training.commands.cli import main
from training.config import TrainConfig
from training.engine.trial import measure_step
from training.jobs.job import LOCK
from training.jobs.process import lock_holder
from training.jobs.trial import Cost, Trial

TINY = TrainConfig(
    size=32, width=2, depth=2, batch=4, val_share=0.2, workers=0, threads=1, device="cpu"
)


@pytest.fixture
def config(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    return replace(TINY, data=(str(tiny_data),), recipe="none")


def started(config: TrainConfig) -> Trial:
    trial = Trial(config)
    trial.start()
    return trial


def holder_of(trial: Trial) -> int:
    until = time.monotonic() + 60
    while not (holder := lock_holder(trial.folder / LOCK)):
        assert time.monotonic() < until
        time.sleep(0.02)
    return holder


def wait_for(trial: Trial) -> Cost:
    until = time.monotonic() + 60
    while (cost := trial.cost()) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    return cost


def test_a_trial_measures_and_writes_nothing(config: TrainConfig, tiny_data: Path) -> None:
    before = sorted(tiny_data.rglob("*"))
    cost = measure_step(config)
    assert 0 < cost.seconds_per_image < 5
    assert cost.peak_bytes > 50e6
    assert cost.images_per_epoch == 12  # 12 training photos in 3 steps of 4
    assert measure_step(replace(config, batch=5)).images_per_epoch == 10
    one_step = measure_step(replace(config, batch=64))
    assert one_step.images_per_epoch == 12 and one_step.seconds_per_image > 1e-4
    repeated = replace(config, repeat=(f"{tiny_data.name}=1", f"{tiny_data.name}=2:heavy"))
    assert measure_step(repeated).images_per_epoch == 36
    assert sorted(tiny_data.rglob("*")) == before


def test_too_little_memory_is_told(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> float:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("training.engine.trial.Learner.step", fail)
    with pytest.raises(ShortMemoryError, match=r"for a step of 4 photos of 32 px.*--batch 2"):
        measure_step(config)

    def bug(*_: object) -> float:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("training.engine.trial.Learner.step", bug)
    with pytest.raises(RuntimeError, match="shapes differ"):
        measure_step(config)


@pytest.mark.slow
def test_it_runs_in_a_process_of_its_own(config: TrainConfig) -> None:
    cost = wait_for(started(config))
    assert not cost.failure and cost.images_per_epoch == 12
    assert cost.seconds_per_epoch == pytest.approx(12 * cost.seconds_per_image)


@pytest.mark.slow
def test_a_trial_that_fails_or_is_killed_says_why(config: TrainConfig, tmp_path: Path) -> None:
    assert "no such" in wait_for(started(replace(config, data=("no such",)))).failure
    trial = started(config)
    os.kill(holder_of(trial), signal.SIGKILL)
    assert wait_for(trial).failure


@pytest.mark.slow
def test_a_trial_is_stopped_whether_it_has_begun_or_not(config: TrainConfig) -> None:
    trial = started(config)
    trial.stop()  # its process is just starting
    assert wait_for(trial).failure
    again = started(config)
    holder_of(again)
    again.stop()
    assert "topped" in wait_for(again).failure
    assert lock_holder(again.folder / LOCK) is None


def test_the_command(config: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"trial --data {config.data[0]} --size 32 --width 2 --depth 2 --workers 0 --device cpu"
    assert main(words.split()) == 0
    assert "s an epoch of 8 images" in capsys.readouterr().out  # 12 photos, one step of 8
