"""What ties the two sides of a split together: copies of one picture, and cars on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.names import counted
from training.data.folder import Sample
from training.data.sides import Split, divided_photo
from training.health.duplicates import find_duplicates
from training.health.facts import ImageFacts
from training.health.findings import Finding, Severity


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


def sides_of(
    split: Split, family: str
) -> tuple[Callable[[Sample], bool], Callable[[Sample], bool]]:
    """Returns whether a sample of a family is trained on, and whether it is kept."""
    if split.by == "car":
        train, val = split.train_cars, split.val_cars
    else:
        train, val = split.train_images, split.val_images

    def within(names: Iterable[str]) -> Callable[[Sample], bool]:
        known = frozenset(names)
        by_car = split.by == "car"
        return lambda sample: (sample.car if by_car else divided_photo(sample)) in known

    return within(train.get(family, ())), within(val.get(family, ()))


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
