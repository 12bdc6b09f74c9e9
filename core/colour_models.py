"""Whether a pixel's colour is the car's or the background's, by the colours close to it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_NOISE = 0.01
"""Standard deviation of a channel in [0, 1] that a model has at least: noise, compression."""
_STRONGEST = 8.0
"""Most that a single pixel's colour can say, as log odds; what no model foresaw says little."""
_FEWEST = 3
"""Pixels' worth of certain colours that a model needs."""
_SMOOTHING = 1.2
"""Standard deviation in px of the blur that takes noise out of the evidence."""


_DARK = 0.3
"""Brightest channel, in [0, 1], below which colour says little: tyres, black trim and the shadow
under a car are all alike, and the network knows better."""
_OTHERS = 0.5
"""Share of pixels at an edge whose colour is not of those close to it, but any of its side."""
_BINS = 16
"""Of a palette, for each channel."""


def palette(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> Floats:
    """Returns the log density (4096,) of the colours in part of a picture (H, W, 3)."""
    counts = cv2.calcHist(
        [picture], [0, 1, 2], where.view(np.uint8), [_BINS] * 3, [0, 256, 0, 256, 0, 256]
    )
    density = counts.ravel() + 0.02 * max(counts.sum(), 1) / _BINS**3
    return np.asarray(np.log(density * (_BINS**3 / density.sum())), np.float32)


def moments_of(colours: Floats) -> Floats:
    """Returns 1, the channels and their products, (H, W, 10), of colours (H, W, 3)."""
    r, g, b = cv2.split(colours)
    planes = [np.ones_like(r), r, g, b, r * r, g * g, b * b, r * g, r * b, g * b]
    return np.asarray(cv2.merge(planes), np.float32)


def colour_evidence(
    colours: Floats,
    moments: Floats,
    odds: Floats,
    band: NDArray[np.bool_],
    radius: int,
    palettes: tuple[Floats, Floats],
) -> Floats:
    """Returns log odds (H, W) of car by colour alone in the band, 0 elsewhere.

    Around each pixel the car's and the background's colours are a Gaussian each, weighted by how
    certain the pixels are so far.

    A share of the pixels has any colour of its side's palette instead: at an edge there are lamps,
    tyres and trim that the pixels next to them don't foresee.

    Source: Chuang et al. 2001, A Bayesian Approach to Digital Matting; here with local moments by
    box filters.

    Args:
        colours: RGB (H, W, 3) in [0, 1].
        moments: What `moments_of` gives for them.
        odds: Log odds of car so far, (H, W).
        band: Pixels to judge, (H, W).
        radius: Px that a model looks to each side.
        palettes: What `palette` gives for the car and for the background.
    """
    size = (2 * radius + 1, 2 * radius + 1)
    certainty = np.tanh(odds / 2)

    def nearby(weight: Floats) -> Floats:
        return np.asarray(cv2.blur(moments * weight[..., np.newaxis], size)[band], np.float32)

    car, rest = nearby(np.maximum(certainty, 0)), nearby(np.maximum(-certainty, 0))
    inside = colours[band]
    bins = (inside * np.float32(_BINS - 1e-3)).astype(np.intp)
    index = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    of_car, of_rest = (
        np.logaddexp(
            np.log1p(-_OTHERS) - _surprise(inside, local) / 2 - 1.5 * np.log(2 * np.pi),
            np.log(_OTHERS) + palette[index],
        )
        for local, palette in ((car, palettes[0]), (rest, palettes[1]))
    )
    found = np.clip(of_car - of_rest, -_STRONGEST, _STRONGEST)
    found *= np.square(np.minimum(inside.max(axis=1) / np.float32(_DARK), 1))
    least = _FEWEST / (size[0] * size[1])
    found[(car[:, 0] < least) | (rest[:, 0] < least)] = 0
    evidence = np.zeros(odds.shape, np.float32)
    evidence[band] = found
    weight = cv2.GaussianBlur(band.astype(np.float32), (0, 0), _SMOOTHING)
    evidence = np.asarray(cv2.GaussianBlur(evidence, (0, 0), _SMOOTHING), np.float32)
    evidence[band] /= weight[band]
    evidence[~band] = 0
    return evidence


def _surprise(colours: Floats, moments: Floats) -> Floats:
    """Returns minus twice the log likelihood (N,) of colours (N, 3) under Gaussians.

    Args:
        colours: (N, 3).
        moments: Weighted sums of each Gaussian, (N, 10) in the order of `moments_of`.
    """
    weight = np.maximum(moments[:, 0], np.float32(1e-6))
    r, g, b = mean = moments[:, 1:4].T / weight
    rr, gg, bb = moments[:, 4:7].T / weight - mean * mean + np.float32(_NOISE**2)
    rg, rb, gb = moments[:, 7:].T / weight - np.stack((r * g, r * b, g * b))
    # The inverse of the covariance by its cofactors, for 3 x 3 many times as fast as a solver.
    c_rr, c_gg, c_bb = gg * bb - gb * gb, rr * bb - rb * rb, rr * gg - rg * rg
    c_rg, c_rb, c_gb = rb * gb - rg * bb, rg * gb - rb * gg, rb * rg - rr * gb
    volume = np.maximum(rr * c_rr + rg * c_rg + rb * c_rb, np.float32(_NOISE**6 / 2))
    x, y, z = colours.T - mean
    square = x * x * c_rr + y * y * c_gg + z * z * c_bb
    square += 2 * (x * y * c_rg + x * z * c_rb + y * z * c_gb)
    return np.asarray(np.maximum(square / volume, 0) + np.log(volume), np.float32)
