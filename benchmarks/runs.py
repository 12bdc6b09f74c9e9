"""Speed of listing runs and of reading curves, on generated runs in a temporary folder.

python benchmarks/runs.py
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.split_verdict import SplitVerdict  # noqa: E402
from training.runs.listing import (  # noqa: E402
    CurveReader,
    list_runs,
    read_curves,
)

METRICS = ("dice", "iou", "precision", "recall", "boundary_iou", "boundary_iou_3px", "hd95")


def write_run(folder: Path, lines: int, epochs: int) -> None:
    """Writes a finished run of so many metrics lines."""
    folder.mkdir()
    facts: dict[str, dict[str, Any]] = {
        "config": {"data": ["data/carvana512", "data/synthetic"], "epochs": epochs, "seed": 1},
        "environment": {"device": "cpu", "device_name": "x86_64"},
        "split": {
            "verdict": SplitVerdict("clean", 0, 46, "car").to_json(),
            "train_cars": {"carvana512": [f"{car:012x}" for car in range(270)]},
        },
        "state": {"status": "finished", "epoch": epochs, "epochs": epochs, "step": lines * 20},
    }
    for name, values in facts.items():
        (folder / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n")
    (folder / "log.txt").write_text("2026-01-01T00:00:00+00:00 begun\n")
    with (folder / "metrics.jsonl").open("w") as file:
        for number in range(1, lines + 1):
            file.write(json.dumps(_line(number, max(1, lines // epochs))) + "\n")


def _line(number: int, length: int) -> dict[str, Any]:
    """Returns a metrics line; the last one of each `length` is an epoch's."""
    line: dict[str, Any] = {
        "kind": "step",
        "epoch": (number - 1) // length + 1,
        "step": number * 20,
        "images": number * 160,
        "loss": 1 / number,
        "learning_rate": 2e-3 / number,
        "seconds": number * 0.731,
    }
    if number % length == 0:
        line["kind"] = "epoch"
        figures = {metric: 1 - 1 / (number + 1) for metric in METRICS}
        line["val"] = {**figures, "sources": {"carvana512": figures, "synthetic": figures}}
    return line


@dataclass(frozen=True)
class Took:
    """How long some calls took, in ms."""

    wall: float
    cpu: float
    """What of it this process worked; on a busy machine the rest is others' work."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} ms ({self.cpu:.1f} ms of this process)"


def median(work: Callable[[], Any], repeats: int) -> Took:
    """Returns the median time of a call."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    return Took(statistics.median(walls), statistics.median(cpus))


def watch(run: Path, looks: int) -> tuple[Took, float]:
    """Returns the time of one look at a growing run, and the KiB that all looks leave behind."""
    reader = CurveReader(run)
    number = 1_000_000

    def look() -> None:
        nonlocal number
        number += 1
        with (run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(_line(number, 3_000_000)) + "\n")
        reader.read()

    look()
    took = median(look, looks)
    tracemalloc.start()
    look()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(looks):
        look()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return took, grown / 1024


def main() -> None:
    """Generates the runs and prints what each look takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--lines", type=int, default=1000, help="metrics lines of each run")
    parser.add_argument("--curves", type=int, default=10, help="runs whose curves are read")
    parser.add_argument("--curve-lines", type=int, default=10_000, help="lines of each of these")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.runs):
            long = number < options.curves
            lines = options.curve_lines if long else options.lines
            write_run(folder / f"run-{number:04}", lines, epochs=50)
        print(f"{options.runs} runs of {options.lines} lines, {options.curves} of them longer")
        print(f"first list: {median(lambda: list_runs(folder), 1)}")
        print(f"later list: {median(lambda: list_runs(folder), 9)}")

        chosen = [folder / f"run-{number:04}" for number in range(options.curves)]
        took = median(lambda: [read_curves(run) for run in chosen], 3)
        print(f"curves of {len(chosen)} runs, {options.curve_lines} lines each: {took}")
        took, grown = watch(chosen[0], 200)
        print(f"a look at one that grew by a line: {took}; 200 looks leave {grown:.0f} KiB behind")


if __name__ == "__main__":
    main()
