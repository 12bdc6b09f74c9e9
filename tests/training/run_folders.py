"""Run folders written by hand, as a trainer writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONFIG = {
    "data": ["data/carvana512", "other/synthetic/"],
    "epochs": 3,
    "seed": 7,
    "width": 16,
    "depth": 4,
    "norm": "batch",
    "stem": "space_to_depth",
    "padding": "same",
}


def step_line(step: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "step",
        "epoch": 1,
        "step": step,
        "images": 8 * step,
        "loss": 1 / step,
        "learning_rate": 1e-3,
        "seconds": step * 0.5,
    } | more


def epoch_line(epoch: int, dice: float, **more: Any) -> dict[str, Any]:
    figures = {"images": 4, "dice": dice, "iou": dice - 0.1}
    figures |= {"boundary_iou": dice - 0.2, "boundary_iou_3px": dice - 0.3}
    return {
        "kind": "epoch",
        "epoch": epoch,
        "step": 10 * epoch,
        "images": 80 * epoch,
        "loss": 0.1 / epoch,
        "seconds": 6.0 * epoch,
        "val": {**figures, "sources": {"cars": dict(figures), "vans": {"dice": dice / 2}}},
    } | more


def text_of(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def write_run(folder: Path, status: str = "finished", dices: tuple[float, ...] = (0.8,)) -> Path:
    folder.mkdir(parents=True)
    epochs = len(dices)
    state = {"status": status, "epoch": epochs, "epochs": 3, "step": 10 * epochs}
    state |= {"images": 80 * epochs, "message": "", "updated": "2026-01-02T04:00:00+00:00"}
    files = {
        "config": CONFIG,
        "environment": {"device": "cuda:0", "device_name": "GPU"},
        "split": {"verdict": "by car: 2 validation cars, none of them in train", "seed": 7},
        "state": state,
    }
    for name, values in files.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    lines = [step_line(5), *(epoch_line(n, dice) for n, dice in enumerate(dices, 1))]
    (folder / "metrics.jsonl").write_text(text_of(lines))
    (folder / "log.txt").write_text("2026-01-02T03:00:00+00:00 begun\n")
    return folder
