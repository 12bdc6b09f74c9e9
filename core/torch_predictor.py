"""A network that PyTorch runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint
from core.device import autocast_dtype, resolve_device
from core.model import UNet, fold_normalisation
from core.predictor import Predictor, require_photo_network
from core.preprocess import Preprocessing

GPU_BATCH = 2
"""Photos of one grid size that a graphics card works on together: a photo and its mirror image."""


class TorchPredictor(Predictor):
    """A network on a device: a processor, or a graphics card."""

    def __init__(
        self,
        model: UNet,
        preprocessing: Preprocessing,
        device: torch.device | str = "auto",
        *,
        batch: int | None = None,
    ) -> None:
        """Copies a network for prediction: folded, on the device, in evaluation mode.

        Args:
            model: Network with three input channels and one output channel.
            preprocessing: How its pictures were prepared in training.
            device: A device, or a name for `resolve_device`.
            batch: Size of every batch; by default 1 on the CPU, else `GPU_BATCH`.
        """
        self.device = resolve_device(device) if isinstance(device, str) else device
        super().__init__(preprocessing, batch or (1 if self.device.type == "cpu" else GPU_BATCH))
        self._dtype = autocast_dtype(self.device)
        self._layout = torch.contiguous_format if self.device.type == "mps" else torch.channels_last
        folded = fold_normalisation(model)
        self.model: UNet = folded.to(device=self.device, memory_format=self._layout)  # type: ignore[call-overload]

    @classmethod
    def load(cls, file_or_run: Path, device: str = "auto") -> TorchPredictor:
        """Returns a predictor for a checkpoint file, or for the best checkpoint of a run.

        Raises:
            CheckpointError: It can't be read, or it does not segment RGB photos.
            DeviceError: This machine has no such device.
        """
        model, info = load_photo_network(find_checkpoint(file_or_run))
        predictor = cls(model, info.preprocessing, device)
        predictor.info = info
        return predictor

    @torch.inference_mode()
    def _batch_of(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probabilities of one batch; a short one is filled up."""
        filled = [*inputs, *[inputs[-1]] * (self._batch - len(inputs))]
        batch = torch.from_numpy(np.stack(filled))
        batch = batch.to(device=self.device, memory_format=self._layout)
        half = torch.autocast(self.device.type, self._dtype) if self._dtype else nullcontext()
        with half:
            logits = self.model.whole(batch)
        probabilities = torch.sigmoid(logits[: len(inputs), 0].float())
        return np.asarray(probabilities.cpu().numpy(), dtype=np.float32)


def load_photo_network(path: Path) -> tuple[UNet, CheckpointInfo]:
    """Returns the network of a checkpoint that segments photos, and its facts.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
    """
    model, info = load_checkpoint(path)
    require_photo_network(path, info)
    return model, info
