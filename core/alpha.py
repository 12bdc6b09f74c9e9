"""From a mask to soft alpha: the share of each pixel along the edge that is car.

A network knows an edge to about a pixel of its grid, which may be ten of a large photo, and says by
how steeply its probability falls how well it knows it. Within that reach the photo decides: from a
coarse size to the photo's own, the colours on either side of the edge say whose a pixel is. At the
end alpha is what mixes both sides' colours to the pixel's, in a band of a few pixels.

`benchmarks/alpha.py` measures it; docs/cutout.md has the figures.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.colour_models import colour_evidence, moments_of, palette
from core.masks import Mask, Probability, require_pair, require_probability
from core.tiles import MARGIN, Tiles, in_tiles

Photo = NDArray[np.uint8]
Floats = NDArray[np.float32]
Palettes = tuple[Floats, Floats]

_CERTAIN = 6.0
"""Log odds of what lies outside the band."""
_REACH = 2.0
"""Half of the band's width at the start, in spreads of the edge."""
_RADIUS, _FINE_RADIUS = MARGIN, 8
"""Px that the colour models look around a pixel, at the start and at finer sizes."""
_ROUNDS = 2
"""How often models and pixels are told apart anew."""
_TRUST = 1.0
"""Weight of the colours against what the network said."""
_TOGETHER, _TOGETHER_SIGMA = 3.0, 5 / 3
"""Weight of the neighbours' verdicts, and the standard deviation in px of their distance."""
_CARRIED = 0.25
"""Share of the log odds that a finer size starts with."""
_GRID = 1000
"""Px along the longer side that a mask without a probability is taken to be exact to."""
_SHARP, _SPREAD = 3.0, 0.7
"""Px of the network's grid over which its probability rises where it knows an edge as well as it
can, and how much further off an edge is for each px more."""
_NEAREST = 0.3
"""Least spread of an edge, px of the network's grid."""
_LEAST, _WIDEST = 0.4, 8.0
"""Least and most spread of an edge, px of the size at the start."""
_SAMPLES = 4
"""Px around a pixel in which the two colours that it mixes are looked for."""
_BLUR = 0.8
"""Standard deviation in px of a sharp edge in a photo."""
_SPREAD_OF_COLOUR, _SPREAD_OF_ALPHA = 0.02, 0.2
"""How far a pixel's colour, in [0, 1], and its alpha may be off the mix and the blurred edge."""


_AROUND = np.ones((3, 3), np.uint8)


def estimate_alpha(photo: Photo, mask: Mask, probability: Probability | None = None) -> Floats:
    """Returns alpha, float32 (H, W) in [0, 1]: the mask away from its edge, soft along it.

    Args:
        photo: RGB (H, W, 3).
        mask: The car, bool (H, W).
        probability: The network's, float32 (h, w) in [0, 1] on any grid: it tells how exactly the
            edge is known. Where it has no edge, the mask was edited and is taken to be exact.

    Raises:
        ImageError: The photo has a wrong shape or dtype.
        MaskError: Mask or probability have a wrong shape, dtype or range.
    """
    require_pair(photo, mask)
    cell = max(mask.shape) / _GRID
    if probability is not None:
        require_probability(probability)
        cell = math.sqrt(mask.size / probability.size)
    if mask.all() or not mask.any():
        return mask.astype(np.float32)
    halvings = max(0, math.floor(math.log2(max(cell, 1)) + 0.25))
    spread = None if probability is None else cell * edge_spread(probability)
    pictures = [photo]
    for _ in range(halvings):
        pictures.append(_halved(pictures[-1]))
    odds, band = _start(mask, spread, cell, pictures[-1].shape[:2])
    exact = _exact(mask, spread, pictures[-1].shape[:2])
    palettes = (
        palette(pictures[-1], (odds > 0) & ~band),
        palette(pictures[-1], (odds < 0) & ~band),
    )
    odds = _solved(pictures[-1], odds, band, palettes)
    for picture in pictures[-2:0:-1]:
        odds = _refined(picture, odds, palettes)
    return _finished(photo, odds, mask, exact, cell, palettes)


def edge_spread(probability: Probability) -> Floats:
    """Returns how far the true edge may lie from the network's, px of its grid, (h, w).

    On drawn cars over photos, two of three edges lie within 1 px where the probability rises from 0
    to 1 over 3 px, within 2.8 px where it does over 6, and within 4.4 px where it does over 10. The
    spread is 0 where the network has no edge: a mask that has one there was edited.
    """
    smooth = cv2.GaussianBlur(probability.astype(np.float32), (0, 0), 0.5)
    slope = np.hypot(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REPLICATE),
        cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REPLICATE),
    )
    at_edge = np.square(4 * smooth * (1 - smooth))
    weight = cv2.blur(at_edge, (7, 7))
    width = weight / np.maximum(cv2.blur(at_edge * slope, (7, 7)), weight / 50 + 1e-9)
    spread = np.clip(_SPREAD * (width - _SHARP), _NEAREST, None)
    return np.where(weight > 1e-3, spread, 0).astype(np.float32)


def _halved(picture: Photo) -> Photo:
    """Returns a picture of half the size; an odd last row or column goes on by one."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        how = cv2.BORDER_REPLICATE
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, how)  # type: ignore[assignment]
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _start(
    mask: Mask, spread: Floats | None, cell: float, shape: tuple[int, int]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns the log odds of car by the network alone, and where they are open.

    Args:
        mask: The car, (H, W).
        spread: How far off the edge may be, px of the photo, on any grid; None if that isn't known.
        cell: Px of the photo that a pixel of the network's grid is wide.
        shape: Height and width of the results.
    """
    height, width = shape
    ratio = max(shape) / max(mask.shape)
    inside = _small_mask(mask, shape) >= 128
    distance = np.where(inside, _depth(inside) - 0.5, 0.5 - _depth(~inside))
    if spread is None:
        far: Floats = np.full(shape, cell * ratio, np.float32)
    else:
        grown = cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR)
        far = np.clip(grown * np.float32(ratio), _LEAST, _WIDEST)
    odds = np.clip(distance / far, -_CERTAIN, _CERTAIN).astype(np.float32)
    band = np.abs(distance) < _REACH * far
    return np.where(band, odds, np.where(inside, _CERTAIN, -_CERTAIN)).astype(np.float32), band


def _small_mask(mask: Mask, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns the mask's share of each pixel of a smaller picture, 0 to 255."""
    levels = mask.view(np.uint8) * np.uint8(255)
    while levels.shape != shape:
        levels = _halved(levels)
    return levels


def _exact(mask: Mask, spread: Floats | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns where the mask is taken as it is, (H, W): it was edited, or is thin.

    Thin are parts and gaps that the smallest picture, whose shape is given, is too coarse for.
    """
    exact = np.zeros(mask.shape, np.bool_)
    if shape != mask.shape:
        small = (_small_mask(mask, shape) >= 128).view(np.uint8)
        outside = _enlarged(cv2.dilate(small, _AROUND), mask.shape) == 0  # type: ignore[arg-type]
        inside = _enlarged(cv2.erode(small, _AROUND), mask.shape) > 0  # type: ignore[arg-type]
        thin = (mask & outside) | (~mask & inside)
        exact |= cv2.dilate(thin.view(np.uint8), _AROUND, iterations=3) > 0
    if spread is not None:
        edited = cv2.resize(
            (spread == 0).view(np.uint8), mask.shape[::-1], interpolation=cv2.INTER_NEAREST
        )
        exact |= (edited > 0) & _near_edge(mask, 3)
    return exact


def _depth(area: NDArray[np.bool_]) -> Floats:
    """Returns how far each pixel of an area lies from the pixels that are not in it."""
    if area.all():  # nothing to measure to, which OpenCV leaves undefined
        return np.full(area.shape, max(area.shape), np.float32)
    return np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 5), np.float32)


def _solve(
    colours: Floats,
    start: Floats,
    band: NDArray[np.bool_],
    palettes: Palettes,
    radius: int,
) -> Floats:
    """Returns log odds (H, W) of car: the network's, the colours' and the neighbours' together.

    Source: mean field of a Potts model, Krähenbühl and Koltun 2011, with neighbours near by only.

    Args:
        colours: RGB (H, W, 3) in [0, 1].
        start: Log odds so far; they stay outside the band.
        band: What is open, (H, W).
        palettes: Of the car and of the background, as a whole.
        radius: Px that the colour models look.
    """
    moments = moments_of(colours)
    odds = start
    for _ in range(_ROUNDS):
        own = start + _TRUST * colour_evidence(colours, moments, odds, band, radius, palettes)
        for _ in range(3):
            others = cv2.GaussianBlur(np.tanh(odds / 2), (0, 0), _TOGETHER_SIGMA)
            found = np.clip(own + _TOGETHER * others, -_CERTAIN, _CERTAIN)
            odds = np.where(band, found, start)
    return odds


def _solved(picture: Photo, odds: Floats, band: NDArray[np.bool_], palettes: Palettes) -> Floats:
    """Returns the log odds of a whole picture, (H, W), where those in the band are open."""
    result = odds.copy()

    def work(tiles: Tiles) -> None:
        colours = tiles.gather(picture).astype(np.float32) / np.float32(255)
        open_, start = tiles.gather(band), tiles.gather(odds)
        found = _solve(colours, start, open_, palettes, _RADIUS)
        tiles.scatter(found, result)

    in_tiles(band, work)
    return result


def _near_edge(inside: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Returns which pixels have an area's edge within a distance in px."""
    area = inside.view(np.uint8)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(area, kernel) != cv2.erode(area, kernel))


def _enlarged(plane: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a plane of a half, quarter, ... of a size at that size, by repeating its pixels."""
    factor = 1
    while plane.shape[0] * factor < shape[0] or plane.shape[1] * factor < shape[1]:
        factor *= 2
    size = (plane.shape[1] * factor, plane.shape[0] * factor)
    grown = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return grown[: shape[0], : shape[1]]


def _refined(picture: Photo, half: Floats, palettes: Palettes) -> Floats:
    """Returns the log odds of a picture, (H, W), from those at half its size."""
    shape = picture.shape[:2]
    inside = _enlarged((half > 0).view(np.uint8), shape)
    band = _enlarged(_near_edge(half > 0, 1).view(np.uint8), shape).astype(np.bool_)
    result = np.where(inside > 0, np.float32(_CERTAIN), np.float32(-_CERTAIN))

    def work(tiles: Tiles) -> None:
        tiles.scatter(_refined_tiles(picture, half, band, palettes, tiles), result)

    in_tiles(band, work)
    return result


def _refined_tiles(
    picture: Photo, half: Floats, band: NDArray[np.bool_], palettes: Palettes, tiles: Tiles
) -> Floats:
    """Returns the log odds of some tiles from those at half the size."""
    colours = tiles.gather(picture).astype(np.float32) / np.float32(255)
    open_, start = tiles.gather(band), tiles.gather_enlarged(half)
    certain = np.where(start > 0, np.float32(_CERTAIN), np.float32(-_CERTAIN))
    start = np.where(open_, _CARRIED * start, certain)
    return _solve(colours, start, open_, palettes, _FINE_RADIUS)


def _finished(
    photo: Photo,
    odds: Floats,
    mask: Mask,
    exact: NDArray[np.bool_],
    cell: float,
    palettes: Palettes,
) -> Floats:
    """Returns alpha (H, W) of a photo.

    Args:
        photo: RGB (H, W, 3).
        odds: Log odds of car at the photo's size, or at half of it.
        mask: The car, (H, W).
        exact: Where the mask is taken as it is, (H, W).
        cell: Px of the photo that a pixel of the network's grid is wide.
        palettes: Of the car and of the background, as a whole.
    """
    shape = photo.shape[:2]
    blur = min(max(_BLUR, cell / 5), 3.0)  # large photos are less sharp, pixel by pixel
    reach = math.ceil(2.5 * blur)
    whole = odds.shape == shape
    inside = _enlarged((odds > 0).view(np.uint8), shape)
    near = _near_edge(odds > 0, reach if whole else max(2, math.ceil(reach / 2)))
    near = _enlarged(near.view(np.uint8), shape).astype(np.bool_)
    alpha = inside.astype(np.float32)

    def work(tiles: Tiles) -> None:
        colours = tiles.gather(photo).astype(np.float32) / np.float32(255)
        found = tiles.gather(odds) if whole else _refined_tiles(photo, odds, near, palettes, tiles)
        smooth = cv2.GaussianBlur((found > 0).astype(np.float32), (0, 0), _BLUR) > 0.5
        edge = np.where(tiles.gather(exact), tiles.gather(mask), smooth)
        tiles.scatter(_mixing(colours, edge.view(np.uint8), blur, reach), alpha)

    in_tiles(near | exact, work)
    return alpha


def _mixing(colours: Floats, edge: NDArray[np.uint8], blur: float, reach: int) -> Floats:
    """Returns alpha (H, W): what mixes the colours on either side to the pixel's.

    Where the two sides have nearly one colour, it is that of a blurred edge instead: alpha is the
    most likely one if both are right but for normal errors.

    Args:
        colours: RGB (H, W, 3) in [0, 1].
        edge: 1 where the car is, else 0, (H, W).
        blur: Standard deviation of the photo's blur in px.
        reach: Px from the edge beyond which alpha is 0 or 1.
    """
    expected = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), blur)
    car = cv2.erode(edge, _AROUND).astype(np.float32) + np.float32(1e-3) * edge
    rest = (cv2.dilate(edge, _AROUND) == 0).astype(np.float32) + np.float32(1e-3) * (1 - edge)
    size = (2 * (_SAMPLES + reach - 2) + 1,) * 2

    square = np.einsum("ijc,ijc->ij", colours, colours)

    def near(weight: Floats) -> tuple[Floats, Floats]:
        """Returns the mean of a side's colours, and their variance."""
        total = np.maximum(cv2.blur(weight, size), np.float32(1e-6))
        mean = cv2.blur(colours * weight[..., np.newaxis], size) / total[..., np.newaxis]
        variance = cv2.blur(square * weight, size) / total - np.einsum("ijc,ijc->ij", mean, mean)
        return np.asarray(mean, np.float32), np.asarray(np.maximum(variance, 0), np.float32)

    (foreground, own), (background, other) = near(car), near(rest)
    contrast = foreground - background
    noise = np.float32(_SPREAD_OF_COLOUR**2) + (own + other) / 4
    along = np.einsum("ijc,ijc->ij", colours - background, contrast) / noise
    weight = np.einsum("ijc,ijc->ij", contrast, contrast) / noise
    trust = 1 / _SPREAD_OF_ALPHA**2
    mixed = np.clip((along + trust * expected) / (weight + trust), 0, 1)
    return np.where(_near_edge(edge > 0, reach), mixed, edge).astype(np.float32)
