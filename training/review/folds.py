"""One network a fold: each car is judged by the one that was not trained on it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from core.errors import ConfigError, RunError
from core.files import read_facts
from training.config import TrainConfig
from training.data.folder import Dataset
from training.data.splits import split_folds
from training.jobs.job import STATE
from training.jobs.launch import fit_arguments
from training.runs.runlog import StateFile

SPLITS = "splits"
"""Of a review's folder: the folds' split files."""


def train_folds(
    datasets: Sequence[Dataset],
    folds: int,
    config: TrainConfig,
    runs: Path,
    folder: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Returns the runs of all folds; what is trained already is taken, what was stopped goes on.

    Args:
        datasets: The data folders that `config` names, opened.
        folds: How many networks, 2 or more.
        config: How each is trained; its split is set here.
        runs: Folder of all runs.
        folder: Of the review, where the split files go.
        say: Called with what is done now.

    Raises:
        ConfigError: There are fewer cars than folds, or the settings start from another checkpoint,
            which may have seen all cars.
        RunError: A training failed.
        OSError: A split can't be written.
    """
    if config.start_from:
        raise ConfigError(
            f"The folds can't start from {config.start_from}, which may have seen every car; give "
            "another --preset."
        )
    (folder / SPLITS).mkdir(parents=True, exist_ok=True)
    found = []
    for number, split in enumerate(
        split_folds(datasets, folds, config.seed, keep_anchored=True), start=1
    ):
        path = folder / SPLITS / f"fold{number}of{folds}.json"
        split.with_digests(datasets).save(path)
        # The name says what the run is, so that an equal one is found again, whoever began it.
        facts = [split.fingerprint(), asdict(replace(config, data=(), device="auto"))]
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:10]
        run = runs / f"fold-{digest}-{number}of{folds}"
        wanted = replace(config, split=str(path.resolve()))
        found.append(run)
        _train(run, wanted, f"Training network {number} of {folds} ({run.name})", say)
    return found


def _train(run: Path, config: TrainConfig, text: str, say: Callable[[str], None]) -> None:
    """Trains a run to its end, in a process of its own."""
    state = read_facts(run / STATE, StateFile).facts
    if state.status == "finished":
        return
    say(text)
    begun = (run / "checkpoints" / "last.state.pt").is_file()
    arguments = ["fit", "--resume", str(run.resolve())]
    if not begun:
        arguments = fit_arguments(config, run.parent.resolve(), run.name)
    process = subprocess.Popen([sys.executable, "-m", "training", *arguments])
    try:
        status = process.wait()
    except KeyboardInterrupt:  # it saves its state, and the next time it goes on from there
        process.terminate()
        process.wait()
        raise
    if status:
        message = read_facts(run / STATE, StateFile).facts.message or f"exit status {status}"
        raise RunError(f"{text} failed: {message} The same command goes on with it.")
