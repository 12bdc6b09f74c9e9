"""Killed with -9 anywhere and resumed, a run ends with the bytes of one that never stopped."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoint import load_checkpoint
from training.runs.runlog import read_metrics

EPOCHS = 12
KILLS = 12
TIMES = ("seconds", "time", "images_per_second", "waited")
SETTINGS = {
    "size": 32,
    "width": 2,
    "depth": 2,
    "batch": 4,
    "epochs": EPOCHS,
    "val_share": 0.2,
    "workers": 2,
    "threads": 1,
    "device": "cpu",
    "warmup_steps": 2,
    "save_minutes": 0.0005,
    "dropout": 0.3,
    "schedule": "plateau",
    "plateau_patience": 1,
    "checkpoint_every": 4,
    "edge_weight": 2.0,
    "learning_rate": 0.05,
}


def timeless(run: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in TIMES} for line in read_metrics(run)]


def timeless_csv(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_killed_anywhere_and_resumed_ends_the_same(tiny_data: Path, tmp_path: Path) -> None:
    settings = json.dumps({**SETTINGS, "data": [str(tiny_data)]})
    command = [sys.executable, "-m", "tests.training.killing", str(tmp_path), settings]
    # No pipe: the workers of a killed trainer outlive it by seconds and would hold it open.
    with (tmp_path / "errors.txt").open("w") as errors:
        done = subprocess.run(
            [*command, str(KILLS), "5"], stdout=errors, stderr=errors, timeout=300, check=False
        )
    assert done.returncode == 0, (tmp_path / "errors.txt").read_text()
    moments = json.loads((tmp_path / "moments.json").read_text())
    assert len(moments) == KILLS, "it ended before it was killed often enough"
    assert {kind for kind, _ in moments} == {"train", "validate", "write", "renamed", "seconds"}

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert timeless(whole) == timeless(killed)
    epochs = [line["epoch"] for line in timeless(whole) if line["kind"] == "epoch"]
    assert epochs == list(range(1, EPOCHS + 1))
    assert timeless_csv(whole) == timeless_csv(killed)
    for name in ("best", "last", "epoch_0004", "epoch_0008"):
        path = f"checkpoints/{name}.safetensors"
        (one, facts), (other, others) = (load_checkpoint(run / path) for run in (whole, killed))
        assert facts.metrics == others.metrics and facts.epoch == others.epoch
        weights = other.state_dict()
        for key, tensor in one.state_dict().items():
            assert tensor.numpy().tobytes() == weights[key].numpy().tobytes()
    paths = [run / "checkpoints/last.state.pt" for run in (whole, killed)]
    states = [torch.load(path, weights_only=True) for path in paths]
    for state in states:
        del state["position"]["seconds"]
    assert states[0]["position"] == states[1]["position"] and states[0]["position"]["cuts"] > 0
    assert torch.equal(states[0]["random"], states[1]["random"])
    assert files(whole) == files(killed)


def files(run: Path) -> dict[str, bytes]:
    """Returns the probes; beside them nothing half-written is left anywhere."""
    assert not list(run.rglob("*.tmp"))
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in run.glob("probes/**/*.*")}
