"""What ties the two sides of a split together: copies of one picture, and cars on both sides.

A copy has the same pixels, or was saved again, resized or brightened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.names import counted
from training.data.folder import Sample
from training.data.sides import Split, divided_photo
from training.health.facts import ImageFacts, measure_photo
from training.health.findings import Finding, Severity
from training.health.index import FactsIndex

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


@dataclass(frozen=True)
class Placed:
    """A photo, and where it stands."""

    sample: Sample
    family: str
    """Whose car it shows (see `Dataset.family`)."""
    name: str
    """What a report calls it."""
    facts: ImageFacts | None = None
    """None where it is not measured yet."""
    train: bool = False
    """Whether the split trains on it."""
    val: bool = False
    """Whether the split keeps it for validation."""

    @property
    def car(self) -> tuple[str, str]:
        """Its family and car."""
        return self.family, self.sample.car

    @property
    def photo(self) -> tuple[str, str]:
        """Its family and the photo that it is, or was made from."""
        return self.family, divided_photo(self.sample)


def duplicate_findings(
    placed: Sequence[Placed], pictures: Callable[[Sequence[Sample]], list[bytes]], *, split: bool
) -> list[Finding]:
    """Returns the photos that are there twice: inside a side, across sides, across cars.

    Versions of one photo in augmented sets are no duplicates.

    Args:
        placed: Photos, with their sides where there is a split.
        pictures: Returns the small grey pictures of samples.
        split: Whether there is one.
    """
    measured = [(place, place.facts) for place in placed if place.facts is not None]
    photos = [place for place, _ in measured]
    same = find_duplicates(
        [facts for _, facts in measured],
        lambda places: pictures([photos[place].sample for place in places]),
    )
    exact = [[photos[place] for place in group] for group in same.exact]
    near = [[photos[first], photos[second]] for first, second in same.near]
    found = []
    for kind, what, groups in (
        ("exact", "equal pixels", exact),
        ("near", "the same picture", near),
    ):
        where: dict[str, list[list[Placed]]] = defaultdict(list)
        for group in groups:
            if len({place.photo for place in group}) > 1:
                where[_reach(group, split=split)].append(group)
        if kind == "near":
            where = {reach: _joined(pairs) for reach, pairs in where.items()}
        found += [_found(kind, what, reach, where[reach]) for reach in _REACHES if reach in where]
    return found


def split_findings(placed: Sequence[Placed], split: Split) -> list[Finding]:
    """Returns the cars on both sides of a split, and the photos on neither."""
    found = []
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    for place in placed:
        sides[place.car] |= {"train"} if place.train else set()
        sides[place.car] |= {"val"} if place.val else set()
    both = {car for car, where in sides.items() if len(where) == 2}
    if both:
        names = tuple(place.name for place in placed if place.car in both)
        title = counted(len(both), "car is", "cars are") + " on both sides of the split"
        advice = (
            f"{split.verdict().sentence()}. Scores of such a training flatter: the network has "
            "seen these cars. Split by car (python -m training split)."
        )
        details = tuple(f"car {place.sample.car}" for place in placed if place.car in both)
        found.append(Finding("car_on_both_sides", "error", title, names, advice, details=details))
    strangers = tuple(place.name for place in placed if not (place.train or place.val))
    if strangers:
        title = counted(len(strangers), "photo is", "photos are") + " on neither side of the split"
        advice = "A training refuses such data. Make a new split of it."
        found.append(Finding("not_in_split", "error", title, strangers, advice))
    return found


_REACHES: dict[str, tuple[Severity, str, str]] = {
    "sides": (
        "error",
        "across train and validation",
        "The network has seen what it is scored on. Take the copies out, or give these photos one "
        "car (--cars), so that a split keeps them together.",
    ),
    "cars": (
        "warning",
        "under different cars",
        "A split may set them on both sides, and validation would be of photos trained on. Take "
        "the copies out, or give these photos one car (--cars).",
    ),
    "within": (
        "warning",
        "of one car",
        "They count twice in training and in scores. Keep one of each.",
    ),
    "within_side": (
        "warning",
        "inside one side of the split",
        "They count twice in training or in scores. Keep one of each.",
    ),
}


def _reach(group: Sequence[Placed], *, split: bool) -> str:
    if any(place.train for place in group) and any(place.val for place in group):
        return "sides"
    if split:
        return "within_side"
    return "cars" if len({place.car for place in group}) > 1 else "within"


def _joined(pairs: Iterable[Sequence[Placed]]) -> list[list[Placed]]:
    """Returns pairs that share a photo as one group, so five copies are a group, not ten pairs."""
    group_of: dict[str, list[Placed]] = {}
    for pair in pairs:
        first, second = (group_of.setdefault(place.name, [place]) for place in pair)
        if first is second:
            continue
        small, large = sorted((first, second), key=len)
        large += small
        for place in small:
            group_of[place.name] = large
    unique = {id(group): group for group in group_of.values()}
    return [sorted(group, key=lambda place: place.name) for group in unique.values()]


def _found(kind: str, what: str, reach: str, groups: Sequence[Sequence[Placed]]) -> Finding:
    severity, where, advice = _REACHES[reach]
    names = tuple(place.name for group in groups for place in group)
    return Finding(
        f"{kind}_duplicates_{reach}",
        severity,
        f"{counted(len(groups), 'group')} of photos with {what} {where} "
        f"({counted(len(names), 'photo')})",
        names,
        advice,
        groups=tuple(tuple(place.name for place in group) for group in groups),
    )


_MOST = 300
"""Photos that are measured for it; of more, those that are measured already are looked through."""


def find_twin(
    photo: NDArray[np.uint8], samples: Sequence[Sample], index: FactsIndex
) -> Sample | None:
    """Returns the sample with an equal photo, or with a copy of it; None where there is none.

    A copy was saved anew, resized or brightened; see `find_duplicates`.

    Args:
        photo: RGB (H, W, 3).
        samples: Where to look.
        index: What was measured of them; what is missing is measured.
    """
    if len(index.missing(samples)) <= _MOST:
        index.update(samples, workers=0)
    known = [
        (sample, facts)
        for sample, facts in zip(samples, index.known(samples), strict=True)
        if facts is not None
    ]
    mine, picture = measure_photo(photo)
    others = [sample for sample, _ in known]

    def pictures(places: Sequence[int]) -> list[bytes]:
        found = index.pictures([others[place - 1] for place in places if place])
        return [found.pop(0) if place else picture for place in places]

    same = find_duplicates([mine, *(facts for _, facts in known)], pictures)
    exact = [place for group in same.exact if 0 in group for place in group]
    near = [place for pair in same.near if 0 in pair for place in pair]
    # Of an exact group only the first stands among the near ones, and this photo is the first.
    return next((others[place - 1] for place in [*exact, *near] if place), None)
