"""Trains a run, kills it again and again with -9 and resumes it; a process of its own.

Everything is imported once, then each trainer is a fork of this process, which itself never
computes anything: a dozen trainers start in no time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Once here, not in every fork; the first is what an optimiser's first step imports.
import torch._dynamo
import torch.utils.tensorboard  # noqa: F401

from training.config import TrainConfig
from training.engine.loop import Trainer
from training.engine.trainer_state import Progress
from training.runs.runlog import RunLog, create_run, read_config

Moment = tuple[str, float]
"""Where a trainer is killed: "train" or "validate" and the how manieth photo's or step's end,
"write" and the how manieth file that is about to be renamed, "renamed" just after it, or
"seconds" from outside."""


def main(runs: Path, settings: dict[str, Any], kills: int, seed: int) -> None:
    """Trains runs/whole at once and runs/killed with kills; writes runs/moments.json."""
    config = TrainConfig(**settings)
    for name in ("whole", "killed"):
        create_run(runs, name, config).close()
    assert attempt(runs / "whole", None) == 0
    moments: list[Moment] = []
    chance = random.Random(seed)
    while len(moments) < kills:
        moment = choose(chance, len(moments))
        status = attempt(runs / "killed", moment)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            moments.append(moment)
            if chance.random() < 0.3:
                with (runs / "killed" / "metrics.jsonl").open("a") as file:
                    file.write('{"kind": "step", "step": 9')  # what a torn write leaves
        else:
            assert status == 0
            break
    assert attempt(runs / "killed", None) == 0
    (runs / "moments.json").write_text(json.dumps(moments))


def choose(chance: random.Random, number: int) -> Moment:
    kind = ("train", "write", "validate", "renamed", "seconds")[number % 5]
    if kind == "seconds":
        return kind, chance.uniform(0.0, 0.5)
    return kind, chance.randint(1, {"train": 5, "validate": 4}.get(kind, 30))


def attempt(run: Path, moment: Moment | None) -> int:
    """Resumes a run in a fork and returns how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train(run, moment)
            code = 0
        finally:
            os._exit(code)
    if moment and moment[0] == "seconds":
        time.sleep(moment[1])
        os.kill(child, signal.SIGKILL)  # a trainer that has ended already is a zombie still
    return os.waitpid(child, 0)[1]


def train(run: Path, moment: Moment | None) -> None:
    tick = clock(moment)
    before, after = tick("write"), tick("renamed")
    rename = Path.replace

    def replace(path: Path, target: Path) -> Path:
        before()
        renamed = rename(path, target)
        after()
        return renamed

    Path.replace = replace  # type: ignore[assignment, method-assign]
    phases = {phase: tick(phase) for phase in ("train", "validate")}

    def show(at: Progress) -> None:
        phases[at.phase]()

    with RunLog(run, read_config(run)) as log:
        Trainer(log.config, log, show).run()


def clock(moment: Moment | None) -> Callable[[str], Callable[[], None]]:
    """Returns what makes a counter that kills this process at the moment."""
    left = dict([moment]) if moment else {}

    def counter(kind: str) -> Callable[[], None]:
        def count() -> None:
            if kind in left:
                left[kind] -= 1
                if left[kind] <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return count

    return counter


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
