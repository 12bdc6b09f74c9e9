"""From a photo to the probability of "car" for each of its pixels.

Everything that predicts is an `ImageModel`: one network (`core.predictor.Predictor`, run by PyTorch
or ONNX Runtime), the same with the mirrored photo (`Mirrored`), the mean of several (`Ensemble`),
one that looks closer at small cars (`core.refine.Refined`), and one with a fallback
(`core.cascade.Cascade`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from core.cascade import Cascade
from core.checkpoint import find_checkpoint
from core.errors import ConfigError
from core.image_model import ImageModel as ImageModel
from core.image_model import Prediction as Prediction
from core.image_model import WrappedModel
from core.predictor import Predictor
from core.refine import Detailed, Refined
from core.uncertainty import Limits, disagreement, hide

RUNTIME = "CARMASK_RUNTIME"
"""Environment variable: "onnx" has ONNX Runtime run the networks."""


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
