"""From a photo to the probability of "car" for each of its pixels.

Everything that predicts is an `ImageModel`: one network (`Predictor`), the same with the mirrored
photo (`Mirrored`), the mean of several (`Ensemble`), and one with a fallback (`Cascade`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint
from core.device import autocast_dtype, resolve_device
from core.errors import CheckpointError, ConfigError, ImageError
from core.model import UNet, fold_normalisation
from core.preprocess import Preprocessing, enlarge
from core.uncertainty import FALLBACK_LIMIT, disagreement

GPU_BATCH = 2
"""Photos of one grid size that a graphics card works on together: a photo and its mirror image."""


@dataclass(frozen=True)
class Prediction:
    """A prediction with its uncertainty."""

    probability: NDArray[np.float32]
    """Probability of car, float32 (h, w) in [0, 1], on the network's grid: 1 MB instead of 160 MB
    for a large photo. An ensemble's has the photo's own size, for its members' grids may differ."""
    uncertainty: float | None = None
    """Disagreement of the predictions for the photo and its mirror image, in [0, 1] (see
    `core.uncertainty`); of an ensemble the mean of its members'. None after a single pass."""
    by: str = ""
    """Name of the checkpoint that predicted."""
    first_uncertainty: float | None = None
    """Uncertainty of a cascade's first network, where its fallback predicted."""

    def at_size(self, height: int, width: int) -> NDArray[np.float32]:
        """Returns the probability, float32 (height, width) in [0, 1], at a size in px."""
        return enlarge(self.probability, height, width)


class ImageModel(ABC):
    """What turns a photo into a prediction; a photo's prediction depends on that photo alone."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a person calls it; "" for a network that came without a checkpoint."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Probability from which a pixel belongs to the car, in [0, 1]."""

    @abstractmethod
    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the prediction for a photo (H, W, 3) uint8.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the probability (H, W) float32 in [0, 1] at the photo's own size."""
        return self.predict(image).at_size(*image.shape[:2])


class Predictor(ImageModel):
    """A network ready to predict, in a single pass: numpy in, numpy out.

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
        """The checkpoint's own threshold, in [0, 1]."""
        return self.info.threshold if self.info else CheckpointInfo.threshold

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
        return self.preprocessing.to_input(_checked(image))

    def probabilities(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probabilities (N, h, w) float32 of inputs (3, h, w) of one shape."""
        steps = range(0, len(inputs), self._batch)
        return np.concatenate([self._batch_of(inputs[at : at + self._batch]) for at in steps])

    def _predictions(self, inputs: Sequence[NDArray[np.float32]]) -> Iterator[Prediction]:
        for probability in self.probabilities(inputs):
            yield Prediction(probability, by=self.name)

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


class Mirrored(ImageModel):
    """A network that predicts each photo and its mirror image: mostly better, twice the time."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @property
    def name(self) -> str:
        """Name of the checkpoint."""
        return self._predictor.name

    @property
    def threshold(self) -> float:
        """The checkpoint's own threshold, in [0, 1]."""
        return self._predictor.threshold

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the mean of both predictions, and how far they are apart.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        return self.predict_both(image)[1]

    def predict_both(self, image: NDArray[np.uint8]) -> tuple[Prediction, Prediction]:
        """Returns the prediction of a single pass, and that with the mirror image.

        Raises:
            ImageError: The array is not an RGB uint8 picture.
        """
        prepared = self._predictor.prepare(image)
        flipped = np.ascontiguousarray(prepared[..., ::-1])
        one, mirrored = self._predictor.probabilities([prepared, flipped])
        other = mirrored[:, ::-1]
        mean = (one + other) / np.float32(2)
        return Prediction(one, by=self.name), Prediction(mean, disagreement(one, other), self.name)


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
        uncertainties = []
        for member in self._members:
            prediction = member.predict(image)
            total += prediction.at_size(*image.shape[:2])
            uncertainties.append(prediction.uncertainty)
        known = [each for each in uncertainties if each is not None]
        uncertainty = fmean(known) if len(known) == len(uncertainties) else None
        total /= np.float32(len(self._members))
        return Prediction(total, uncertainty, self.name)


class Cascade(ImageModel):
    """A model, and a fallback that predicts where the first one is uncertain.

    A network that learned from few kinds of photos is the better one on those, and its uncertainty
    tells the others apart. Measured by `benchmarks/doubt.py`; docs/doubt.md has the figures.
    """

    def __init__(self, first: ImageModel, load_fallback: Callable[[], ImageModel]) -> None:
        """Takes the first model, and how to load the other one.

        Args:
            first: Predicts every photo; one with an uncertainty, such as `Mirrored`.
            load_fallback: Called once, when the first one is uncertain for the first time.
        """
        self._first = first
        self._load_fallback = load_fallback
        self._fallback: ImageModel | None = None

    @property
    def name(self) -> str:
        """Name of the first model."""
        return self._first.name

    @property
    def threshold(self) -> float:
        """Threshold of the first model, in [0, 1]; the fallback's probabilities are moved to it."""
        return self._first.threshold

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Returns the first model's prediction, or the fallback's where that one is uncertain.

        Raises:
            ConfigError: The first model does not say how uncertain it is.
            ImageError: The array is not an RGB uint8 picture.
            CheckpointError: The fallback can't be loaded.
        """
        prediction = self._first.predict(image)
        if prediction.uncertainty is None:
            raise ConfigError("A cascade's first model must know its uncertainty; use Mirrored.")
        if prediction.uncertainty <= FALLBACK_LIMIT:
            return prediction
        if self._fallback is None:
            self._fallback = self._load_fallback()
        other = self._fallback.predict(image)
        moved = move_threshold(other.probability, self._fallback.threshold, self.threshold)
        return replace(other, probability=moved, first_uncertainty=prediction.uncertainty)


def load_model(first: Path, fallback: Path | None = None, device: str = "auto") -> ImageModel:
    """Returns what app and command line predict with: mirrored, and a cascade with a fallback.

    Args:
        first: A checkpoint, or a run's folder.
        fallback: Another one, for where the first is uncertain; loaded when that happens.
        device: As for `core.device.resolve_device`.

    Raises:
        CheckpointError: The first can't be used, or there is no such fallback.
        DeviceError: This machine has no such device.
    """
    model = Mirrored(Predictor.load(first, device))
    if fallback is None:
        return model
    path = find_checkpoint(fallback)  # a wrong name is an error at once
    return Cascade(model, lambda: Mirrored(Predictor.load(path, device)))


def move_threshold(probability: NDArray[np.float32], old: float, new: float) -> NDArray[np.float32]:
    """Returns probabilities, float32 in [0, 1], of which those at `old` became `new`.

    Odds are multiplied by one factor, so order and both ends stay; 0 and 1 as a threshold have no
    odds, and change nothing.
    """
    if old == new or not (0 < old < 1 and 0 < new < 1):
        return probability
    factor = np.float32(new / (1 - new) * (1 - old) / old)
    return np.asarray(probability * factor / (1 - probability + probability * factor), np.float32)


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
