"""From a photo to the probability of "car" for each of its pixels.

Everything that predicts is an `ImageModel`: one network (`Predictor`, run by PyTorch or ONNX
Runtime), the same with the mirrored
photo (`Mirrored`), the mean of several (`Ensemble`), one that looks closer at small cars
(`core.refine.Refined`), and one with a fallback (`core.cascade.Cascade`).
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.cascade import Cascade
from core.checkpoint import CheckpointInfo, find_checkpoint
from core.clicks import CHANNELS
from core.errors import CheckpointError, ConfigError
from core.image_model import ImageModel as ImageModel
from core.image_model import Prediction as Prediction
from core.image_model import WrappedModel, require_photo
from core.preprocess import Preprocessing
from core.refine import Detailed, Refined
from core.uncertainty import Limits, disagreement, hide

RUNTIME = "CARMASK_RUNTIME"
"""Environment variable: "onnx" has ONNX Runtime run the networks."""


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


class Mirrored(WrappedModel):
    """A network that predicts each photo and its mirror image: mostly better, twice the time."""

    _model: Predictor

    def __init__(self, predictor: Predictor, limits: Limits | None = None) -> None:
        """Takes a predictor; `limits` are those of its checkpoint unless others are given."""
        super().__init__(predictor)
        self._limits = limits or predictor.limits

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the mean of both predictions, and how far they are apart.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        return self.predict_both(image)[1]

    def predict_both(self, image: NDArray[np.uint8]) -> tuple[Prediction, Prediction]:
        """Returns the prediction of a single pass, and that with the mirror image.

        Where the two are so far apart that the checkpoint's limits say that there is no car, the
        latter lies below the threshold; a lower threshold still shows what was found.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        prepared = self._model.prepare(image)
        flipped = np.ascontiguousarray(prepared[..., ::-1])
        one, mirrored = self._model.probabilities([prepared, flipped])
        other = mirrored[:, ::-1]
        mean = (one + other) / np.float32(2)
        uncertainty = disagreement(one, other)
        if uncertainty > self._limits.no_car:
            mean = hide(mean, self.threshold)
        single = Prediction(one, by=self.name)
        return single, Prediction(mean, uncertainty, self.name, limit=self._limits.check)


class Ensemble(ImageModel):
    """Several models that predict as one: the mean of their probabilities."""

    def __init__(self, members: Sequence[ImageModel]) -> None:
        """Takes models with grids of any sizes.

        Raises:
            ConfigError: There is no member.
        """
        if not members:
            raise ConfigError("An ensemble needs at least one checkpoint; none was given.")
        self._members = tuple(members)

    @property
    def name(self) -> str:
        """Its members' names, as "a + b"."""
        return " + ".join(member.name for member in self._members)

    @property
    def threshold(self) -> float:
        """The mean of its members' thresholds, in [0, 1]."""
        return fmean(member.threshold for member in self._members)

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the mean prediction, at the photo's own size; two of them are held at a time.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        total = np.zeros(image.shape[:2], np.float32)
        uncertainties, limits = [], []
        for member in self._members:
            prediction = member.predict(image)
            total += prediction.at_size(*image.shape[:2])
            uncertainties.append(prediction.uncertainty)
            limits.append(prediction.limit)
        known = [each for each in uncertainties if each is not None]
        uncertainty = fmean(known) if len(known) == len(uncertainties) else None
        total /= np.float32(len(self._members))
        return Prediction(total, uncertainty, self.name, limit=fmean(limits))


def load_model(first: Path, fallback: Path | None = None, device: str = "auto") -> ImageModel:
    """Returns what app and command line predict with: mirrored, and a cascade with a fallback.

    In a cascade the fallback looks closer where the car is small, and each checkpoint that has a
    finer grid looks closer at large photos.

    Args:
        first: A checkpoint, or a run's folder.
        fallback: Another one, for photos unlike the first one's training photos, and where that
            one is uncertain; loaded when that happens.
        device: As for `core.device.resolve_device`.

    Raises:
        CheckpointError: The first can't be used, or there is no such fallback.
        DeviceError: This machine has no such device.
    """
    predictor = load_predictor(first, device)
    if fallback is None:
        return Mirrored(predictor)
    path = find_checkpoint(fallback)  # a wrong name is an error at once
    familiar = predictor.info.familiar if predictor.info else None
    return Cascade(
        _detailed(predictor), lambda: Refined(_detailed(load_predictor(path, device))), familiar
    )


def load_predictor(file_or_run: Path, device: str = "auto") -> Predictor:
    """Returns the network of a checkpoint file, or of the best checkpoint of a run, to predict.

    PyTorch runs it. Where that is not installed, or CARMASK_RUNTIME is "onnx", ONNX Runtime does,
    from the file that `carmask export --network` wrote beside the checkpoint.

    Args:
        file_or_run: The checkpoint.
        device: As for `core.device.resolve_device`; ONNX Runtime is used on the CPU alone.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
        DeviceError: This machine has no such device.
    """
    if os.environ.get(RUNTIME) == "onnx" or find_spec("torch") is None:
        from core.onnx_predictor import OnnxPredictor

        return OnnxPredictor.load(file_or_run)
    from core.torch_predictor import TorchPredictor

    return TorchPredictor.load(file_or_run, device)


def _detailed(predictor: Predictor) -> ImageModel:
    """Returns a mirrored network, on a finer grid too where its checkpoint has one."""
    detail = predictor.info.detail if predictor.info else None
    model = Mirrored(predictor)
    return Detailed(model, Mirrored(predictor.on_grid(detail)), detail) if detail else model


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
