"""The training loop.

A run that was killed and resumed ends like one that never stopped: order and augmentations are
counted from (seed, epoch, index), and the saved state holds everything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import torch

from core.errors import RunError
from core.model import UNet
from training.batches import epoch_batches, steps_per_epoch
from training.config import TrainConfig
from training.data.splits import Split
from training.engine.failures import cause_of, explained
from training.engine.interrupts import Interrupts
from training.engine.learner import Batch, Learner
from training.engine.material import open_material
from training.engine.pace import Pace
from training.engine.position import Position, Way
from training.engine.probes import Probes
from training.engine.processes import ALONE, Processes
from training.engine.progress import Progress
from training.engine.record import Record
from training.engine.saved_state import load_state, read_state
from training.engine.schedule import cut_where_it_stands_still, learning_rate
from training.engine.trial import try_step
from training.engine.validation import Validation
from training.kept import KeptPhotos
from training.runs.runlog import RunLog, RunState, read_split

LOG_EVERY = 20
"""Steps between two step lines of metrics.jsonl."""


class Trainer:
    """One run in progress."""

    def __init__(
        self,
        config: TrainConfig,
        log: RunLog,
        on_progress: Callable[[Progress], None],
        command: str = "",
        processes: Processes = ALONE,
    ) -> None:
        """Opens the data, builds the network and, where the run has a state, loads it.

        Args:
            config: What to train; a resumed run may ask for another length than it started with.
            log: The run's folder, locked.
            on_progress: Called often, from this thread.
            command: The command line that started this, for the run's environment.json.
            processes: Those that train together; all but the first have a SilentLog.

        Raises:
            DataError: The data can't be used.
            RunError: They are not those of the resumed run, its state is damaged, or other
                processes see other data.
            DeviceError: This machine has no such device.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config = config
        self.log = log
        self._on_progress = on_progress
        self._command = command
        self._processes = processes
        device = processes.device(config.device)
        saved, split = processes.from_first(lambda: _saved(log))
        self.material = open_material(config, split)
        self._check_data()
        self.learner = Learner(config, device, processes)
        self.position = Position()
        if saved is not None:
            self.position = load_state(saved, log.folder, self.learner, self.material.fingerprints)
        count = len(self.material.epoch)
        self._way = Way(
            config, steps_per_epoch(count, config.step_images), min(count, config.step_images)
        )
        self._record = Record(log, self.material, self._way, processes)
        self._probes = Probes(log.probes, self.material.val)
        self._validation = Validation(config, self.material, self._probes, device, processes)
        self._interrupts = Interrupts(processes, self._give_up)
        self._kept: KeptPhotos | None = None
        self._pace = Pace()
        self._rate = 0.0
        self._saved = self._started = time.monotonic()
        self._seconds_before = self.position.seconds

    @property
    def model(self) -> UNet:
        """The network as it is trained; what is kept is its average."""
        return self.learner.model

    def _check_data(self) -> None:
        own = self.material.fingerprints, self.material.split.fingerprint()
        for number, other in enumerate(self._processes.gathered(own), start=1):
            if other != own:
                raise RunError(
                    f"Process {self._processes.rank + 1} and process {number} see other data or "
                    "another split; all of them need the same data folders and files."
                )

    def run(self) -> RunState:
        """Trains until a limit is reached and returns the final state.

        KeyboardInterrupt saves the state, marks the run as stopped and is passed on.

        Raises:
            RunError: The loss exploded, or the run's folder can't be written.
            CarmaskError: A photo can't be read.
        """
        with self._interrupts:
            try:
                return self._run()
            except Exception as error:
                told = explained(error, self.log.folder, self.config, self.learner.device)
                with suppress(OSError):  # the disk may be full
                    self._record.say(f"failed: {type(told).__name__}: {told}")
                    self._record.state(self.position, "failed", str(told), cause_of(told))
                    self._record.findings()
                if told is error:
                    raise
                raise told from error

    def _run(self) -> RunState:
        try:
            self._record.begin(self.position, self.learner, self._command)
            if self._processes.first:
                self._probes.describe()
            if self.config.cache == "memory":
                self._kept = KeptPhotos(self.material.epoch, self.config.size)
                self._record.say(self._kept.summary)
            photos = min(self.config.batch, len(self.material.epoch))
            try_step(self.config, self.learner, -(-photos // self._processes.count))
            while self.position.step_in_epoch or not self._end():
                self._train_epoch()
                self._finish_epoch()
        except KeyboardInterrupt:
            with self._interrupts.held():
                self._save()
                self._record.state(self.position, "stopped")
                self._record.say(f"stopped at step {self.position.step}")
            raise
        end = self._end()
        self._record.say(f"finished: {end}")
        whole = self.config.epochs and self.position.epoch > self.config.epochs
        message = "" if whole else f"It ended after {end}."
        return self._record.state(self.position, "finished", message)

    def _give_up(self) -> None:
        """Says why this process is ended, which waits for another in vain and can't say so."""
        text = (
            f"Another of the {self._processes.count} processes of this training was killed or "
            "hangs; this one waited for it in vain. Go on with --resume from the last saved state."
        )
        self._record.say(f"failed: {text}")
        self._record.state(self.position, "failed", text)

    def _end(self) -> str:
        return self._way.end(self.position, self.position.epoch - 1)

    def _train_epoch(self) -> None:
        """Takes the epoch's remaining steps, or those that a limit leaves."""
        at = self.position
        self.learner.model.train()
        batches = iter(
            epoch_batches(
                self.material.epoch,
                self.config,
                at.epoch,
                at.step_in_epoch,
                self._processes,
                self._kept,
            )
        )
        self._pace, since_line = Pace(), Pace()
        while not self._way.end(at, at.epoch - 1):
            self._interrupts.check()
            asked = time.monotonic()
            group = list(islice(batches, self.config.accumulate))
            if not group:
                break
            waited = time.monotonic() - asked
            with self._interrupts.held():
                loss = self._step(group)
                for pace in (self._pace, since_line):
                    pace.count(self._way.step_images, waited)
                if at.step % LOG_EVERY == 0:
                    self._record.step(at, loss, self._rate, since_line)
                    since_line = Pace()
            done = min(at.step_in_epoch * self.config.step_images, len(self.material.epoch))
            self._tell("train", done, self._way.steps * self._way.step_images)
            if time.monotonic() - self._saved > 60 * self.config.save_minutes:
                with self._interrupts.held():
                    self._save()
                    self._record.state(at, "running")

    def _step(self, group: Sequence[Batch]) -> float:
        """Takes one optimiser step, counts it and returns its loss."""
        at = self.position
        total = self._way.total_steps(at)
        self._rate = learning_rate(self.config, at.step, total, at.cuts)
        loss = self.learner.step(group, self._rate)
        at.step += 1
        at.step_in_epoch += 1
        at.images += self._way.step_images
        at.loss_sum += loss
        at.seconds = self._seconds()
        return loss

    def _finish_epoch(self) -> None:
        """Validates, writes the epoch's line and checkpoints, and moves on to the next epoch."""
        at, pace = self.position, self._pace.facts()
        # A position's seconds stand still meanwhile, so that the clock can't end the training
        # between this question and the next.
        last = self._way.end(at, at.epoch)
        metrics: dict[str, Any] = {}
        if last or at.epoch % self.config.validate_every == 0:
            metrics = self._validate()
            at.seconds = self._seconds()
        else:
            self._validation.write_probes(self.learner.kept, at.epoch)
        with self._interrupts.held():
            self._record.epoch(at, metrics, pace)
            best = self._judge(metrics)
            self._record.checkpoints(at, self.learner, metrics, best)
            at.next_epoch()
            self._save()
            self._record.state(at, "running")
        self._record.findings()

    def _judge(self, metrics: dict[str, Any]) -> bool:
        """Tells whether an epoch is the best so far, and cuts the learning rate where it is due."""
        if not metrics:
            return False
        at = self.position
        at.last_metrics = metrics
        value = float(metrics[self.config.best_by])
        best = value > at.best_value
        if best:
            at.best_value, at.best_epoch = value, at.epoch
        if cut_where_it_stands_still(self.config, at):
            self._record.say(
                f"no better {self.config.best_by} since epoch {at.best_epoch}: "
                "the learning rate is halved"
            )
        return best

    def _validate(self) -> dict[str, Any]:
        """Returns the validation figures of the kept weights."""

        def show(done: int, total: int) -> None:
            self._tell("validate", done, total)
            self._interrupts.check_here()

        return self._validation.score(self.learner.kept, self.position.epoch, show)

    def _save(self) -> None:
        """Writes everything that a resumed trainer needs, atomically."""
        self._record.save(self.position, self.learner)
        self._saved = time.monotonic()

    def _seconds(self) -> float:
        """Returns the wall time of all sessions, by the first process's clock."""
        own = self._seconds_before + time.monotonic() - self._started
        return self._processes.total(own if self._processes.first else 0.0)

    def _tell(self, phase: str, done: int, total: int) -> None:
        at = self.position
        self._on_progress(
            Progress(
                phase=phase,
                epoch=at.epoch,
                epochs=self.config.epochs,
                done=done,
                total=total,
                loss=at.loss,
                dice=at.last_metrics.get("dice"),
                share=self._way.share(at),
                seconds=at.seconds,
                images_per_second=self._pace.facts()["images_per_second"],
            )
        )


def _saved(log: RunLog) -> tuple[dict[str, Any] | None, Split | None]:
    """Returns the state and the split of a run that goes on."""
    state = read_state(log.training_state)
    return state, None if state is None else read_split(log.folder)
