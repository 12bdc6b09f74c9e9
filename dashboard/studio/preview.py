"""The finished picture at a screen's size, while the recipe is being changed."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.batch import Progress, seconds_left
from core.errors import CarmaskError
from core.image import encode_jpeg, thumbnail
from core.listing.car import Car, CarBox, cut_car, mask_settings
from core.listing.compose import Picture, compose, place_photo, shared_series
from core.listing.place import Series
from core.listing.recipe import ListingRecipe
from core.listing.steps import CutOut, Place, Plate, Straighten
from core.session import BoundedCache, Photo, PredictionSession, Prepared
from dashboard.ui.batch_progress import show_batch_progress

LONGEST = 960
"""Longest side in px of the copies that previews are made of, and of previews."""
_LONGEST_TILE = 200
_CARS_BYTES = 120_000_000
_SQUARE = 12  # px of the checkerboard under what is transparent
_LIGHT, _DARK = 245, 215


@dataclass(frozen=True)
class Preview:
    """A photo and the picture made of it, at a screen's size."""

    photo: NDArray[np.uint8]
    """The whole photo, uint8 (h, w, 3)."""
    picture: Picture
    """What was made of it."""

    @property
    def before(self) -> bytes:
        """The photo where it lies in the picture's frame, JPEG."""
        height, width = self.picture.pixels.shape[:2]
        return encode_jpeg(place_photo(self.photo, self.picture.placement, width, height), 85)

    @property
    def after(self) -> bytes:
        """The picture, JPEG; what is transparent lies on a checkerboard."""
        return picture_jpeg(self.picture.pixels)


def draw_preview(
    session: PredictionSession, prepared: Prepared, recipe: ListingRecipe, series: Series
) -> Preview | None:
    """Returns what a recipe makes of a photo; None where there is no car.

    Args:
        session: What predicted.
        prepared: The photo's copy with its result.
        recipe: The photo's steps.
        series: What the photos of its series share.

    Raises:
        CarmaskError: A picture of the recipe can't be read.
    """
    car = _car(session, prepared, recipe)
    if car is None:
        return None
    height, width = prepared.result.shape
    picture = compose(car, recipe, photo=(width, height), series=series, longest=LONGEST)
    return Preview(prepared.picture, picture)


def picture_jpeg(pixels: NDArray[np.uint8], longest: int = LONGEST) -> bytes:
    """Returns a picture, RGB or RGBA uint8, as JPEG for a screen."""
    small = thumbnail(pixels, longest)
    return encode_jpeg(small if small.shape[2] == 3 else _on_checkerboard(small), 88)


def tile_jpeg(picture: Picture) -> bytes:
    """Returns a finished picture as a small JPEG."""
    return picture_jpeg(picture.pixels, _LONGEST_TILE)


def _on_checkerboard(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.indices(pixels.shape[:2]) // _SQUARE
    ground = np.where((rows + columns) % 2, _DARK, _LIGHT)[..., None]
    share = pixels[..., 3:] / np.float32(255)
    return np.asarray(np.rint(pixels[..., :3] * share + ground * (1 - share)), np.uint8)


def _car(session: PredictionSession, prepared: Prepared, recipe: ListingRecipe) -> Car | None:
    """Returns a photo's car, cut out once for steps that don't change it."""
    cars: BoundedCache[Car] = st.session_state.setdefault(
        "studio_cars", BoundedCache[Car](_CARS_BYTES)
    )
    steps = recipe.only(CutOut, Plate, Straighten)
    mask = prepared.result.mask(
        mask_settings(recipe, session.model.threshold), prepared.picture.shape[:2]
    )
    digest = hashlib.blake2b(mask.tobytes(), digest_size=16).hexdigest()
    key = f"{prepared.photo.key}/{digest}/{steps.fingerprint()}"
    car = cars.get(key)
    if car is None:
        car = cut_car(prepared.picture, mask, prepared.result.edge_probability, recipe)
        if car is not None:
            cars.put(key, car, car.colour.nbytes + car.alpha.nbytes)
    return car


def known_series(
    photos: list[Photo], recipe: ListingRecipe, *, session: PredictionSession, measure: bool
) -> Series | None:
    """Returns what the photos of a series share; None where that is not measured yet.

    Args:
        photos: The photos that are not skipped.
        recipe: The steps.
        session: What predicts.
        measure: Whether to measure now, with a progress bar.
    """
    step = recipe.find(Place)
    if step is None or step.series == "each" or len(photos) < 2:
        return Series()
    boxes = _boxes(photos, recipe, session, measure=measure)
    return None if boxes is None else shared_series(recipe, boxes)


def _boxes(
    photos: list[Photo], recipe: ListingRecipe, session: PredictionSession, *, measure: bool
) -> list[CarBox] | None:
    """Returns where the cars are in their photos, one by one as far as there is one."""
    known: dict[str, CarBox | None] = st.session_state.setdefault("studio_boxes", {})
    keys = [_box_key(photo, recipe) for photo in photos]
    missing = [place for place, key in enumerate(keys) if key not in known]
    if missing and not measure:
        return None
    line, began = st.empty(), time.monotonic()
    for done, place in enumerate(missing):
        with line:
            left = seconds_left(began, done, len(missing))
            show_batch_progress(Progress("running", done, len(missing), left), "Measuring")
        try:
            prepared = session.prepare(photos[place], LONGEST)
            own = recipe.for_photo(photos[place].source.name)
            car = _car(session, prepared, own)
        except CarmaskError:  # its own preview says why
            car = None
        known[keys[place]] = None if car is None else car.box
    line.empty()
    return [box for key in keys if (box := known[key]) is not None]


def _box_key(photo: Photo, recipe: ListingRecipe) -> str:
    own = recipe.for_photo(photo.source.name)
    return f"{photo.key}/{own.only(CutOut, Straighten).fingerprint()}"


def photo_tile(photo: Photo) -> bytes:
    """Returns a photo as a small JPEG; empty where it can't be read."""
    tiles: BoundedCache[bytes] = st.session_state.setdefault(
        "studio_tiles", BoundedCache[bytes](20_000_000)
    )
    jpeg = tiles.get(photo.key)
    if jpeg is None:
        try:
            jpeg = encode_jpeg(thumbnail(photo.source.read(), _LONGEST_TILE), 80)
        except CarmaskError:
            jpeg = b""
        tiles.put(photo.key, jpeg, len(jpeg) + 1)
    return jpeg
