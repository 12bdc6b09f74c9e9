"""Validation on whole photos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from core.masks import MaskSettings
from core.model import UNet
from core.predict import Predictor
from training.config import TrainConfig
from training.engine.distributed import DistributedContext
from training.engine.probes import ProbePictures, Probes
from training.engine.training_data import TrainingData
from training.evaluation.measure import measure_samples, summary_of
from training.evaluation.rows import ImageRow


class Validation:
    """Scores the weights after an epoch; processes share the photos."""

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        probes: Probes,
        device: torch.device,
        processes: DistributedContext,
    ) -> None:
        self._config = config
        self._samples = data.val
        self._probes = probes
        self._device = device
        self._processes = processes

    def score(
        self, model: UNet, epoch: int, progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Returns the metrics on all validation photos at full size; writes the probes.

        Args:
            model: The averaged network.
            epoch: The epoch that has just ended.
            progress: Called with (photos done, photos in all). If it raises KeyboardInterrupt in
                one process, all of them do so, once they have finished their shares.
        """
        shared, total = self._processes, len(self._samples)
        pictures: ProbePictures = {}
        rows: list[ImageRow] = []
        interrupted = False
        try:
            rows = measure_samples(
                self._predictor(model),
                self._samples[shared.shard],
                MaskSettings(),
                progress=lambda done, _: progress(min(done * shared.count, total), total),
                look=lambda *photo: pictures.update(self._probes.picture(*photo)),
            )
        except KeyboardInterrupt:
            interrupted = True
        if shared.total(interrupted):
            raise KeyboardInterrupt
        self._write(epoch, pictures)
        return summary_of(shared.joined(rows))

    def write_probes(self, model: UNet, epoch: int) -> None:
        """Writes the probes of an epoch that is not validated; arguments as for `score`."""
        pictures: ProbePictures = {}
        samples = self._probes.samples[self._processes.shard]
        found = self._predictor(model).predict_many(sample.read()[0] for sample in samples)
        for sample, probability in zip(samples, found, strict=True):
            pictures |= self._probes.picture(sample, probability)
        self._write(epoch, pictures)

    def _write(self, epoch: int, pictures: ProbePictures) -> None:
        parts = self._processes.gathered(pictures)
        if self._processes.first:
            self._probes.write(epoch, {n: part[n] for part in parts for n in part})

    def _predictor(self, model: UNet) -> Predictor:
        return Predictor(model, self._config.preprocessing, self._device)
