"""From a photo to the probability of "car" for each of its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint
from core.device import autocast_dtype, resolve_device
from core.doubt import disagreement
from core.errors import CheckpointError, ImageError
from core.model import UNet, fold_normalisation
from core.preprocess import Preprocessing, enlarge

GPU_BATCH = 2
"""Photos of one grid size that a graphics card works on together: a photo and its mirror image."""


@dataclass(frozen=True)
class Answer:
    """What a network says of a photo, and how far to rely on it."""

    probability: NDArray[np.float32]
    """Probability of car, float32 (h, w) in [0, 1], on the network's grid: 1 MB instead of 160 MB
    for a large photo; `core.preprocess.enlarge` brings it to (H, W). It is the mean of the answers
    to the photo and to its mirror image, and mostly better than what calling the predictor
    returns."""
    doubt: float
    """How far the answer about the mirrored photo is from it, in [0, 1]; see `core.doubt`."""
    by: str = ""
    """Name of the checkpoint that answers."""
    first_doubt: float | None = None
    """Doubt of the network that was asked first, where this is a second one's answer."""


class Predictor:
    """A network ready to segment: numpy in, numpy out, at the photo's own size.

    A photo's result never depends on its neighbours. On the CPU each photo runs alone (a batch is
    no faster there, and convolutions round differently for another batch size); on a graphics
    card every batch has the same size, filled up with a repeat.
    """

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
        self.preprocessing = preprocessing
        self.info: CheckpointInfo | None = None
        self._dtype = autocast_dtype(self.device)
        self._batch = batch or (1 if self.device.type == "cpu" else GPU_BATCH)
        self._layout = torch.contiguous_format if self.device.type == "mps" else torch.channels_last
        folded = fold_normalisation(model)
        self.model: UNet = folded.to(device=self.device, memory_format=self._layout)  # type: ignore[call-overload]

    @classmethod
    def load(cls, file_or_run: Path, device: str = "auto") -> Predictor:
        """Returns a predictor for a checkpoint file, or for the best checkpoint of a run.

        Raises:
            CheckpointError: It can't be read, or it does not segment RGB photos.
            DeviceError: This machine has no such device.
        """
        model, info = load_photo_network(find_checkpoint(file_or_run))
        predictor = cls(model, info.preprocessing, device)
        predictor.info = info
        return predictor

    @property
    def name(self) -> str:
        """Name of the checkpoint; "" where the network came without one."""
        return self.info.title or self.info.run if self.info else ""

    @property
    def threshold(self) -> float:
        """Probability from which a pixel belongs to the car, in [0, 1]: the checkpoint's own."""
        return self.info.threshold if self.info else CheckpointInfo.threshold

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the probability (H, W) float32 in [0, 1] for a photo (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        return next(self.predict_many([image]))

    def answer(self, image: NDArray[np.uint8]) -> Answer:
        """Returns what the network says of a photo and of its mirror image, and how surely.

        The probability is the mean of both answers, the doubt is how far they are apart.

        Args:
            image: (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        prepared = self.preprocessing.to_input(_checked(image))
        pair = [prepared, np.ascontiguousarray(prepared[..., ::-1])]
        steps = range(0, len(pair), self._batch)
        grid, mirrored = np.concatenate(
            [self._grid_probabilities(pair[at : at + self._batch]) for at in steps]
        )
        other = mirrored[:, ::-1]
        return Answer((grid + other) / np.float32(2), disagreement(grid, other), self.name)

    def predict_many(self, images: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Yields the probability (H, W) float32 of each photo, in their order.

        Args:
            images: Photos (H, W, 3) uint8 of any sizes; at most a batch is held at a time.
        """
        waiting: list[NDArray[np.float32]] = []
        shapes: list[tuple[int, int]] = []
        for image in images:
            prepared = self.preprocessing.to_input(_checked(image))
            if waiting and prepared.shape != waiting[0].shape:
                yield from self._run(waiting, shapes)
                waiting, shapes = [], []
            waiting.append(prepared)
            shapes.append((image.shape[0], image.shape[1]))
            if len(waiting) == self._batch:
                yield from self._run(waiting, shapes)
                waiting, shapes = [], []
        if waiting:
            yield from self._run(waiting, shapes)

    def _run(
        self, prepared: list[NDArray[np.float32]], shapes: list[tuple[int, int]]
    ) -> Iterator[NDArray[np.float32]]:
        """Yields one batch's probabilities at the photos' own sizes."""
        for grid, shape in zip(self._grid_probabilities(prepared), shapes, strict=True):
            yield enlarge(grid, *shape)

    @torch.inference_mode()
    def _grid_probabilities(self, prepared: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns (N, h, w) float32 probabilities on the network's grid."""
        filled = prepared + prepared[-1:] * (self._batch - len(prepared))
        batch = torch.from_numpy(np.stack(filled))
        batch = batch.to(device=self.device, memory_format=self._layout)
        half = torch.autocast(self.device.type, self._dtype) if self._dtype else nullcontext()
        with half:
            logits = self.model.whole(batch)
        probabilities = torch.sigmoid(logits[: len(prepared), 0].float())
        return np.asarray(probabilities.cpu().numpy(), dtype=np.float32)


def load_photo_network(path: Path) -> tuple[UNet, CheckpointInfo]:
    """Returns the network of a checkpoint that segments photos, and its facts.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
    """
    model, info = load_checkpoint(path)
    if (info.model.in_channels, info.model.out_channels) != (3, 1):
        raise CheckpointError(
            f"{path.name} maps {info.model.in_channels} channels to "
            f"{info.model.out_channels}; a photo needs 3 in (RGB) and 1 out (car)."
        )
    return model, info


def _checked(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the photo if it is (H, W, 3) uint8, else raises an ImageError."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"A photo must be RGB uint8 (H, W, 3); this array is {image.dtype} {image.shape}. "
            "Read it with core.image.read_image."
        )
    return image
