"""Training of the click network; it starts from a network that segments, and can be resumed."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint, save_checkpoint
from core.clicks import NETWORK_FILE, Click, changed_part
from core.errors import ConfigError
from core.files import append_line, write_bytes_atomically
from core.metrics import iou
from core.truth import IGNORED
from training.clicks.config import ClickConfig
from training.clicks.pools import click_scenes
from training.clicks.tasks import Batch, ClickTasks, click_batches, clicked_parts, next_click
from training.engine.click_learner import ClickLearner
from training.engine.trainer_state import TrainerState, TrainingBudget

_STATE, _CONFIG, _METRICS = "click.state.pt", "click.json", "click.jsonl"
_ITERATED = 0.35
"""Share of the batches in which the network answers first, and the next click is trained on."""
_VALIDATED = 96
"""Held-out samples for the figures of the log."""
_HARM = 0.002
"""A click that lowers the IoU by more than this does harm."""
_SHOWN = 20
"""Steps between two lines of progress."""


def _say(line: str) -> None:
    print(line, flush=True)


class ClickTrainer:
    """One training, in a folder of its own."""

    def __init__(
        self, folder: Path, config: ClickConfig, report: Callable[[str], None] = _say
    ) -> None:
        """Takes the folder; a training that is there already goes on.

        Args:
            folder: Made where it is missing.
            config: Of a training that goes on, only `minutes` may differ.
            report: Called with each line of progress.

        Raises:
            ConfigError: The folder holds a training with other settings.
        """
        self.folder = folder
        self.config = config
        self.state = TrainerState()
        self._report = report
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(config), indent=1) + "\n"
        known = folder / _CONFIG
        if known.is_file():
            before = json.loads(known.read_text(encoding="utf-8"))
            if before | {"minutes": 0} != json.loads(text) | {"minutes": 0}:
                raise ConfigError(
                    f"{folder} holds a training with other settings (see {_CONFIG}); give the same "
                    "ones, or another name."
                )
        write_bytes_atomically(known, text.encode())

    def run(self) -> None:
        """Trains until the time is over; when it is stopped, it saves first.

        Raises:
            CheckpointError: The start can't be read.
            DataError: A data folder or the split can't be read, or has no car.
        """
        config, training = self.config, self.config.training()
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        start, self._info = load_checkpoint(find_checkpoint(Path(config.start_from)))
        self._preprocessing = replace(self._info.preprocessing, size=config.size)
        train = click_scenes(config, "train", self._report)
        val = click_scenes(config, "val", self._report)
        settings = self._preprocessing, config.batch
        single = config.single_cars
        tasks = ClickTasks(train, *settings, config.seed, single_cars=single)
        fixed = ClickTasks(val, *settings, 1, augmented=False, single_cars=single)
        self._validation = [fixed[number] for number in range(_VALIDATED // config.batch)]
        self._learner = ClickLearner(start, training)
        self._resume()
        budget = TrainingBudget(training, 1 << 30, config.batch)
        batches = click_batches(tasks, self.state.step, config.workers)
        losses: list[float] = []
        before = saved = time.monotonic()
        try:
            while not budget.end(self.state, 0):
                losses.append(self._step(next(batches), budget))
                now = time.monotonic()
                self.state.seconds += now - before
                before = now
                if self.state.step % _SHOWN == 0:
                    self._report(
                        f"step {self.state.step}, {budget.share(self.state):.0%}, loss "
                        f"{np.mean(losses[-_SHOWN:]):.4f}, "
                        f"{self.state.images / self.state.seconds:.1f} samples/s"
                    )
                if now - saved > 60 * config.save_minutes:
                    self._save(losses)
                    losses, saved = [], time.monotonic()
        finally:
            if losses:
                self._save(losses)

    def _step(self, batch: Batch, budget: TrainingBudget) -> float:
        inputs, labels, clicks = batch
        rng = np.random.default_rng([self.config.seed, self.state.step, 1])
        if rng.random() < _ITERATED:
            answers = self._learner.answer(inputs, averaged=False)
            arrays = inputs.numpy(), labels[:, 0].numpy(), clicks.numpy(), answers
            for each in zip(*arrays, strict=True):
                next_click(*each, rng)
        clicked = clicked_parts(inputs, labels, clicks)
        total = budget.total_steps(self.state)
        return self._learner.step(inputs, labels, clicked, self.state, total)

    def validate(self) -> dict[str, float]:
        """Returns mean IoU of fixed held-out samples before and after a click, on the grid."""
        before, after = [], []
        for inputs, labels, clicks in self._validation:
            answers = self._learner.answer(inputs) >= 0.5
            for each in zip(inputs.numpy(), labels.numpy(), clicks.tolist(), answers, strict=True):
                (planes, (label,), (row, column, positive), wanted) = each
                mask = planes[3] >= 0.5
                part = changed_part(mask, wanted, Click(column, row, bool(positive)))
                judged = label != IGNORED
                before.append(iou(mask & judged, label == 1))
                after.append(iou((mask if part is None else mask ^ part) & judged, label == 1))
        harmed = np.subtract(after, before) < -_HARM
        figures = {"before": before, "after": after, "harmed": harmed}
        return {name: round(float(np.mean(values)), 5) for name, values in figures.items()}

    def _save(self, losses: list[float]) -> None:
        """Writes the averaged network, what a resumed training needs, and a line of figures."""
        figures = self.validate()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        facts = {"step": self.state.step, "seconds": round(self.state.seconds, 1)}
        line = facts | {"loss": round(float(np.mean(losses)), 5)} | figures | {"time": now}
        append_line(self.folder / _METRICS, json.dumps(line).encode())
        self._report(
            f"saved; IoU of held-out samples {figures['before']:.4f} -> {figures['after']:.4f}, "
            f"{figures['harmed']:.1%} harmed"
        )
        network = self._learner.network
        info = CheckpointInfo(
            model=network.config,
            preprocessing=self._preprocessing,
            title="Click correction",
            run=self.folder.name,
            images_seen=self.state.images,
            data=self._info.data,
            created=now,
        )
        save_checkpoint(self.folder / NETWORK_FILE, network, info)
        buffer = io.BytesIO()
        torch.save(self._learner.state_dict() | {"state": asdict(self.state)}, buffer)
        write_bytes_atomically(self.folder / _STATE, buffer.getvalue())

    def _resume(self) -> None:
        path = self.folder / _STATE
        if path.is_file():
            kept = torch.load(path, weights_only=True)
            self._learner.load_state_dict(kept)
            self.state = TrainerState(**kept["state"])
            self._report(f"going on at step {self.state.step}")
