"""Probes: a few validation photos whose masks are kept at each epoch, the same all run long.

runs/<id>/probes/probes.json names them; probes/1.jpg is a probe's photo, probes/1_truth.png its
true mask and probes/epoch_0003/1.png the probability after epoch 3, 0 to 255 (white is car). All
are small: their longest side is at most 256 px.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.files import write_bytes_atomically
from core.image import encode_jpeg, thumbnail
from core.preprocess import mask_levels, resize
from training.data.folder import Sample
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
