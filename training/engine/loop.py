"""The training loop.

A run that was killed and resumed ends like one that never stopped: order and augmentations are
a function of (seed, epoch, index), and the saved state holds everything else.
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
from training.config import TrainConfig
from training.data.sides import Split
from training.engine.batches import epoch_batches, steps_per_epoch
from training.engine.distributed import SINGLE, DistributedContext
from training.engine.failures import StopSignals, cause_of, explained
from training.engine.learner import Batch, Learner
from training.engine.optimizer import learning_rate, reduce_on_plateau
from training.engine.probes import Probes, Validation
from training.engine.recorder import RunRecorder, load_state, read_state
from training.engine.trainer_state import Progress, Throughput, TrainerState, TrainingBudget
from training.engine.training_data import PhotoCache, open_training_data
from training.engine.trial import try_step
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
        processes: DistributedContext = SINGLE,
    ) -> None:
        """Opens the data, builds the network and, where the run has a state, loads it.

        Args:
            config: What to train; a resumed run may have another length than it started with.
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
        saved, split = processes.from_first(lambda: _read_saved(log))
        self.data = open_training_data(config, split)
        self._check_data()
        self.learner = Learner(config, device, processes)
        self.state = TrainerState()
        if saved is not None:
            self.state = load_state(saved, log.folder, self.learner, self.data.fingerprints)
        count = len(self.data.epoch)
        self._budget = TrainingBudget(
            config, steps_per_epoch(count, config.step_images), min(count, config.step_images)
        )
        self._recorder = RunRecorder(log, self.data, self._budget, processes)
        self._probes = Probes(log.probes, self.data.val)
        self._validation = Validation(config, self.data, self._probes, device, processes)
        self._signals = StopSignals(processes, self._give_up)
        self._cache: PhotoCache | None = None
        self._throughput = Throughput()
        self._rate = 0.0
        self._last_save = self._started = time.monotonic()
        self._seconds_before = self.state.seconds

    @property
    def model(self) -> UNet:
        """The network in training; checkpoints hold its average."""
        return self.learner.model

    def _check_data(self) -> None:
        own = self.data.fingerprints, self.data.split.fingerprint()
        for number, other in enumerate(self._processes.gathered(own), start=1):
            if other != own:
                raise RunError(
                    f"Process {self._processes.rank + 1} and process {number} see other data or "
                    "another split; all of them need the same data folders and files."
                )

    def run(self) -> RunState:
        """Trains until a limit is reached and returns the final state.

        KeyboardInterrupt saves the state, marks the run as stopped and propagates.

        Raises:
            RunError: The loss exploded, or the run's folder can't be written.
            CarmaskError: A photo can't be read.
        """
        with self._signals:
            try:
                return self._run()
            except Exception as error:
                explanation = explained(error, self.log.folder, self.config, self.learner.device)
                with suppress(OSError):  # the disk may be full
                    self._recorder.log(f"failed: {type(explanation).__name__}: {explanation}")
                    self._recorder.write_state(
                        self.state, "failed", str(explanation), cause_of(explanation)
                    )
                    self._recorder.findings()
                if explanation is error:
                    raise
                raise explanation from error

    def _run(self) -> RunState:
        try:
            self._recorder.begin(self.state, self.learner, self._command)
            if self._processes.first:
                self._probes.describe()
            if self.config.cache == "memory":
                self._cache = PhotoCache(self.data.epoch, self.config.size)
                self._recorder.log(self._cache.summary)
            photos = min(self.config.batch, len(self.data.epoch))
            try_step(self.config, self.learner, -(-photos // self._processes.count))
            while self.state.step_in_epoch or not self._end():
                self._train_epoch()
                self._finish_epoch()
        except KeyboardInterrupt:
            with self._signals.held():
                self._save()
                self._recorder.write_state(self.state, "stopped")
                self._recorder.log(f"stopped at step {self.state.step}")
            raise
        end = self._end()
        self._recorder.log(f"finished: {end}")
        whole = self.config.epochs and self.state.epoch > self.config.epochs
        message = "" if whole else f"Stopped at the limit: {end}."
        return self._recorder.write_state(self.state, "finished", message)

    def _give_up(self) -> None:
        """Records the failure of a process that hangs in an exchange and is about to be ended."""
        text = (
            f"Another of the {self._processes.count} processes of this training was killed or "
            "hangs; this one waited for it in vain. Go on with --resume from the last saved state."
        )
        self._recorder.log(f"failed: {text}")
        self._recorder.write_state(self.state, "failed", text)

    def _end(self) -> str:
        return self._budget.end(self.state, self.state.epoch - 1)

    def _train_epoch(self) -> None:
        """Takes the epoch's remaining steps, or those that a limit leaves."""
        state = self.state
        self.learner.model.train()
        batches = iter(
            epoch_batches(
                self.data.epoch,
                self.config,
                state.epoch,
                state.step_in_epoch,
                self._processes,
                self._cache,
            )
        )
        self._throughput, since_line = Throughput(), Throughput()
        while not self._budget.end(state, state.epoch - 1):
            self._signals.check()
            before = time.monotonic()
            group = list(islice(batches, self.config.accumulate))
            if not group:
                break
            waited = time.monotonic() - before
            with self._signals.held():
                loss = self._step(group)
                for throughput in (self._throughput, since_line):
                    throughput.count(self._budget.step_images, waited)
                if state.step % LOG_EVERY == 0:
                    self._recorder.step(state, loss, self._rate, since_line)
                    since_line = Throughput()
            done = min(state.step_in_epoch * self.config.step_images, len(self.data.epoch))
            self._report("train", done, self._budget.steps * self._budget.step_images)
            if time.monotonic() - self._last_save > 60 * self.config.save_minutes:
                with self._signals.held():
                    self._save()
                    self._recorder.write_state(state, "running")

    def _step(self, group: Sequence[Batch]) -> float:
        """Takes one optimiser step, counts it and returns its loss."""
        state = self.state
        total = self._budget.total_steps(state)
        self._rate = learning_rate(self.config, state.step, total, state.cuts)
        loss = self.learner.step(group, self._rate)
        state.step += 1
        state.step_in_epoch += 1
        state.images += self._budget.step_images
        state.loss_sum += loss
        state.seconds = self._seconds()
        return loss

    def _finish_epoch(self) -> None:
        """Validates, writes the epoch's line and checkpoints, and moves on to the next epoch."""
        state, rates = self.state, self._throughput.rates()
        # `state.seconds` is not updated in between, so that this agrees with the next `_end`.
        last = self._budget.end(state, state.epoch)
        metrics: dict[str, Any] = {}
        if last or state.epoch % self.config.validate_every == 0:
            metrics = self._validate()
            state.seconds = self._seconds()
        else:
            self._validation.write_probes(self.learner.averaged, state.epoch)
        with self._signals.held():
            self._recorder.epoch(state, metrics, rates)
            best = self._judge(metrics)
            self._recorder.checkpoints(state, self.learner, metrics, best)
            state.next_epoch()
            self._save()
            self._recorder.write_state(state, "running")
        self._recorder.findings()

    def _judge(self, metrics: dict[str, Any]) -> bool:
        """Returns whether an epoch is the best so far; may reduce the learning rate."""
        if not metrics:
            return False
        state = self.state
        state.last_metrics = metrics
        value = float(metrics[self.config.best_by])
        best = value > state.best_value
        if best:
            state.best_value, state.best_epoch = value, state.epoch
        if reduce_on_plateau(self.config, state):
            self._recorder.log(
                f"no better {self.config.best_by} since epoch {state.best_epoch}: "
                "the learning rate is halved"
            )
        return best

    def _validate(self) -> dict[str, Any]:
        """Returns the validation metrics of the averaged weights."""

        def show(done: int, total: int) -> None:
            self._report("validate", done, total)
            self._signals.check_here()

        return self._validation.score(self.learner.averaged, self.state.epoch, show)

    def _save(self) -> None:
        """Writes everything that a resumed trainer needs, atomically."""
        self._recorder.save(self.state, self.learner)
        self._last_save = time.monotonic()

    def _seconds(self) -> float:
        """Returns the wall time of all sessions, by the first process's clock."""
        own = self._seconds_before + time.monotonic() - self._started
        return self._processes.total(own if self._processes.first else 0.0)

    def _report(self, phase: str, done: int, total: int) -> None:
        state = self.state
        self._on_progress(
            Progress(
                phase=phase,
                epoch=state.epoch,
                epochs=self.config.epochs,
                done=done,
                total=total,
                loss=state.loss,
                dice=state.last_metrics.get("dice"),
                share=self._budget.share(state),
                seconds=state.seconds,
                images_per_second=self._throughput.rates()["images_per_second"],
            )
        )


def _read_saved(log: RunLog) -> tuple[dict[str, Any] | None, Split | None]:
    """Returns the saved state and the split of a resumed run."""
    state = read_state(log.training_state)
    return state, None if state is None else read_split(log.folder)
