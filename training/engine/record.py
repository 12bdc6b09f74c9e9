"""What a run leaves behind while it is trained: lines, state, checkpoints, and words in its log."""

from __future__ import annotations

from typing import Any

from training.engine.checkpoints import Keeper
from training.engine.learner import Learner
from training.engine.material import Material
from training.engine.pace import Pace
from training.engine.position import Position, Way
from training.engine.processes import Processes
from training.engine.saved_state import save_state
from training.environment import environment_facts
from training.runs.doctor.doctor import Doctor
from training.runs.doctor.look import look_at_masks
from training.runs.runlog import Cause, RunLog, RunState
from training.runs.statuses import WrittenStatus


class Record:
    """Writes a run's folder; of several processes, the first one does."""

    def __init__(self, log: RunLog, material: Material, way: Way, processes: Processes) -> None:
        self._log = log
        self._material = material
        self._way = way
        self._processes = processes
        self._keeper = Keeper(log, material)
        self._doctor = Doctor(log.folder)

    def begin(self, at: Position, learner: Learner, command: str) -> None:
        """Writes what the run is about before its first step."""
        if not self._processes.first:
            return
        material = self._material
        self._log.forget_after(at.step, at.epoch - 1)
        environment = environment_facts(learner.device)
        environment |= {"precision": learner.precision, "command": command}
        environment |= {"data": material.facts, "split": material.split_facts}
        masks = look_at_masks(material.datasets, material.train)
        self._log.write_config(environment | {"masks": masks.to_json()}, material.split)
        for dataset in material.datasets:
            for problem in dataset.problems():
                self.say(problem)
        count = self._processes.count
        together = f", {count} processes" if count > 1 else ""
        self.say(
            f"{len(material.train)} training and {len(material.val)} validation photos; "
            f"split {material.split.verdict().sentence()}; "
            f"{learner.model.parameter_count()} parameters "
            f"on {learner.device} in {learner.precision}{together}; from epoch {at.epoch} on"
        )
        self.state(at, "running")

    def step(self, at: Position, loss: float, rate: float, pace: Pace) -> None:
        """Writes the line of a step that was just done."""
        line = {"kind": "step", **_counts(at), "loss": loss, "learning_rate": rate}
        self._log.append({**line, "seconds": round(at.seconds, 3), **pace.facts()})
        self.state(at, "running")  # who watches sees the share grow

    def epoch(self, at: Position, metrics: dict[str, Any], pace: dict[str, float]) -> None:
        """Writes the line of an epoch; its validation figures are empty where there was none."""
        line = {"kind": "epoch", **_counts(at), "loss": at.loss}
        line |= {"seconds": round(at.seconds, 3), **pace}
        self._log.append({**line, "val": metrics} if metrics else line)
        dice = f", Dice {metrics['dice']:.5f}" if metrics else ""
        self.say(f"epoch {at.epoch}: loss {at.loss:.4f}{dice}")

    def checkpoints(
        self, at: Position, learner: Learner, metrics: dict[str, Any], best: bool
    ) -> None:
        """Writes the checkpoints that are due after an epoch."""
        if self._processes.first:
            self._keeper.keep(learner.kept, at, metrics, best)

    def save(self, at: Position, learner: Learner) -> None:
        """Writes everything that a resumed trainer needs, atomically."""
        if self._processes.first:
            save_state(self._log.training_state, at, learner, self._material.fingerprints)

    def state(
        self, at: Position, status: WrittenStatus, message: str = "", cause: Cause = ""
    ) -> RunState:
        """Writes and returns where the run is."""
        share = 1.0 if status == "finished" else round(self._way.share(at), 4)
        counts = (at.epoch - 1, self._log.config.epochs, at.step, at.images)
        state = RunState(status, *counts, message, share, cause)
        self._log.write_state(state)
        return state

    def say(self, text: str) -> None:
        """Writes a line to the log."""
        self._log.say(text)

    def findings(self) -> None:
        """Writes to the log what the doctor finds and has not told yet."""
        if self._processes.first:
            for finding in self._doctor.news():
                self.say(f"doctor: {finding.text()}")


def _counts(at: Position) -> dict[str, Any]:
    return {"epoch": at.epoch, "step": at.step, "images": at.images}
