"""The car's own colours along its edge, where the photo has mixed them with the background's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.tiles import SIDE, Tiles, in_tiles

Floats = NDArray[np.float32]

_OPAQUE = 254.5 / 255
"""Alpha from which a pixel shows the car alone: less than half a level of something else."""
_ROUNDS, _FIRST_ROUNDS = 3, 10
"""Iterations at each size, and at the smallest."""
_EVEN = 1e-5
"""Weight of neighbours being of one colour where alpha is even; it grows with alpha's slope."""


def estimate_foreground(photo: NDArray[np.uint8], alpha: Floats) -> NDArray[np.uint8]:
    """Returns the photo (H, W, 3) with the car's own colours where alpha is between 0 and 1.

    They go on for a pixel outside of the car, so that it can be resampled.

    Source: Germer et al. 2020, Fast Multi-Level Foreground Estimation; here in tiles along the
    edge, each with its own smaller sizes.

    Args:
        photo: RGB (H, W, 3).
        alpha: Share of each pixel that is car, (H, W) in [0, 1].
    """
    foreground = photo.copy()

    def work(tiles: Tiles) -> None:
        colours, shares = tiles.gather(photo), tiles.gather(alpha)
        mixed = ((shares > 0) & (shares < _OPAQUE)).view(np.uint8)
        wanted = (cv2.dilate(mixed, np.ones((3, 3), np.uint8)) > 0) & (shares < _OPAQUE)
        car, _ = _separated(colours.astype(np.float32), shares, wanted, SIDE)
        colours[wanted] = np.rint(np.clip(car[wanted], 0, 255))
        tiles.scatter(colours, foreground)

    in_tiles((alpha > 0) & (alpha < _OPAQUE), work)
    return foreground


def _separated(
    colours: Floats, alpha: Floats, wanted: NDArray[np.bool_], side: int
) -> tuple[Floats, Floats]:
    """Returns the colours of car and background, (N side, side, 3) each, of tiles below each other.

    Args:
        colours: The mixed ones, (N side, side, 3).
        alpha: (N side, side).
        wanted: Where they are estimated, (N side, side); elsewhere they are a first guess.
        side: Of a tile in px.
    """
    if side % 2:
        car = _mean_of_tiles(colours, alpha, side)
        background = _mean_of_tiles(colours, 1 - alpha, side)
        wanted, rounds = np.ones_like(wanted), _FIRST_ROUNDS
    else:
        half, width = side // 2, alpha.shape[0] // 2
        around = np.asarray(wanted.reshape(width, 2, half, 2).any(axis=(1, 3)))
        pair = _separated(_shrunk(colours), _shrunk(alpha), around, half)
        car, background = (part.repeat(2, axis=0).repeat(2, axis=1) for part in pair)
        rounds = _ROUNDS
    _settle(car, background, colours, alpha, wanted, rounds)
    return car, background


def _shrunk(plane: Floats) -> Floats:
    """Returns a plane of half the size."""
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _mean_of_tiles(colours: Floats, weight: Floats, side: int) -> Floats:
    """Returns each tile filled with the mean of its colours, by weights."""
    squares = np.square(weight).reshape(-1, side * side, 1)
    total = (colours.reshape(-1, side * side, 3) * squares).sum(axis=1, keepdims=True)
    mean = total / np.maximum(squares.sum(axis=1, keepdims=True), 1e-6)
    return np.broadcast_to(mean, (len(mean), side * side, 3)).reshape(colours.shape).copy()


def _settle(
    car: Floats,
    background: Floats,
    colours: Floats,
    alpha: Floats,
    wanted: NDArray[np.bool_],
    rounds: int,
) -> None:
    """Moves both sides' colours, in place, to where they mix to the photo's and are even."""
    width = alpha.shape[1]
    places = np.flatnonzero(wanted)
    shares, mixed = alpha.ravel(), colours.reshape(-1, 3)
    sides = car.reshape(-1, 3), background.reshape(-1, 3)
    sides[0][shares >= _OPAQUE] = mixed[shares >= _OPAQUE]
    sides[1][shares <= 0] = mixed[shares <= 0]
    own = shares[places, np.newaxis]
    neighbours = [np.clip(places + step, 0, len(shares) - 1) for step in (-1, 1, -width, width)]
    weights = [_EVEN + np.abs(own - shares[each, np.newaxis]) for each in neighbours]
    total = sum(weights[1:], weights[0])
    first, both, second = own**2 + total, own * (1 - own), (1 - own) ** 2 + total
    volume = first * second - both**2
    seen = mixed[places]
    for _ in range(rounds):
        front, back = own * seen, (1 - own) * seen
        for each, weight in zip(neighbours, weights, strict=True):
            front = front + weight * sides[0][each]
            back = back + weight * sides[1][each]
        sides[0][places] = np.clip((second * front - both * back) / volume, 0, 255)
        sides[1][places] = np.clip((first * back - both * front) / volume, 0, 255)
