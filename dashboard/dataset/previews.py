"""The studio's pictures: photos as training squares, augmented, with their masks laid over.

What is slow is kept: the photo is read once, a recipe is built once.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.drawing import OverlayStyle, overlay
from core.image import encode_jpeg, thumbnail
from core.masks import car_share
from dashboard.dataset.applied_text import applied_lines
from training.augment.recipe import Recipe
from training.data.folder import Sample

if TYPE_CHECKING:
    from training.augment.compose import Augmenter

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]

SIZES = (128, 256, 384, 512, 640)
"""Sides in px of the squares to choose from."""
MASK, OUTLINE, PHOTO = "Mask", "Outline", "Photo only"
SHOWN = (MASK, OUTLINE, PHOTO)
_ONE_AT_A_TIME = Lock()
"""A recipe holds its random numbers while it works, and all sessions share it."""
_LONGEST = 640
_QUALITY = 86


@dataclass(frozen=True)
class Version:
    """One augmented version of a photo, ready for the browser."""

    epoch: int
    jpeg: bytes
    share: float
    """The car's share of the picture, in [0, 1]."""
    lines: tuple[str, ...]
    """What was done to it, one transform a line."""


def draw(shown: str, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> bytes:
    """Returns a picture (H, W, 3) with its mask (H, W) as JPEG of at most 640 px.

    Args:
        shown: One of `SHOWN`.
        image: uint8.
        mask: bool.
    """
    if shown == MASK:
        image = overlay(image, mask, OverlayStyle())
    elif shown == OUTLINE:
        image = overlay(image, mask, OverlayStyle(opacity=0, outline=5))
    return encode_jpeg(thumbnail(image, _LONGEST), _QUALITY)


def sample_key(sample: Sample) -> str:
    """Returns what tells a sample, as its files are now, from all others."""
    facts = []
    for path in (sample.image_path, sample.mask.path):
        try:
            stat = path.stat()
        except OSError:
            facts.append("missing")
        else:
            facts.append(f"{stat.st_mtime_ns}/{stat.st_size}")
    return f"{sample.image_path}|{sample.mask.path}|{sample.mask.selector}|{'|'.join(facts)}"


def square(sample: Sample, size: int) -> Pair:
    """Returns a photo and its mask's levels as training starts from them; not to be written to.

    Raises:
        CarmaskError: The photo or its mask can't be read.
    """
    return _square(sample_key(sample), size, sample)


@st.cache_resource(max_entries=24, show_spinner=False)
def _square(key: str, size: int, _sample: Sample) -> Pair:
    from training.augment.compose import resized

    return resized(*_sample.read(), size)


def augmenter(recipe: Recipe, size: int) -> Augmenter:
    """Returns a recipe ready to use, built once.

    Raises:
        CarmaskError: A folder that the recipe names is missing.
    """
    return _augmenter(recipe.fingerprint(), size, recipe)


@st.cache_resource(max_entries=24, show_spinner=False)
def _augmenter(fingerprint: str, size: int, _recipe: Recipe) -> Augmenter:
    from training.augment.compose import Augmenter

    return Augmenter(_recipe, size)


def versions(
    sample: Sample, place: int, recipe: Recipe, size: int, seed: int, epochs: range, shown: str
) -> list[Version]:
    """Returns what a photo becomes in some epochs.

    Args:
        sample: The photo.
        place: Its place in the dataset, which is the index that its numbers are drawn from.
        recipe: The recipe.
        size: Side of the square in px.
        seed: The seed.
        epochs: The epochs, from 1.
        shown: How the mask is drawn, one of `SHOWN`.

    Raises:
        CarmaskError: The photo, its mask or a folder of the recipe can't be read.
    """
    key = sample_key(sample)
    known = recipe.fingerprint()
    return [
        _version(key, known, size, seed, epoch, place, shown, sample, recipe) for epoch in epochs
    ]


@st.cache_data(max_entries=256, show_spinner=False)
def _version(
    key: str,
    fingerprint: str,
    size: int,
    seed: int,
    epoch: int,
    place: int,
    shown: str,
    _sample: Sample,
    _recipe: Recipe,
) -> Version:
    # Copies: a transform may write into what it is given, and the square is shared.
    image, levels = (each.copy() for each in square(_sample, size))
    ready = augmenter(_recipe, size)
    with _ONE_AT_A_TIME:
        made = ready.traced(image, levels, seed=seed, epoch=epoch, index=place)
    lines = applied_lines((each.transform, each.parameters) for each in made.applied)
    jpeg = draw(shown, made.image, made.mask)
    return Version(epoch, jpeg, car_share(made.mask), tuple(lines))
