"""Writes a run's folder during training: metrics, log, checkpoints and the state to resume from."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.checkpoint import CheckpointInfo, save_checkpoint
from core.errors import RunError
from core.files import write_bytes_atomically
from core.model import UNet
from training.engine.distributed import DistributedContext
from training.engine.learner import Learner
from training.engine.trainer_state import Throughput, TrainerState, TrainingBudget
from training.engine.training_data import TrainingData
from training.machine import code_facts, environment_facts
from training.runs.doctor.findings import Doctor
from training.runs.doctor.look import look_at_masks
from training.runs.runlog import Cause, RunLog, RunState, now
from training.runs.summary import WrittenStatus

_FORMAT = 2
"""Of the saved state."""


class RunRecorder:
    """Writes a run's folder; of several processes, the first one does."""

    def __init__(
        self, log: RunLog, data: TrainingData, budget: TrainingBudget, processes: DistributedContext
    ) -> None:
        self._log = log
        self._data = data
        self._budget = budget
        self._processes = processes
        self._checkpoints = CheckpointWriter(log, data)
        self._doctor = Doctor(log.folder)

    def begin(self, state: TrainerState, learner: Learner, command: str) -> None:
        """Writes settings, environment and data before the first step."""
        if not self._processes.first:
            return
        data = self._data
        self._log.forget_after(state.step, state.epoch - 1)
        environment = environment_facts(learner.device)
        environment |= {"precision": learner.precision, "command": command}
        environment |= {"data": data.facts, "split": data.split_facts}
        masks = look_at_masks(data.datasets, data.train)
        self._log.write_config(environment | {"masks": masks.to_json()}, data.split)
        for dataset in data.datasets:
            for problem in dataset.problems():
                self.log(problem)
        count = self._processes.count
        together = f", {count} processes" if count > 1 else ""
        self.log(
            f"{len(data.train)} training and {len(data.val)} validation photos; "
            f"split {data.split.verdict().sentence()}; "
            f"{learner.model.parameter_count()} parameters "
            f"on {learner.device} in {learner.precision}{together}; from epoch {state.epoch} on"
        )
        self.write_state(state, "running")

    def step(self, state: TrainerState, loss: float, rate: float, throughput: Throughput) -> None:
        """Writes the line of the last step."""
        line = {"kind": "step", **_counts(state), "loss": loss, "learning_rate": rate}
        self._log.append({**line, "seconds": round(state.seconds, 3), **throughput.rates()})
        self.write_state(state, "running")  # for its share, which pages show

    def epoch(self, state: TrainerState, metrics: dict[str, Any], rates: dict[str, float]) -> None:
        """Writes the line of an epoch; its validation figures are empty where there was none."""
        line = {"kind": "epoch", **_counts(state), "loss": state.loss}
        line |= {"seconds": round(state.seconds, 3), **rates}
        self._log.append({**line, "val": metrics} if metrics else line)
        dice = f", Dice {metrics['dice']:.5f}" if metrics else ""
        self.log(f"epoch {state.epoch}: loss {state.loss:.4f}{dice}")

    def checkpoints(
        self, state: TrainerState, learner: Learner, metrics: dict[str, Any], best: bool
    ) -> None:
        """Writes the checkpoints that are due after an epoch."""
        if self._processes.first:
            self._checkpoints.write(learner.averaged, state, metrics, best)

    def save(self, state: TrainerState, learner: Learner) -> None:
        """Writes everything that a resumed trainer needs, atomically."""
        if self._processes.first:
            save_state(self._log.training_state, state, learner, self._data.fingerprints)

    def write_state(
        self, state: TrainerState, status: WrittenStatus, message: str = "", cause: Cause = ""
    ) -> RunState:
        """Writes and returns the run's state.json."""
        share = 1.0 if status == "finished" else round(self._budget.share(state), 4)
        counts = (state.epoch - 1, self._log.config.epochs, state.step, state.images)
        written = RunState(status, *counts, message, share, cause)
        self._log.write_state(written)
        return written

    def log(self, text: str) -> None:
        """Writes a line to the log."""
        self._log.say(text)

    def findings(self) -> None:
        """Writes the doctor's new findings to the log."""
        if self._processes.first:
            for finding in self._doctor.news():
                self.log(f"doctor: {finding.text()}")


def _counts(state: TrainerState) -> dict[str, Any]:
    return {"epoch": state.epoch, "step": state.step, "images": state.images}


class CheckpointWriter:
    """Writes a run's checkpoints: the last, the best, and one every few epochs."""

    def __init__(self, log: RunLog, data: TrainingData) -> None:
        self._log = log
        self._data = data
        self._code = code_facts()  # once: the files may change while a run goes on

    def write(self, model: UNet, state: TrainerState, metrics: dict[str, Any], best: bool) -> None:
        """Writes the checkpoints of an epoch.

        Args:
            model: The averaged network.
            state: The epoch that has just ended.
            metrics: Its validation figures; empty where it was not validated.
            best: It is the best epoch so far.

        Raises:
            OSError: They can't be written.
        """
        config = self._log.config
        info = CheckpointInfo(
            model=config.model,
            preprocessing=config.preprocessing,
            title=self._log.folder.name,
            run=self._log.folder.name,
            epoch=state.epoch,
            images_seen=state.images,
            metrics=metrics,
            data=self._data.facts,
            split=self._data.split_facts,
            code=self._code,
            created=now(),
        )
        names = ["last"]
        if best:
            names.append("best")
        if config.checkpoint_every and state.epoch % config.checkpoint_every == 0:
            names.append(f"epoch_{state.epoch:04}")
        for name in names:
            save_checkpoint(self._log.checkpoint(name), model, info)


def save_state(
    path: Path, state: TrainerState, learner: Learner, fingerprints: dict[str, str]
) -> None:
    """Writes everything that a resumed trainer needs, atomically.

    Args:
        path: The file.
        state: Counts.
        learner: Weights, averages, optimiser.
        fingerprints: Of the data folders, by name.

    Raises:
        OSError: It can't be written.
    """
    buffer = io.BytesIO()
    saved = {"format": _FORMAT, "position": asdict(state), "data": fingerprints}
    torch.save({**saved, **learner.state()}, buffer)
    write_bytes_atomically(path, buffer.getvalue())


def read_state(path: Path) -> dict[str, Any] | None:
    """Returns what was saved, for `load_state`; None for a run without a state.

    Raises:
        RunError: The file is damaged, or of a newer version.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RunError(f"The training state {path} is damaged: {error}.") from error
    written = state.get("format", 1) if isinstance(state, dict) else None
    if written not in (1, _FORMAT):
        raise RunError(
            f"The training state {path} has the format {written}; this version reads up to "
            f"{_FORMAT}. Go on with the version that wrote it."
        )
    return dict(state)


def load_state(
    saved: dict[str, Any], run: Path, learner: Learner, fingerprints: dict[str, str]
) -> TrainerState:
    """Restores a learner and returns how far the training had come.

    Args:
        saved: From `read_state`.
        run: The run's folder.
        learner: The run's network.
        fingerprints: Of the data folders, by name.

    Raises:
        RunError: The state belongs to other data or another network.
    """
    if saved.get("data") != fingerprints:
        raise RunError(
            f"The data of {run} have changed since it was trained; a resumed run "
            "needs the same files. Start a new run, or bring the old data back."
        )
    try:
        learner.load_state(saved)
        return TrainerState(**_counts_of(saved["position"], saved.get("format", 1)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"The training state does not fit its run {run}: {error}.") from error


def _counts_of(values: dict[str, Any], written: int) -> dict[str, Any]:
    if written == 1:  # when the best epoch was always by Dice
        values = dict(values)
        values["best_value"] = values.pop("best_dice")
        values["best_epoch"] = values["epoch"] - 1 if values["best_value"] >= 0 else 0
    return values
