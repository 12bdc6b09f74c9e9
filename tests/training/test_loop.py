"""The loop: it learns, it logs, and a killed run ends bit for bit like one that never stopped."""

import copy
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from core.checkpoint import load_checkpoint, read_info
from core.errors import ConfigError, RunError, ShortMemoryError
from tests.training.pairs import write_pair
from training.commands.cli import main
from training.config import TrainConfig
from training.engine.learner import Learner
from training.engine.loop import Trainer
from training.engine.sample_replay import replay_run
from training.engine.trainer_state import Progress
from training.engine.trial import try_step
from training.runs.runlog import RunLog, create_run, read_config, read_metrics, read_split

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
TIMES = ("seconds", "time", "images_per_second", "waited")
LAST = Path("checkpoints/last.safetensors")


def quiet(_: Progress) -> None:
    """Shows nothing."""


def fit(data: Path, runs: Path, name: str, **changes: Any) -> Path:
    config = replace(TINY, data=(str(data),), **changes)
    with create_run(runs, name, config) as log:
        Trainer(config, log, quiet).run()
    return runs / name


def resume(run: Path, **lengths: Any) -> None:
    with RunLog(run, read_config(run).extended(lengths)) as log:
        Trainer(log.config, log, quiet).run()


def timeless(run: Path) -> list[dict[str, Any]]:
    lines = read_metrics(run)
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def assert_same_end(run: Path, other: Path) -> None:
    for name in ("best", "last"):
        path = Path(f"checkpoints/{name}.safetensors")
        weights, expected = (load_checkpoint(r / path)[0].state_dict() for r in (run, other))
        assert all(torch.equal(weights[key], expected[key]) for key in expected)
    assert timeless(run) == timeless(other)


@pytest.mark.slow
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


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    for car in range(6):
        for view in (1, 2):
            write_pair(tmp_path / "data", f"c{car}_{view}", 7 * car + view, (32, 32))
    changes: dict[str, Any] = {"epochs": 30, "width": 8, "batch": 2, "learning_rate": 0.01}
    run = fit(tmp_path / "data", tmp_path, "learns", recipe="none", save_minutes=9.0, **changes)
    assert read_info(run / LAST).metrics["dice"] > 0.95


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_finished_run_can_be_extended(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "longer", epochs=1)
    resume(run, epochs=3)
    assert read_info(run / LAST).epoch == 3
    assert [x["epoch"] for x in read_metrics(run) if x["kind"] == "epoch"] == [1, 2, 3]
    assert read_config(run).epochs == 3
    resume(run, images=40)  # of 12 a full epoch
    state = json.loads((run / "state.json").read_text())
    assert (state["status"], state["images"], state["message"]) == ("finished", 36, "")


def epochs_of(run: Path) -> list[dict[str, Any]]:
    return [line for line in read_metrics(run) if line["kind"] == "epoch"]


@pytest.mark.slow
def test_images_end_a_run_within_an_epoch_and_it_can_go_on(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "images", epochs=0, images=17)
    state = json.loads((run / "state.json").read_text())
    assert (state["images"], state["epoch"], state["epochs"]) == (20, 2, 0)
    assert state["message"] == "Stopped at the limit: 20 images." and state["share"] == 1.0
    assert [line["images"] for line in epochs_of(run)] == [12, 20]
    assert epochs_of(run)[-1]["val"]["images"] == 3
    resume(run, images=30)
    assert [line["images"] for line in epochs_of(run)] == [12, 20, 32]


@pytest.mark.slow
def test_minutes_end_a_run_with_a_validation(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "minutes", epochs=0, minutes=0.02, validate_every=9)
    state = json.loads((run / "state.json").read_text())
    assert (state["status"], state["message"]) == (
        "finished",
        "Stopped at the limit: 0.02 minutes.",
    )
    last = epochs_of(run)[-1]
    assert last["seconds"] >= 1.2 and last["val"]["images"] == 3
    assert read_info(run / LAST).images_seen == state["images"] == last["images"]
    resume(run)
    assert json.loads((run / "state.json").read_text())["images"] == state["images"]


@pytest.mark.slow
def test_validation_checkpoints_and_patience(tiny_data: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"validate_every": 2, "checkpoint_every": 3, "best_by": "iou"}
    run = fit(tiny_data, tmp_path, "sparse", epochs=5, learning_rate=0.05, **changes)
    assert [line["epoch"] for line in epochs_of(run) if "val" in line] == [2, 4, 5]
    names = {path.name for path in (run / "checkpoints").glob("*.safetensors")}
    assert names == {"best.safetensors", "last.safetensors", "epoch_0003.safetensors"}
    ious = [line["val"]["iou"] for line in epochs_of(run) if "val" in line]
    assert read_info(run / "checkpoints/best.safetensors").metrics["iou"] == max(ious)
    assert {path.name for path in (run / "probes").glob("epoch_*")} == {
        f"epoch_{epoch:04}" for epoch in range(1, 6)
    }
    # A rate of 0 gets no better after the first epoch.
    still = fit(tiny_data, tmp_path, "still", epochs=9, patience=2, learning_rate=0.0, norm="none")
    assert len(epochs_of(still)) == 3
    state = json.loads((still / "state.json").read_text())
    assert state["status"] == "finished" and "2 epochs without a better dice" in state["message"]


@pytest.mark.slow
def test_accumulated_batches_are_one_large_batch(tiny_data: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"norm": "none", "epochs": 2, "loss": "bce", "clip_norm": 1.0}
    large = fit(tiny_data, tmp_path, "large", batch=6, **changes)
    parts = fit(tiny_data, tmp_path, "parts", batch=2, accumulate=3, **changes)
    assert read_metrics(large)[-1]["step"] == read_metrics(parts)[-1]["step"] == 4
    weights, others = (load_checkpoint(run / LAST)[0].state_dict() for run in (large, parts))
    for key, tensor in weights.items():
        assert torch.allclose(tensor, others[key], atol=1e-4)
    assert read_metrics(large)[-1]["loss"] == pytest.approx(read_metrics(parts)[-1]["loss"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bf16", "optimizer": "sgd", "schedule": "one_cycle", "loss": "lovasz"},
        {"padding": "valid", "stem": "plain", "norm": "none", "dropout": 0.5, "edge_weight": 9.0},
        {"optimizer": "adam", "loss": "focal", "positive_weight": 3.0, "clip_norm": 0.0},
        {"edge_weight": 2.0, "gap_weight": 2.0},
    ],
)
def test_other_settings_train_and_resume_exactly(
    tiny_data: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    changes = {**changes, "epochs": 2, "recipe": "none"}
    whole = fit(tiny_data, tmp_path, "whole", **changes)
    config = replace(TINY, data=(str(tiny_data),), **changes)

    def stop(at: Progress) -> None:
        if (at.phase, at.epoch, at.done) == ("train", 2, 4):
            raise KeyboardInterrupt

    with create_run(tmp_path, "stopped", config) as log, pytest.raises(KeyboardInterrupt):
        Trainer(config, log, stop).run()
    resume(tmp_path / "stopped")
    assert_same_end(tmp_path / "stopped", whole)


@pytest.mark.slow
def test_a_state_from_before_is_read_and_a_newer_one_refused(
    tiny_data: Path, tmp_path: Path
) -> None:
    run = fit(tiny_data, tmp_path, "run", epochs=2)
    path = run / "checkpoints/last.state.pt"
    state = torch.load(path, weights_only=True)
    best = state["position"]["best_value"]
    old = {name: value for name, value in state.items() if name != "format"}
    names = ("epoch", "step_in_epoch", "step", "images", "loss_sum", "seconds", "last_metrics")
    old["position"] = {name: state["position"][name] for name in names} | {"best_dice": best}
    torch.save(old, path)
    resume(run, epochs=3)
    assert [line["epoch"] for line in epochs_of(run)] == [1, 2, 3]

    torch.save({**state, "format": 99}, path)
    with pytest.raises(RunError, match="format 99"):
        resume(run, epochs=4)
    torch.save({**state, "position": {"epok": 3}}, path)
    with pytest.raises(RunError, match="does not fit its run"):
        resume(run, epochs=4)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match="damaged"):
        resume(run, epochs=4)


@pytest.mark.slow
def test_killed_between_the_epochs_line_and_its_state_or_before_any(
    tiny_data: Path, tmp_path: Path
) -> None:
    run = fit(tiny_data, tmp_path, "run", epochs=2, save_minutes=9.0)
    whole = timeless(run)
    state = torch.load(run / "checkpoints/last.state.pt", weights_only=True)
    assert state["position"]["epoch"] == 3
    (run / "checkpoints/last.state.pt").unlink()  # as if it had never been saved
    resume(run)
    assert timeless(run) == whole
    assert (run / "metrics.csv").read_text().count("\n") == 1 + len(whole)


@pytest.mark.slow
def test_the_signal_waits_for_the_end_of_the_step(tiny_data: Path, tmp_path: Path) -> None:
    whole = fit(tiny_data, tmp_path, "whole")
    config = replace(TINY, data=(str(tiny_data),))
    with create_run(tmp_path, "stopped", config) as log:
        trainer = Trainer(config, log, quiet)
        inner = trainer.learner.step

        def step(*given: Any) -> float:
            loss = inner(*given)
            if trainer.state.step == 4:
                signal.raise_signal(signal.SIGTERM)  # weights have changed, counts have not
            return loss

        trainer.learner.step = step  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    state = json.loads((tmp_path / "stopped" / "state.json").read_text())
    assert (state["status"], state["step"]) == ("stopped", 5)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resume(tmp_path / "stopped")
    assert_same_end(tmp_path / "stopped", whole)


@pytest.mark.slow
def test_a_terminals_ctrl_c_reaches_the_workers_too(tiny_data: Path, tmp_path: Path) -> None:
    words = f"fit --data {tiny_data} --runs {tmp_path} --name run --epochs 1000 --width 2 --depth 2"
    words += " --size 32 --batch 4 --workers 2 --val-share 0.2 --device cpu --threads 1"
    trainer = subprocess.Popen(
        [sys.executable, "-m", "training", *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not read_metrics(tmp_path / "run") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(trainer.pid, signal.SIGINT)
    said, _ = trainer.communicate(timeout=120)
    assert trainer.returncode == 130
    assert f"Stopped and saved. Go on: python -m training fit --resume {tmp_path / 'run'}" in said
    assert "Traceback" not in said
    assert json.loads((tmp_path / "run" / "state.json").read_text())["status"] == "stopped"


def test_a_full_disk_is_told(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("training.engine.recorder.write_bytes_atomically", full)
    with pytest.raises(RunError, match=r"No space left on device.*--resume"):
        fit(tiny_data, tmp_path, "full")
    state = json.loads((tmp_path / "full" / "state.json").read_text())
    assert state["status"] == "failed" and "No space left" in state["message"]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "memory on cpu.*--batch 2 --accumulate 2"),
        (MemoryError(), "--batch 2 --accumulate 2"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "fewer --workers"),
    ],
)
def test_what_libraries_raise_is_explained(
    tiny_data: Path, tmp_path: Path, error: Exception, advice: str
) -> None:
    config = replace(TINY, data=(str(tiny_data),))

    def step(*_: object) -> float:
        raise error

    with create_run(tmp_path, "run", config) as log:
        trainer = Trainer(config, log, quiet)
        trainer.learner.step = step  # type: ignore[method-assign]
        with pytest.raises(RunError, match=advice):
            trainer.run()
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert state["status"] == "failed" and re.search(advice, state["message"])
    assert state["cause"] == ("" if "DataLoader" in str(error) else "memory")


def test_a_step_is_tried_before_the_start_and_leaves_no_trace(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(TINY, data=(str(tiny_data),), dropout=0.5, edge_weight=1.0)
    learner = Learner(config, torch.device("cpu"))
    before = copy.deepcopy(learner.state())
    try_step(config, learner, photos=3)
    after = learner.state()
    assert torch.equal(before["random"], after["random"])
    assert after["optimizer"] == before["optimizer"]
    assert all(torch.equal(after["model"][key], each) for key, each in before["model"].items())
    assert all(each.grad is None for each in learner.model.parameters())

    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    monkeypatch.setattr("training.engine.learner.Learner.rehearse", full)
    with pytest.raises(ShortMemoryError, match="--batch 2 --accumulate 2 or --size"):
        fit(tiny_data, tmp_path, "full", size=128, width=4)
    state = json.loads((tmp_path / "full" / "state.json").read_text())
    assert (state["status"], state["cause"], state["step"]) == ("failed", "memory", 0)


@pytest.mark.slow
def test_what_a_run_says_of_its_session(tiny_data: Path, tmp_path: Path) -> None:
    config = replace(TINY, data=(str(tiny_data),), epochs=7)
    seen: list[Progress] = []
    with create_run(tmp_path, "run", config) as log:
        Trainer(config, log, seen.append, "python -m training fit --epochs 7").run()
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["command"] == "python -m training fit --epochs 7"
    assert environment["precision"] == "float32"
    info = read_info(tmp_path / "run" / LAST)
    assert (environment["data"], environment["split"]) == (info.data, info.split)
    step = next(line for line in read_metrics(tmp_path / "run") if line["kind"] == "step")
    assert step["step"] == 20 and step["images_per_second"] > 0 and 0 <= step["waited"] <= 1
    assert step["learning_rate"] > 0 and step["time"].endswith("+00:00")
    shares = [at.share for at in seen if at.phase == "train"]
    assert shares == sorted(shares) and shares[-1] == 1.0 and seen[-1].images_per_second > 0


@pytest.mark.slow
def test_another_runs_weights_can_be_the_start(tiny_data: Path, tmp_path: Path) -> None:
    first = fit(tiny_data, tmp_path, "first")
    config = replace(TINY, data=(str(tiny_data),), start_from=str(first))
    with create_run(tmp_path, "second", config) as log:
        trainer = Trainer(config, log, quiet)
    begun, split = trainer.model.state_dict(), trainer.data.split
    kept = load_checkpoint(first / "checkpoints/best.safetensors")[0].state_dict()
    assert all(torch.equal(begun[key], kept[key]) for key in kept)
    assert split.val_cars == read_split(first).val_cars
    assert split.before == read_split(first).trained()
    other = replace(config, width=3)
    with create_run(tmp_path, "third", other) as log, pytest.raises(ConfigError, match="width=2"):
        Trainer(other, log, quiet)


def test_a_small_folder_is_seen_more_often(tiny_data: Path, tmp_path: Path) -> None:
    for car in range(3):
        write_pair(tmp_path / "few", f"few{car}_01", car)
    data = (str(tiny_data), str(tmp_path / "few"))
    config = replace(TINY, data=data, repeat=("few=4",), epochs=1)
    with create_run(tmp_path, "run", config) as log:
        trainer = Trainer(config, log, quiet)
        trainer.run()
        material = trainer.data
    assert (len(material.train), len(material.epoch)) == (14, 12 + 2 * 4)
    assert read_info(tmp_path / "run" / LAST).images_seen == 20
    assert read_info(tmp_path / "run" / LAST).split["train_images"] == 14
    assert len(replay_run(tmp_path / "run").samples) == 20
    other = replace(config, repeat=("fewer=4",))
    with create_run(tmp_path, "wrong", other) as log, pytest.raises(ConfigError, match="fewer"):
        Trainer(other, log, quiet)


@pytest.mark.slow
def test_a_folder_is_seen_by_several_recipes(tiny_data: Path, tmp_path: Path) -> None:
    for car in range(3):
        write_pair(tmp_path / "few", f"few{car}_01", car)
    data = (str(tiny_data), str(tmp_path / "few"))
    repeat = (f"{tiny_data.name}=1", f"{tiny_data.name}=2:heavy", "few=1:none")
    config = replace(TINY, data=data, repeat=repeat, epochs=1)
    with create_run(tmp_path, "run", config) as log:
        Trainer(config, log, quiet).run()
    seen = replay_run(tmp_path / "run")
    assert Counter(sample.recipe for sample in seen.samples) == {"": 12, "heavy": 24, "none": 2}
    for index, sample in enumerate(seen.samples):
        found = seen.sample(1, index)
        assert found.recipe == (sample.recipe or config.recipe)
        if found.recipe == "none":
            assert not found.applied


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_photos_kept_in_memory_change_nothing(
    tiny_data: Path, tmp_path: Path, workers: int
) -> None:
    config = replace(TINY, data=(str(tiny_data),), recipe="heavy", epochs=2, workers=workers)
    for name, cache in (("read", "none"), ("kept", "memory")):
        settings = replace(config, cache=cache)
        with create_run(tmp_path, name, settings) as log:
            Trainer(settings, log, quiet).run()
    read, kept = (load_checkpoint(tmp_path / name / LAST)[0] for name in ("read", "kept"))
    assert all(
        torch.equal(a, b)
        for a, b in zip(read.state_dict().values(), kept.state_dict().values(), strict=True)
    )
    assert "12 photos are kept in memory" in (tmp_path / "kept" / "log.txt").read_text()


def test_changed_data_are_noticed(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "first", epochs=1)
    write_pair(tiny_data, "car0_09", 77)
    with pytest.raises(RunError, match="have changed"):
        resume(run, epochs=2)


@pytest.mark.slow
def test_a_run_has_one_trainer(tiny_data: Path, tmp_path: Path) -> None:
    run = fit(tiny_data, tmp_path, "first", epochs=1)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path;"
            "from training.runs.runlog import RunLog, read_config;"
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
    state = json.loads((tmp_path / "nan" / "state.json").read_text())
    assert (state["status"], state["cause"]) == ("failed", "diverged")
    assert (
        "doctor: error: The loss is no number any more." in (tmp_path / "nan/log.txt").read_text()
    )


@pytest.mark.slow
def test_the_doctors_words_stand_in_the_log_once(tiny_data: Path, tmp_path: Path) -> None:
    Image.new("L", (64, 48)).save(tiny_data / "masks" / "car0_01.png")
    run = fit(tiny_data, tmp_path, "leaky", split_by="random")
    words = [line for line in (run / "log.txt").read_text().splitlines() if "doctor: " in line]
    assert sum("The split leaks, so every figure flatters. LEAKY: " in line for line in words) == 1
    assert sum("1 mask is empty: it shows no car: car0_01." in line for line in words) == 1


@pytest.mark.slow
def test_command_line(tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"fit --data {tiny_data} --runs {tmp_path} --name cli --epochs 1 --width 2 --depth 2"
    words += " --size 32 --batch 4 --workers 0 --val-share 0.4 --device cpu"
    assert main(words.split()) == 0
    assert str(tmp_path / "cli") in capsys.readouterr().out
    assert main(words.split()) == 2
    assert "already" in capsys.readouterr().err
    assert main(f"fit --resume {tmp_path / 'cli'} --width 3".split()) == 2
    assert "width" in capsys.readouterr().err
    assert main(f"fit --resume {tmp_path / 'cli'} --preset best".split()) == 2
    assert main(f"fit --resume {tmp_path / 'cli'} --epochs 2".split()) == 0
    assert read_info(tmp_path / "cli" / LAST).epoch == 2
    capsys.readouterr()

    scored = f"evaluate --checkpoint {tmp_path / 'cli'} --data {tiny_data} --json --device cpu"
    assert main(scored.split()) == 0
    everything = json.loads(capsys.readouterr().out)[0]
    assert everything["images"] == 15 and len(everything["rows"]) == 15
    split = tmp_path / "cli" / "split.json"
    assert main(f"{scored} --part val --split {split}".split()) == 0
    part = json.loads(capsys.readouterr().out)[0]
    assert part["images"] == 6
    assert part["dice"] == read_info(tmp_path / "cli" / LAST).metrics["dice"]
    assert main(f"{scored} --part val".split()) == 2


def test_a_training_that_can_not_begin_says_why(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert main(f"fit --data {tiny_data} --runs {tmp_path / 'file'}".split()) == 2
    assert "can't be written: Not a directory" in capsys.readouterr().err
    run = tmp_path / "run"
    assert main(f"fit --data {tmp_path / 'none'} --runs {tmp_path} --name run".split()) == 2
    assert main(f"fit --data {tmp_path / 'gone'} --runs {tmp_path} --name run".split()) == 2
    told = capsys.readouterr().err
    assert "none" in told and "gone" in told and "already" not in told, "the name is free again"
    state = json.loads((run / "state.json").read_text())
    assert state["status"] == "failed" and "no data folder" in state["message"]
    (run / "notes.json").write_text("{}")
    assert main(f"fit --data {tmp_path / 'none'} --runs {tmp_path} --name run".split()) == 2
    assert "There is a run" in capsys.readouterr().err, "a person wrote something about it"
    assert main(["doctor", str(run)]) == 1
    assert "It failed: There is no data folder" in capsys.readouterr().out
    (run / "config.json").write_text('{"tomorrow": 1, "epochs": 3}')
    assert main(f"fit --resume {run}".split()) == 2
    assert "does not know: tomorrow" in capsys.readouterr().err
    (run / "lock").unlink()
    (run / "lock").mkdir()
    with pytest.raises(RunError, match="can't be written: Is a directory"):
        RunLog(run, TINY)
