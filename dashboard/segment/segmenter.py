"""One network for all sessions, and what it said of the photos that it has seen."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.image import ReadPhoto, thumbnail
from core.masks import MaskSettings, mask_from_probability
from dashboard.segment.photos import Photo
from dashboard.ui.cache import BoundedCache

if TYPE_CHECKING:
    from core.predict import ImageModel, Prediction

KEPT_BYTES = 300_000_000
"""Most that probabilities weigh together, and most that pictures do."""


@dataclass(frozen=True)
class Segmented:
    """What the network says of one photo; cheap to keep, and all that a mask needs."""

    prediction: Prediction
    """Probability on the network's grid, uncertainty, and which checkpoint predicted."""
    shape: tuple[int, int]
    """Height and width of the upright photo in px."""
    seconds: float
    """Time of the prediction, that of the mirrored photo included."""
    note: str
    """What was guessed or left aside when the photo was read; "" for most photos."""

    def mask(
        self, settings: MaskSettings, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Returns the mask, bool, at the photo's own size or at `shape` (height, width)."""
        whole = self.prediction.at_size(*(shape or self.shape))
        return mask_from_probability(whole, settings)


@dataclass(frozen=True)
class Prepared:
    """A photo that is ready to be shown: changing a setting touches neither file nor network."""

    photo: Photo
    """Where it comes from."""
    picture: NDArray[np.uint8]
    """The photo at the size of a screen, uint8 (h, w, 3)."""
    result: Segmented
    """What the network says of it."""


class Segmenter:
    """A network, or two, and the results so far, shared by all sessions and threads."""

    def __init__(self, model: ImageModel, kept_bytes: int = KEPT_BYTES) -> None:
        """Takes a model over; nothing else may call it."""
        self._model = model
        self._one_at_a_time = Lock()  # two networks at once on a CPU take longer than in turn
        self._results: BoundedCache[Segmented] = BoundedCache(kept_bytes)
        self._pictures: BoundedCache[NDArray[np.uint8]] = BoundedCache(kept_bytes)

    @classmethod
    def load(cls, path: Path, fallback: Path | None = None) -> Segmenter:
        """Returns the segmenter of a checkpoint file; imports torch, which takes seconds.

        Args:
            path: The checkpoint.
            fallback: Predicts where the first one is uncertain; loaded when that happens.

        Raises:
            CheckpointError: The file can't be used.
        """
        from core.predict import load_model

        return cls(load_model(path, fallback))

    def prepare(self, photo: Photo, longest: int) -> Prepared:
        """Returns a photo with its result, from the caches where they have them.

        Args:
            photo: The photo; it is read at most once, and not at all if both are known.
            longest: Longest side of the picture to show, in px.

        Raises:
            CarmaskError: The photo can't be read.
        """
        read = functools.cache(photo.source.load)
        key = f"{longest}/{photo.key}"
        picture = self._pictures.get(key)
        if picture is None:
            picture = thumbnail(read().pixels, longest)
            self._pictures.put(key, picture, picture.nbytes)
        return Prepared(photo, picture, self.segment(photo, read))

    def segment(self, photo: Photo, read: Callable[[], ReadPhoto]) -> Segmented:
        """Returns what the network says of a photo; `read` is called only if that isn't known."""
        result = self._results.get(photo.key)
        if result is None:
            loaded = read()
            image = loaded.pixels
            with self._one_at_a_time:
                result = self._results.get(photo.key)  # who held the lock may have had this photo
                if result is None:
                    started = time.perf_counter()
                    prediction = self._model.predict(image)
                    seconds = time.perf_counter() - started
                    result = Segmented(prediction, image.shape[:2], seconds, loaded.note)
                    self._results.put(photo.key, result, prediction.probability.nbytes)
        return result
