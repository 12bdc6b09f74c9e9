"""Validation on whole photos, and what it leaves of the probes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from core.masks import MaskSettings
from core.model import UNet
from core.predict import Predictor
from training.config import TrainConfig
from training.engine.material import Material
from training.engine.probes import ProbePictures, Probes
from training.engine.processes import Processes
from training.evaluation.measure import measure_samples, summary_of
from training.evaluation.rows import ImageRow


class Validation:
    """Looks at the weights of an epoch; processes share the photos."""

    def __init__(
        self,
        config: TrainConfig,
        material: Material,
        probes: Probes,
        device: torch.device,
        processes: Processes,
    ) -> None:
        self._config = config
        self._samples = material.val
        self._probes = probes
        self._device = device
        self._processes = processes

    def score(
        self, model: UNet, epoch: int, progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Returns the metrics on all validation photos at their own size; writes the probes.

        Args:
            model: The weights to judge.
            epoch: The epoch that they were just trained in.
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
                self._samples[shared.share],
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
        samples = self._probes.samples[self._processes.share]
        predictor = self._predictor(model)
        for sample in samples:
            pictures |= self._probes.picture(sample, predictor(sample.read()[0]))
        self._write(epoch, pictures)

    def _write(self, epoch: int, pictures: ProbePictures) -> None:
        parts = self._processes.gathered(pictures)
        if self._processes.first:
            self._probes.write(epoch, {n: part[n] for part in parts for n in part})

    def _predictor(self, model: UNet) -> Predictor:
        return Predictor(model, self._config.preprocessing, self._device)
