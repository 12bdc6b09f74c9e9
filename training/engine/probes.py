"""Validation, and the pictures of a few photos that show how the network learns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from core.files import write_bytes_atomically
from core.image import encode_jpeg, thumbnail
from core.masks import MaskSettings
from core.model import UNet
from core.preprocess import mask_levels, resize
from core.torch_predictor import TorchPredictor
from training.config import TrainConfig
from training.data.folder import Sample
from training.engine.distributed import DistributedContext
from training.engine.training_data import TrainingData
from training.evaluation.measure import ImageRow, measure_samples, summary_of
from training.runs.probes import epoch_folder

PROBES = 8
LONGEST = 256
"""Longest side of a probe in px."""

ProbePictures = dict[int, bytes]
"""A small grey PNG of each probe's probability, by the probe's number."""


class Probes:
    """Writes the probes of one run."""

    def __init__(self, folder: Path, samples: Sequence[Sample]) -> None:
        """Chooses the probes.

        Args:
            folder: The run's folder for probes; made when something is written.
            samples: All validation photos.
        """
        self._folder = folder
        self.samples = choose_probes(samples)
        self._numbers = {sample.key: n for n, sample in enumerate(self.samples, start=1)}

    def describe(self) -> None:
        """Writes names, photos and true masks, where they are not there yet.

        Raises:
            CarmaskError: A photo or mask can't be read.
            OSError: They can't be written.
        """
        facts = [
            {"number": n, "name": s.name, "source": s.source, "car": s.car}
            for n, s in enumerate(self.samples, start=1)
        ]
        text = json.dumps({"longest_side": LONGEST, "probes": facts}, indent=1) + "\n"
        path = self._folder / "probes.json"
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        self._folder.mkdir(exist_ok=True)
        for number, sample in enumerate(self.samples, start=1):
            image, mask = sample.read()
            photo = encode_jpeg(thumbnail(image, LONGEST), quality=85)
            write_bytes_atomically(self._folder / f"{number}.jpg", photo)
            truth = _grey_png(_small(mask_levels(mask)))
            write_bytes_atomically(self._folder / f"{number}_truth.png", truth)
        write_bytes_atomically(path, text.encode())

    def picture(self, sample: Sample, probability: NDArray[np.float32]) -> ProbePictures:
        """Returns the picture of a sample's probability, if it is a probe; else nothing.

        Args:
            sample: Any validation photo.
            probability: (H, W) float32 in [0, 1].
        """
        number = self._numbers.get(sample.key)
        if number is None:
            return {}
        grey = np.rint(probability * 255).astype(np.uint8)
        return {number: _grey_png(_small(grey))}

    def write(self, epoch: int, pictures: ProbePictures) -> None:
        """Writes what the probes are after an epoch.

        Raises:
            OSError: They can't be written.
        """
        if not pictures:
            return
        folder = self._folder / epoch_folder(epoch)
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in sorted(pictures.items()):
            write_bytes_atomically(folder / f"{number}.png", picture)


def choose_probes(samples: Sequence[Sample], count: int = PROBES) -> list[Sample]:
    """Returns a few samples, spread over the cars and their views; a function of the samples alone.

    Cars are taken at equal distances; the next car shows the view that is due after the one
    before. Where there are fewer cars than probes, they come again with other views.
    """
    cars: dict[tuple[str, str], list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.key):
        cars.setdefault((sample.source, sample.car), []).append(sample)
    groups = list(cars.values())
    taken = min(count, len(groups))
    spread = [groups[place * len(groups) // taken] for place in range(taken)]
    chosen: list[Sample] = []
    for turn in range(max((len(group) for group in spread), default=0)):
        for place, group in enumerate(spread):
            if turn < len(group) and len(chosen) < count:
                first = place * len(group) // taken
                chosen.append(group[(first + turn) % len(group)])
    return chosen


def _small(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = grey.shape
    scale = min(1.0, LONGEST / max(height, width))
    return resize(grey, max(1, round(height * scale)), max(1, round(width * scale)))


def _grey_png(grey: NDArray[np.uint8]) -> bytes:
    stream = BytesIO()
    Image.fromarray(grey).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


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
        photos = [sample.read()[0] for sample in samples]
        found = self._predictor(model).predict_many(photos)
        for sample, photo, prediction in zip(samples, photos, found, strict=True):
            pictures |= self._probes.picture(sample, prediction.at_size(*photo.shape[:2]))
        self._write(epoch, pictures)

    def _write(self, epoch: int, pictures: ProbePictures) -> None:
        parts = self._processes.gathered(pictures)
        if self._processes.first:
            self._probes.write(epoch, {n: part[n] for part in parts for n in part})

    def _predictor(self, model: UNet) -> TorchPredictor:
        return TorchPredictor(model, self._config.preprocessing, self._device)
