"""Photos that are there twice: the same pixels, or a copy saved again, resized or brightened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.health.facts import ImageFacts

HASH_BITS = 7
"""Bits in which the hashes of two copies may differ. Measured on copies of 60 photos (JPEG at 20
to 90, resized by 0.25 to 0.9, brightness by 0.8 to 1.1, gamma 0.8 and 1.2): at most 6."""
LEAST_CORRELATION = 0.993
"""Of the small pictures of two copies. Those copies have 0.997 and more, those brighter by 1.2
from 0.985 on; different cars of one colour at one view of a turntable at most 0.985."""
_BANDS, _BAND_BITS = 4, 16
_CHUNK = 1 << 21  # candidate pairs looked at in one go
_LEAST_CONTRAST = 4.0  # standard deviation in grey levels; below, pictures all look alike
_DARKEST, _BRIGHTEST = 5, 250  # grey levels beyond which a brighter copy is cut off

Pairs = NDArray[np.intp]


@dataclass(frozen=True)
class Duplicates:
    """Photos that show the same picture, by their place in the list that was looked through."""

    exact: tuple[tuple[int, ...], ...]
    """Groups whose pixels are equal."""
    near: tuple[tuple[int, int], ...]
    """Pairs that are copies, though their pixels differ; of an exact group the first stands."""


def find_duplicates(
    facts: Sequence[ImageFacts], pictures: Callable[[Sequence[int]], list[bytes]]
) -> Duplicates:
    """Returns which photos are there twice.

    Near duplicates are pairs whose perceptual hashes differ in at most HASH_BITS bits and whose
    small grey pictures correlate with at least LEAST_CORRELATION. The hash alone is not enough:
    it takes different cars at one view of a turntable for copies. Not found are copies that were
    mirrored, turned or cropped.

    Args:
        facts: What is known of the photos; those that can't be read are passed over.
        pictures: Returns the small grey pictures of photos, given by their places.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for place, fact in enumerate(facts):
        if fact.digest:
            groups[fact.digest].append(place)
    exact = tuple(tuple(group) for group in groups.values() if len(group) > 1)
    single = np.array([group[0] for group in groups.values()], np.intp)
    hashes = np.array([facts[place].phash for place in single], np.uint64)
    pairs = single[close_hashes(hashes, HASH_BITS)]
    kept = _confirmed(pairs, pictures)
    return Duplicates(exact, tuple(sorted((int(a), int(b)) for a, b in np.sort(kept, axis=1))))


def close_hashes(hashes: NDArray[np.uint64], bits: int) -> Pairs:
    """Returns the pairs of hashes that differ in at most `bits` bits, (n, 2), each pair once.

    Two hashes of 64 bits that differ in 7 bits or fewer have, of four bands of 16 bits, one in
    which they differ in one bit or none. So pairs are looked for by equal bands, with each bit of
    a band turned over once, and never all against all.

    Args:
        hashes: uint64 (n,).
        bits: 0 to 7.

    Raises:
        ValueError: Bits are more than the bands can promise.
    """
    if not 0 <= bits < 2 * _BANDS:
        raise ValueError(f"bits is {bits}; with {_BANDS} bands it must be 0 to {2 * _BANDS - 1}.")
    found = [np.empty((0, 2), np.intp)]
    for first, second in _candidates(hashes):
        near = np.bitwise_count(hashes[first] ^ hashes[second]) <= bits
        near &= first < second
        found.append(np.stack([first[near], second[near]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns how alike grey pictures are whatever their brightness and contrast, -1..1, (n,).

    Pixels that are black or white in one of two are left out where enough others remain: a copy
    made brighter lost what it had there. Pictures of hardly any contrast are like none: 0.

    Args:
        first: One picture a row, uint8 (n, pixels).
        second: What each row is compared with, of the same shape.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    inside = (np.minimum(a, b) > _DARKEST) & (np.maximum(a, b) < _BRIGHTEST)
    inside[inside.mean(axis=1) < 0.2] = True
    count = inside.sum(axis=1)
    a = np.where(inside, a - (a * inside).sum(axis=1, keepdims=True) / count[:, None], 0)
    b = np.where(inside, b - (b * inside).sum(axis=1, keepdims=True) / count[:, None], 0)
    spread_a, spread_b = (np.sqrt((each**2).sum(axis=1) / count) for each in (a, b))
    flat = np.minimum(spread_a, spread_b) < _LEAST_CONTRAST
    product = np.where(flat, 1.0, spread_a * spread_b)
    return np.where(flat, 0.0, (a * b).sum(axis=1) / count / product)


def _candidates(hashes: NDArray[np.uint64]) -> Iterator[tuple[Pairs, Pairs]]:
    """Yields places of hashes that agree in a band but for one bit, as many as fit a chunk."""
    for band in range(_BANDS):
        values = (hashes >> np.uint64(band * _BAND_BITS)) & np.uint64(2**_BAND_BITS - 1)
        order = np.argsort(values, kind="stable")
        ordered = values[order].astype(np.intp)
        bounds = np.searchsorted(ordered, np.arange(2**_BAND_BITS + 1))
        for turned in (0, *(1 << bit for bit in range(_BAND_BITS))):
            starts = bounds[ordered ^ turned]
            ends = np.cumsum(bounds[(ordered ^ turned) + 1] - starts)
            done = 0
            while done < len(ends):
                before = int(ends[done - 1]) if done else 0
                # At least one hash a chunk, however many it meets.
                until = max(done + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
                counts = np.diff(ends[done:until], prepend=before)
                here = np.repeat(np.arange(done, until), counts)
                within = np.arange(len(here)) - np.repeat(np.cumsum(counts) - counts, counts)
                yield order[here], order[np.repeat(starts[done:until], counts) + within]
                done = until


def _confirmed(pairs: Pairs, pictures: Callable[[Sequence[int]], list[bytes]]) -> Pairs:
    """Returns those of the pairs whose small pictures are alike."""
    places, inverse = np.unique(pairs, return_inverse=True)
    found = pictures([int(place) for place in places]) if len(places) else []
    size = max(map(len, found), default=0)
    # A photo without a picture (measured by none) is flat, so like no other.
    grey = np.zeros((len(found), size), np.uint8)
    for row, picture in enumerate(found):
        if picture:
            grey[row] = np.frombuffer(picture, np.uint8)
    rows = inverse.reshape(-1, 2)
    step = max(1, _CHUNK * 8 // max(size, 1))
    alike = [np.zeros(0, bool)]
    for at in range(0, len(rows), step):
        chunk = rows[at : at + step]
        alike.append(correlation(grey[chunk[:, 0]], grey[chunk[:, 1]]) >= LEAST_CORRELATION)
    kept: Pairs = pairs[np.concatenate(alike)]
    return kept
