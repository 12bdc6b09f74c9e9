"""From a photo to the probability of "car" for each of its pixels.

Everything that predicts is an `ImageModel`: one network (`Predictor`), the same with the mirrored
photo (`Mirrored`), the mean of several (`Ensemble`), one that looks closer at small cars
(`core.refine.Refined`), and one with a fallback (`core.cascade.Cascade`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from core.cascade import Cascade
from core.checkpoint import CheckpointInfo, find_checkpoint, load_checkpoint
from core.clicks import CHANNELS
from core.device import autocast_dtype, resolve_device
from core.errors import CheckpointError, ConfigError
from core.image_model import ImageModel as ImageModel
from core.image_model import Prediction as Prediction
from core.image_model import WrappedModel, require_photo
from core.model import UNet, fold_normalisation
from core.preprocess import Preprocessing
from core.refine import Detailed, Refined
from core.uncertainty import Limits, disagreement, hide

GPU_BATCH = 2
"""Photos of one grid size that a graphics card works on together: a photo and its mirror image."""


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

    @property
    def limits(self) -> Limits:
        """What the checkpoint's uncertainty means."""
        return self.info.limits if self.info else Limits()

    def on_grid(self, size: int) -> Predictor:
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
    predictor = Predictor.load(first, device)
    if fallback is None:
        return Mirrored(predictor)
    path = find_checkpoint(fallback)  # a wrong name is an error at once
    familiar = predictor.info.familiar if predictor.info else None
    return Cascade(
        _detailed(predictor), lambda: Refined(_detailed(Predictor.load(path, device))), familiar
    )


def _detailed(predictor: Predictor) -> ImageModel:
    """Returns a mirrored network, on a finer grid too where its checkpoint has one."""
    detail = predictor.info.detail if predictor.info else None
    model = Mirrored(predictor)
    return Detailed(model, Mirrored(predictor.on_grid(detail)), detail) if detail else model


def load_photo_network(path: Path) -> tuple[UNet, CheckpointInfo]:
    """Returns the network of a checkpoint that segments photos, and its facts.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
    """
    model, info = load_checkpoint(path)
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
    return model, info
