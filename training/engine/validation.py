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
from training.engine.probes import Probes
from training.evaluation.measure import measure_samples, summary_of


class Validation:
    """Looks at the weights of an epoch."""

    def __init__(
        self, config: TrainConfig, material: Material, probes: Probes, device: torch.device
    ) -> None:
        self._config = config
        self._samples = material.val
        self._probes = probes
        self._device = device

    def score(
        self, model: UNet, epoch: int, progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Returns the metrics on all validation photos at their own size; writes the probes.

        Args:
            model: The weights to judge.
            epoch: The epoch that they were just trained in.
            progress: Called with (photos done, photos in all).
        """
        rows = measure_samples(
            self._predictor(model),
            self._samples,
            MaskSettings(),
            progress=progress,
            look=lambda sample, probability: self._probes.record(epoch, sample, probability),
        )
        return summary_of(rows)

    def write_probes(self, model: UNet, epoch: int) -> None:
        """Writes the probes of an epoch that is not validated; arguments as for `score`."""
        predictor = self._predictor(model)
        for sample in self._probes.samples:
            image, _ = sample.read()
            self._probes.record(epoch, sample, predictor(image))

    def _predictor(self, model: UNet) -> Predictor:
        return Predictor(model, self._config.preprocessing, self._device)
