"""The training loop; the only place that knows optimiser and loss.

A run that was killed and resumed ends like one that never stopped: order and augmentations are
counted from (seed, epoch, index), and the saved state holds everything else.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint, save_checkpoint
from core.device import autocast_dtype, resolve_device
from core.errors import ConfigError, RunError
from core.files import write_bytes_atomically
from core.masks import MaskSettings
from core.model import UNet
from core.predict import Predictor
from training.batches import epoch_batches, steps_per_epoch
from training.config import TrainConfig
from training.data import Dataset, open_datasets
from training.environment import code_facts, environment_facts
from training.evaluate import evaluate
from training.loss import bce_dice_loss
from training.runlog import RunLog, RunState, now, read_split
from training.splits import split_by_car

LOG_EVERY = 20
"""Steps between two step lines of metrics.jsonl."""


@dataclass(frozen=True)
class Progress:
    """What a person watching a training sees; sent after each step and validated photo."""

    phase: str
    """"train" or "validate"."""
    epoch: int
    epochs: int
    done: int
    """Images done in this phase of this epoch."""
    total: int
    loss: float
    """Mean loss of the epoch so far."""
    dice: float | None
    """Mean validation Dice of the last finished epoch."""


@dataclass
class Position:
    """Where a training stands; saved with the weights."""

    epoch: int = 1
    """The epoch being worked on, from 1."""
    step_in_epoch: int = 0
    step: int = 0
    images: int = 0
    loss_sum: float = 0.0
    """Sum of the losses of this epoch's steps."""
    seconds: float = 0.0
    """Wall time of all sessions so far."""
    best_dice: float = -1.0
    last_metrics: dict[str, Any] = field(default_factory=dict)


class Trainer:
    """One run in progress."""

    def __init__(
        self, config: TrainConfig, log: RunLog, on_progress: Callable[[Progress], None]
    ) -> None:
        """Opens the data, builds the network and, where the run has a state, loads it.

        Args:
            config: What to train; a resumed run may ask for other epochs than it started with.
            log: The run's folder, locked.
            on_progress: Called often, from this thread.

        Raises:
            DataError: The data can't be used, or are not those of the resumed run.
            DeviceError: This machine has no such device.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config = config
        self.log = log
        self._on_progress = on_progress
        self.device = resolve_device(config.device)
        self.datasets = open_datasets([Path(folder) for folder in config.data])
        # Read once: the files of data and code may change while a run goes on.
        self._data = {dataset.name: _data_facts(dataset) for dataset in self.datasets}
        self._code = code_facts()
        self.position = Position()
        torch.manual_seed(config.seed)
        self.model: UNet = _first_weights(config).to(  # type: ignore[call-overload]
            device=self.device, memory_format=torch.channels_last
        )
        self.averaged = AveragedModel(
            self.model, multi_avg_fn=_ramped_average(config.ema), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            _decay_groups(self.model, config.weight_decay), lr=config.learning_rate, fused=True
        )
        self._half = autocast_dtype(self.device)
        self._scaler = torch.amp.GradScaler(enabled=self._half is torch.float16)
        if log.training_state.is_file():
            self.split = read_split(log.folder)
            self._load_state()
        else:
            self.split = split_by_car(self.datasets, config.val_share, config.seed)
        self.train_samples = self.split.select(self.datasets, "train")
        self.val_samples = self.split.select(self.datasets, "val")
        self.steps = steps_per_epoch(len(self.train_samples), config.batch)

    def run(self) -> RunState:
        """Trains to the last epoch and returns the final state.

        KeyboardInterrupt saves the state, marks the run as stopped and is passed on.
        """
        self._announce()
        try:
            while self.position.epoch <= self.config.epochs:
                self._train_epoch()
                self._finish_epoch()
        except KeyboardInterrupt:
            self._save_state()
            self._write_state("stopped")
            self.log.say(f"stopped at step {self.position.step}")
            raise
        except Exception as error:
            self._write_state("failed", str(error))
            self.log.say(f"failed: {type(error).__name__}: {error}")
            raise
        self.log.say("finished")
        return self._write_state("finished")

    def _announce(self) -> None:
        """Writes what the run is about before its first step."""
        self.log.write_config(environment_facts(self.device), self.split)
        for dataset in self.datasets:
            for problem in dataset.problems():
                self.log.say(problem)
        self.log.say(
            f"{len(self.train_samples)} training and {len(self.val_samples)} validation photos; "
            f"split {self.split.verdict()}; {self.model.parameter_count()} parameters on "
            f"{self.device}; from epoch {self.position.epoch} of {self.config.epochs}"
        )
        self._write_state("running")

    def _train_epoch(self) -> None:
        """Takes the epoch's remaining steps."""
        at = self.position
        self.model.train()
        started = saved = time.monotonic()
        before = at.seconds
        batches = epoch_batches(self.train_samples, self.config, at.epoch, at.step_in_epoch)
        for images, masks in batches:
            loss = self._step(images, masks)
            at.step += 1
            at.step_in_epoch += 1
            at.images += images.shape[0]
            at.loss_sum += loss
            at.seconds = before + time.monotonic() - started
            if at.step % LOG_EVERY == 0:
                self._log_step(loss)
            self._tell("train", at.step_in_epoch * self.config.batch, self._epoch_images)
            if time.monotonic() - saved > 60 * self.config.save_minutes:
                self._save_state()
                self._write_state("running")
                saved = time.monotonic()

    def _step(self, images: Tensor, masks: Tensor) -> float:
        """Takes one optimiser step on a batch and returns its loss."""
        rate = learning_rate(self.config, self.position.step, self.config.epochs * self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images = images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        masks = masks.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, self._half, enabled=self._half is not None):
            loss = bce_dice_loss(self.model.whole(images).float(), masks)
        if not torch.isfinite(loss):
            raise RunError(
                f"The loss is {loss.item()} at step {self.position.step}: the training diverged. "
                f"Start again with a smaller learning rate than {self.config.learning_rate:g}."
            )
        self.optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.config.clip_norm:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self.averaged.update_parameters(self.model)
        return float(loss.detach())

    def _finish_epoch(self) -> None:
        """Validates, writes the epoch's line and checkpoints, and moves on to the next epoch."""
        at = self.position
        started = time.monotonic()
        kept = self.averaged.module
        assert isinstance(kept, UNet)
        metrics = self._validate(kept)
        loss = at.loss_sum / max(1, at.step_in_epoch)
        at.seconds += time.monotonic() - started
        at.last_metrics = metrics
        self.log.append(
            {
                "kind": "epoch",
                "epoch": at.epoch,
                "step": at.step,
                "images": at.images,
                "loss": loss,
                "seconds": round(at.seconds, 3),
                "val": metrics,
            }
        )
        self.log.say(f"epoch {at.epoch}: loss {loss:.4f}, Dice {metrics['dice']:.5f}")
        info = self._checkpoint_info(metrics)
        save_checkpoint(self.log.checkpoint("last"), kept, info)
        if metrics["dice"] > at.best_dice:
            at.best_dice = float(metrics["dice"])
            save_checkpoint(self.log.checkpoint("best"), kept, info)
        at.epoch += 1
        at.step_in_epoch, at.loss_sum = 0, 0.0
        self._save_state()
        self._write_state("running")

    def _validate(self, kept: UNet) -> dict[str, Any]:
        """Returns the metrics of the kept weights on all validation photos at their own size."""
        predictor = Predictor(kept, self.config.preprocessing, self.device)
        return evaluate(
            predictor,
            self.val_samples,
            settings=MaskSettings(),
            progress=lambda done, total: self._tell("validate", done, total),
        ).summary()

    def _checkpoint_info(self, metrics: dict[str, Any]) -> CheckpointInfo:
        return CheckpointInfo(
            model=self.config.model,
            preprocessing=self.config.preprocessing,
            title=self.log.folder.name,
            run=self.log.folder.name,
            epoch=self.position.epoch,
            images_seen=self.position.images,
            metrics=metrics,
            data=self._data,
            split={
                "fingerprint": self.split.fingerprint(),
                "verdict": self.split.verdict(),
                "train_images": len(self.train_samples),
                "val_images": len(self.val_samples),
            },
            code=self._code,
            created=now(),
        )

    def _save_state(self) -> None:
        """Writes everything that a resumed trainer needs, atomically."""
        buffer = io.BytesIO()
        torch.save(
            {
                "position": asdict(self.position),
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "random": torch.get_rng_state(),
                "data": self._fingerprints(),
            },
            buffer,
        )
        write_bytes_atomically(self.log.training_state, buffer.getvalue())

    def _load_state(self) -> None:
        """Goes back to where the run was saved."""
        path = self.log.training_state
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except Exception as error:
            raise RunError(f"The training state {path} is damaged: {error}.") from error
        if state["data"] != self._fingerprints():
            raise RunError(
                f"The data of {self.log.folder} have changed since it was trained; a resumed run "
                "needs the same files. Start a new run, or bring the old data back."
            )
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        self.position = Position(**state["position"])
        self.log.forget_after(self.position.step)

    def _fingerprints(self) -> dict[str, str]:
        return {name: str(facts["fingerprint"]) for name, facts in self._data.items()}

    def _write_state(self, status: Any, message: str = "") -> RunState:
        at = self.position
        state = RunState(status, at.epoch - 1, self.config.epochs, at.step, at.images, message)
        self.log.write_state(state)
        return state

    def _log_step(self, loss: float) -> None:
        at = self.position
        self.log.append(
            {
                "kind": "step",
                "epoch": at.epoch,
                "step": at.step,
                "images": at.images,
                "loss": loss,
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "seconds": round(at.seconds, 3),
            }
        )

    @property
    def _epoch_images(self) -> int:
        return self.steps * self.config.batch

    def _tell(self, phase: str, done: int, total: int) -> None:
        at = self.position
        loss = at.loss_sum / max(1, at.step_in_epoch)
        dice = at.last_metrics.get("dice")
        self._on_progress(Progress(phase, at.epoch, self.config.epochs, done, total, loss, dice))


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Returns the learning rate of a step (from 0): linear warm-up, then a cosine to zero.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
    """
    warmup = min(config.warmup_steps, total // 2)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def with_epochs(config: TrainConfig, epochs: int | None) -> TrainConfig:
    """Returns the configuration of a resumed run, extended or shortened to other epochs."""
    return config if epochs is None else replace(config, epochs=epochs)


def _first_weights(config: TrainConfig) -> UNet:
    """Returns the network with the weights that a new run begins with.

    Raises:
        CheckpointError: `start_from` can't be read.
        ConfigError: `start_from` has another architecture.
    """
    if not config.start_from:
        return UNet(config.model)
    model, info = load_checkpoint(find_checkpoint(Path(config.start_from)))
    if info.model != config.model:
        raise ConfigError(
            f"start_from has the architecture {info.model}, these settings ask for "
            f"{config.model}; give the same width, depth, padding, norm and stem."
        )
    return model


def _data_facts(dataset: Dataset) -> dict[str, Any]:
    return {
        "fingerprint": dataset.fingerprint(),
        "layout": dataset.layout,
        "images": len(dataset.samples),
        "cars": len(dataset.cars),
    }


def _decay_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Returns the optimiser's groups: biases and normalisations are not decayed."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _ramped_average(
    decay: float,
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Returns the update of the averaged weights; young averages follow more quickly.

    Source: the ramp min(decay, (1 + n) / (10 + n)) is TensorFlow's ExponentialMovingAverage.
    """

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        n = int(count)
        keep = min(decay, (1 + n) / (10 + n))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    return update
