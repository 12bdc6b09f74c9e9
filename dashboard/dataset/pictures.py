"""Small and large pictures of a data folder's photos with their masks, kept for all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import OverlayStyle, overlay
from core.errors import CarmaskError
from core.image import encode_jpeg, read_image, thumbnail
from core.preprocess import resize_mask
from core.session import BoundedCache
from training.data.folder import Sample

LONGEST_TILE, LONGEST_LARGE = 320, 1400
"""Longest side in px of a picture in the grid, and of one that stands alone."""
_THREADS = 4
_TILES_WEIGH = 96_000_000  # bytes: some 6,000 tiles
_PAIRS_WEIGH = 128_000_000
_TILE_STYLE = OverlayStyle(outline=5.0)  # a line of 2 px at a tile's size


@dataclass(frozen=True)
class Thumb:
    """A small picture, or why there is none."""

    jpeg: bytes
    """Empty where the photo can't be read."""
    ratio: float = 1.5
    """Width over height."""
    error: str = ""
    """Why photo or mask can't be read."""


@dataclass(frozen=True)
class Pair:
    """A photo at the size of a screen, with its mask."""

    image: NDArray[np.uint8] | None
    """RGB (h, w, 3); None where the photo can't be read."""
    mask: NDArray[np.bool_] | None
    """(h, w); None where it can't be read."""
    error: str = ""
    """Why one of them can't be read."""


class Pictures:
    """Reads pictures in a few threads and keeps them, as much as fits."""

    def __init__(self) -> None:
        self._tiles: BoundedCache[Thumb] = BoundedCache(_TILES_WEIGH)
        self._pairs: BoundedCache[Pair] = BoundedCache(_PAIRS_WEIGH)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="carmask-tiles")

    def tiles(self, samples: Sequence[Sample], *, masks: bool) -> list[Thumb]:
        """Returns the samples' small pictures, with their masks laid over or not."""
        return [future.result() for future in self._asked(samples, masks)]

    def prepare(self, samples: Sequence[Sample], *, masks: bool) -> None:
        """Has small pictures made that will likely be asked for next; doesn't wait for them."""
        self._asked(samples, masks)

    def pair(self, sample: Sample) -> Pair:
        """Returns a photo and its mask for the large view."""
        key = _key(sample)
        pair = self._pairs.get(key)
        if pair is None:
            pair = _read_pair(sample, LONGEST_LARGE)
            weight = 0 if pair.image is None else pair.image.nbytes
            self._pairs.put(key, pair, weight + 1000)
        return pair

    def _asked(self, samples: Sequence[Sample], masks: bool) -> list[Future[Thumb]]:
        return [self._threads.submit(self._tile, sample, masks) for sample in samples]

    def _tile(self, sample: Sample, masks: bool) -> Thumb:
        key = f"{_key(sample)}\0{masks}"
        tile = self._tiles.get(key)
        if tile is None:
            tile = _make_tile(sample, masks)
            self._tiles.put(key, tile, len(tile.jpeg) + 1000)
        return tile


@st.cache_resource(show_spinner=False)
def pictures() -> Pictures:
    """Returns the pictures of all sessions."""
    return Pictures()


def _make_tile(sample: Sample, masks: bool) -> Thumb:
    pair = _read_pair(sample, LONGEST_TILE, with_mask=masks)
    if pair.image is None:
        return Thumb(b"", error=pair.error)
    drawn = pair.image
    if pair.mask is not None:
        drawn = overlay(drawn, pair.mask, _TILE_STYLE)
    height, width = drawn.shape[:2]
    return Thumb(encode_jpeg(drawn, 82), width / height, pair.error)


def _read_pair(sample: Sample, longest: int, *, with_mask: bool = True) -> Pair:
    try:
        image = read_image(sample.image_path)
    except (CarmaskError, OSError) as error:
        return Pair(None, None, str(error))
    small = thumbnail(image, longest)
    if not with_mask:
        return Pair(small, None)
    try:
        mask = sample.mask.read((image.shape[0], image.shape[1]))
    except (CarmaskError, OSError) as error:
        return Pair(small, None, str(error))
    return Pair(small, resize_mask(mask, small.shape[0], small.shape[1]))


def _key(sample: Sample) -> str:
    """Returns what changes whenever the photo or its mask does."""
    times = []
    for path in (sample.image_path, sample.mask.path):
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return f"{sample.image_path}\0{sample.mask.path}\0{sample.mask.selector}\0{times}"
