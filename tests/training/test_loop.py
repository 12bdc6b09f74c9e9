"""The loop: it learns, it logs, and a killed run ends bit for bit like one that never stopped."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoint import load_checkpoint, read_info
from core.errors import ConfigError, RunError
from tests.training.pairs import write_pair
from training.cli import main
from training.config import TrainConfig
from training.loop import Progress, Trainer, learning_rate, with_epochs
from training.runlog import RunLog, create_run, read_config, read_metrics, read_split

TINY = TrainConfig(
    size=32,
    width=2,
    depth=2,
    batch=4,
    epochs=3,
    val_share=0.2,
    workers=0,
    threads=1,
    device="cpu",
    warmup_steps=2,
    save_minutes=0.0,
)
LAST = Path("checkpoints/last.safetensors")


def quiet(_: Progress) -> None:
    """Shows nothing."""


def fit(data: Path, runs: Path, name: str, **changes: Any) -> Path:
    config = replace(TINY, data=(str(data),), **changes)
    with create_run(runs, name, config) as log:
        Trainer(config, log, quiet).run()
    return runs / name


def resume(run: Path, epochs: int | None = None) -> None:
    with RunLog(run, with_epochs(read_config(run), epochs)) as log:
        Trainer(log.config, log, quiet).run()


def timeless(run: Path) -> list[dict[str, Any]]:
    lines = read_metrics(run)
    for line in lines:
        line.pop("seconds")
    return lines


def assert_same_end(run: Path, other: Path) -> None:
    for name in ("best", "last"):
        path = Path(f"checkpoints/{name}.safetensors")
        weights, expected = (load_checkpoint(r / path)[0].state_dict() for r in (run, other))
        assert all(torch.equal(weights[key], expected[key]) for key in expected)
    assert timeless(run) == timeless(other)


def test_a_run_writes_what_it_promises(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "first")
    assert read_config(run) == replace(TINY, data=(str(tiny_data),))
    state = json.loads((run / "state.json").read_text())
    assert (state["status"], state["epoch"], state["epochs"]) == ("finished", 3, 3)
    assert (state["step"], state["images"]) == (9, 36)  # 12 photos, 3 batches of 4, 3 epochs
    lines = [line for line in read_metrics(run) if line["kind"] == "epoch"]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[0]["val"]["images"] == 3 and lines[0]["val"]["cars"] == 1
    info = read_info(run / LAST)
    assert info.metrics == lines[-1]["val"]
    assert (info.run, info.epoch, info.images_seen) == ("first", 3, 36)
    assert info.split["fingerprint"] == read_split(run).fingerprint()
    assert info.data["tiny"]["images"] == 15
    best = max(line["val"]["dice"] for line in lines)
    assert read_info(run / "checkpoints/best.safetensors").metrics["dice"] == best
    environment = json.loads((run / "environment.json").read_text())
    assert environment["versions"]["torch"] == torch.__version__.split("+")[0]
    assert "finished" in (run / "log.txt").read_text()


def test_it_learns(tmp_path: Path) -> None:
    for car in range(6):
        for view in (1, 2):
            write_pair(tmp_path / "data", f"c{car}_{view}", 7 * car + view, (32, 32))
    changes: dict[str, Any] = {"epochs": 30, "width": 8, "batch": 2, "learning_rate": 0.01}
    run = fit(tmp_path / "data", tmp_path, "learns", recipe="none", save_minutes=9.0, **changes)
    assert read_info(run / LAST).metrics["dice"] > 0.95


def test_stopped_anywhere_and_resumed_ends_the_same(tiny_data: Path, tmp_path: Path) -> None:
    whole = fit(tiny_data, tmp_path, "whole")
    config = replace(TINY, data=(str(tiny_data),))

    class StopAt:
        """Presses Ctrl-C at a step, or while validating."""

        def __init__(self, phase: str, epoch: int, done: int) -> None:
            self.moment = (phase, epoch, done)

        def __call__(self, at: Progress) -> None:
            if (at.phase, at.epoch, at.done) == self.moment:
                raise KeyboardInterrupt

    moments = [("train", 1, 4), ("train", 2, 12), ("validate", 2, 2), ("validate", 3, 3)]
    for number, moment in enumerate(moments):
        run = tmp_path / f"stopped{number}"
        with create_run(tmp_path, run.name, config) as log, pytest.raises(KeyboardInterrupt):
            Trainer(config, log, StopAt(*moment)).run()
        assert json.loads((run / "state.json").read_text())["status"] == "stopped"
        resume(run)
        assert_same_end(run, whole)


def test_killed_and_resumed_ends_the_same(tiny_data: Path, tmp_path: Path) -> None:
    whole = fit(tiny_data, tmp_path, "whole", epochs=8, workers=1)
    config = replace(TINY, data=(str(tiny_data),), epochs=8, workers=1)
    with create_run(tmp_path, "killed", config) as log:
        log.write_config({}, read_split(whole))
    run = tmp_path / "killed"
    command = [sys.executable, "-m", "training", "fit", "--resume", str(run)]
    for least_steps in (4, 11):
        trainer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while trainer.poll() is None and time.monotonic() < deadline:
            state = json.loads((run / "state.json").read_text()) if _has_state(run) else {}
            if state.get("step", 0) >= least_steps:
                break
            time.sleep(0.01)
        trainer.send_signal(signal.SIGKILL)
        assert trainer.wait() == -signal.SIGKILL, "it ended before it could be killed"
        with (run / "metrics.jsonl").open("a") as file:
            file.write('{"kind": "step", "step": 9')  # what a torn write leaves
    resume(run)
    assert_same_end(run, whole)


def _has_state(run: Path) -> bool:
    return (run / "state.json").is_file()


def test_a_finished_run_can_be_extended(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "longer", epochs=1)
    resume(run, epochs=3)
    assert read_info(run / LAST).epoch == 3
    assert [x["epoch"] for x in read_metrics(run) if x["kind"] == "epoch"] == [1, 2, 3]
    assert read_config(run).epochs == 3


def test_another_runs_weights_can_be_the_start(tiny_data: Path, tmp_path: Path) -> None:
    first = fit(tiny_data, tmp_path, "first")
    config = replace(TINY, data=(str(tiny_data),), start_from=str(first))
    with create_run(tmp_path, "second", config) as log:
        begun = Trainer(config, log, quiet).model.state_dict()
    kept = load_checkpoint(first / "checkpoints/best.safetensors")[0].state_dict()
    assert all(torch.equal(begun[key], kept[key]) for key in kept)
    other = replace(config, width=3)
    with create_run(tmp_path, "third", other) as log, pytest.raises(ConfigError, match="width=2"):
        Trainer(other, log, quiet)


def test_changed_data_are_noticed(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "first", epochs=1)
    write_pair(tiny_data, "car0_09", 77)
    with pytest.raises(RunError, match="have changed"):
        resume(run, epochs=2)


def test_a_run_has_one_trainer(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "first", epochs=1)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path;"
            "from training.runlog import RunLog, read_config;"
            f"run = Path({str(run)!r}); log = RunLog(run, read_config(run));"
            "print('held', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match="another process"):
            RunLog(run, TINY)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    RunLog(run, TINY).close()


def test_a_diverging_loss_stops_the_run_with_advice(tiny_data: Path, tmp_path: Path) -> None:
    config = replace(TINY, data=(str(tiny_data),))
    with create_run(tmp_path, "nan", config) as log:
        trainer = Trainer(config, log, quiet)
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(float("nan"))
        with pytest.raises(RunError, match="learning rate"):
            trainer.run()
    assert json.loads((tmp_path / "nan" / "state.json").read_text())["status"] == "failed"


def test_learning_rate_by_hand() -> None:
    config = TrainConfig(learning_rate=1.0, warmup_steps=4)
    rates = [learning_rate(config, step, 12) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0 and rates[8] == pytest.approx(0.5)
    assert rates[11] == pytest.approx(0.0381, abs=1e-3)  # (1 + cos(7/8 pi)) / 2
    assert learning_rate(config, 0, 4) == 0.5  # a warm-up takes half of a short run at most


def test_command_line(tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"fit --data {tiny_data} --runs {tmp_path} --name cli --epochs 1 --width 2 --depth 2"
    words += " --size 32 --batch 4 --workers 0 --val-share 0.4 --device cpu"
    assert main(words.split()) == 0
    assert str(tmp_path / "cli") in capsys.readouterr().out
    assert main(words.split()) == 2
    assert "already" in capsys.readouterr().err
    assert main(f"fit --resume {tmp_path / 'cli'} --width 3".split()) == 2
    assert "width" in capsys.readouterr().err

    scored = f"evaluate --checkpoint {tmp_path / 'cli'} --data {tiny_data} --json --device cpu"
    assert main(scored.split()) == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything["images"] == 15 and len(everything["rows"]) == 15
    split = tmp_path / "cli" / "split.json"
    assert main(f"{scored} --part val --split {split}".split()) == 0
    part = json.loads(capsys.readouterr().out)
    assert part["images"] == 6
    assert part["dice"] == read_info(tmp_path / "cli" / LAST).metrics["dice"]
    assert main(f"{scored} --part val".split()) == 2
    assert main(f"fit --data {tmp_path / 'none'} --runs {tmp_path}".split()) == 2
