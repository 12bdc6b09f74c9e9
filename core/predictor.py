"""One network that predicts, whatever runs it: PyTorch or ONNX Runtime."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.checkpoint import CheckpointInfo
from core.clicks import CHANNELS
from core.errors import CheckpointError
from core.image_model import ImageModel, Prediction, require_photo
from core.preprocess import Preprocessing
from core.uncertainty import Limits


class Predictor(ImageModel):
    """A network ready to predict, in a single pass: numpy in, numpy out.

    A photo's result never depends on its neighbours. On the CPU each photo runs alone (a batch is
    no faster there, and convolutions round differently for another batch size); on a graphics
    card every batch has the same size, filled up with a repeat.
    """

    def __init__(self, preprocessing: Preprocessing, batch: int) -> None:
        """Knows no checkpoint yet.

        Args:
            preprocessing: How the network's pictures were prepared in training.
            batch: Size of every batch.
        """
        self.preprocessing = preprocessing
        self.info: CheckpointInfo | None = None
        self._batch = batch

    @property
    def name(self) -> str:
        """Name of the checkpoint; "" where the network came without one."""
        return self.info.title or self.info.run if self.info else ""

    @property
    def threshold(self) -> float:
        """The checkpoint's own threshold, in [0, 1]."""
        return self.info.threshold if self.info else CheckpointInfo.threshold

    @property
    def limits(self) -> Limits:
        """What the checkpoint's uncertainty means."""
        return self.info.limits if self.info else Limits()

    def on_grid(self, size: int) -> Self:
        """Returns the same network on another grid; see `Preprocessing.size`."""
        other = copy(self)
        other.preprocessing = replace(self.preprocessing, size=size)
        return other

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the prediction of a single pass for a photo (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        return next(self.predict_many([image]))

    def predict_many(self, images: Iterable[NDArray[np.uint8]]) -> Iterator[Prediction]:
        """Yields the prediction for each photo, in their order.

        Args:
            images: Photos (H, W, 3) uint8 of any sizes; at most a batch is held at a time.
        """
        waiting: list[NDArray[np.float32]] = []
        for image in images:
            prepared = self.prepare(image)
            if waiting and prepared.shape != waiting[0].shape:
                yield from self._predictions(waiting)
                waiting = []
            waiting.append(prepared)
            if len(waiting) == self._batch:
                yield from self._predictions(waiting)
                waiting = []
        if waiting:
            yield from self._predictions(waiting)

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns a photo (H, W, 3) uint8 as the network's input, float32 (3, h, w).

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        return self.preprocessing.to_input(require_photo(image))

    def probabilities(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probabilities (N, h, w) float32 of inputs (3, h, w) of one shape."""
        steps = range(0, len(inputs), self._batch)
        return np.concatenate([self._batch_of(inputs[at : at + self._batch]) for at in steps])

    def _predictions(self, inputs: Sequence[NDArray[np.float32]]) -> Iterator[Prediction]:
        for probability in self.probabilities(inputs):
            yield Prediction(probability, by=self.name)

    @abstractmethod
    def _batch_of(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probabilities of at most one batch of inputs."""


def require_photo_network(path: Path, info: CheckpointInfo) -> None:
    """Raises a CheckpointError for a checkpoint that does not segment RGB photos."""
    if info.model.in_channels == CHANNELS:
        raise CheckpointError(
            f"{path.name} holds the network that answers clicks in the editor; it finds no car by "
            "itself. Choose a checkpoint that segments."
        )
    if (info.model.in_channels, info.model.out_channels) != (3, 1):
        raise CheckpointError(
            f"{path.name} maps {info.model.in_channels} channels to "
            f"{info.model.out_channels}; a photo needs 3 in (RGB) and 1 out (car)."
        )
