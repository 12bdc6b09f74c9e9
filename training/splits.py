"""Ways to split data folders: by car, in folds by car, or by single photos, which leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from core.errors import ConfigError
from training.data import Dataset, Sample
from training.sides import Part, Sides, Split, divided_photo, load_split
from training.strata import Shares, deal_alike, pick_alike, shares_of

__all__ = [
    "Part",
    "Split",
    "cars_by_family",
    "load_split",
    "split_at_random",
    "split_by_car",
    "split_folds",
]

LARGEST_SHARE = 0.9
"""Largest share of the cars that may be kept for validation."""


def split_by_car(
    datasets: Sequence[Dataset],
    val_share: float,
    seed: int,
    shares: Shares | None = None,
    before: Sides | None = None,
) -> Split:
    """Returns a split of each family by its cars.

    Args:
        datasets: Data folders.
        val_share: Share of each family's cars that is kept, rounded down, at least one; in
            [0, 0.9].
        seed: Chooses which; each family's choice depends on its own cars alone.
        shares: Where given, cars of all sizes are kept: the mean and the quantiles of both sides
            are close. A car without a share counts as a middling one.
        before: Cars, by family, that the network has been trained on already. They are not kept, so
            fewer may be; only where a family has no other car does it leak. Not with `shares`.

    Raises:
        ConfigError: A family has fewer than two cars, so nothing could be kept; or the share is
            out of its range.
    """
    _require_share(val_share)
    val: Sides = {}
    train: Sides = {}
    for family, cars in cars_by_family(datasets).items():
        _require_cars(family, cars, 2)
        kept = max(1, int(len(cars) * val_share))
        rng = np.random.default_rng(seed)
        if shares is None:
            order = [int(place) for place in rng.permutation(len(cars))]
            known = set((before or {}).get(family, ()))
            picked = [place for place in order if cars[place] not in known][:kept] or order[:kept]
        else:
            picked = pick_alike(shares_of(family, cars, shares), kept, rng)
        val[family], train[family] = _both_sides(cars, picked)
    return Split(val_cars=val, train_cars=train, seed=seed, before=before or {})


def split_folds(
    datasets: Sequence[Dataset], folds: int, seed: int, shares: Shares | None = None
) -> list[Split]:
    """Returns `folds` splits by car in which every car is kept for validation exactly once.

    Args:
        datasets: Data folders.
        folds: Number of splits, 2 or more.
        seed: Chooses which car is in which fold.
        shares: As for `split_by_car`.

    Raises:
        ConfigError: A family has fewer cars than there are folds, or there are fewer than two.
    """
    if folds < 2:
        raise ConfigError(f"folds is {folds}; it must be 2 or more.")
    dealt: dict[str, list[list[int]]] = {}
    families = cars_by_family(datasets)
    for family, cars in families.items():
        _require_cars(family, cars, folds)
        rng = np.random.default_rng(seed)
        if shares is None:
            order = [int(place) for place in rng.permutation(len(cars))]
            dealt[family] = [order[fold::folds] for fold in range(folds)]
        else:
            dealt[family] = deal_alike(shares_of(family, cars, shares), folds, rng)
    splits = []
    for fold in range(folds):
        sides = {name: _both_sides(cars, dealt[name][fold]) for name, cars in families.items()}
        val = {family: side[0] for family, side in sides.items()}
        train = {family: side[1] for family, side in sides.items()}
        splits.append(Split(val_cars=val, train_cars=train, seed=seed))
    return splits


def split_at_random(datasets: Sequence[Dataset], val_share: float, seed: int) -> Split:
    """Returns a split of each family by single photos, whatever car they show.

    Most cars then stand on both sides, and every number of such a training flatters. An augmented
    photo stays on the side of the photo that it was made from.

    Args:
        datasets: Data folders.
        val_share: Share of each family's photos that is kept, rounded down, at least one; in
            [0, 0.9].
        seed: Chooses which.

    Raises:
        ConfigError: A family has fewer than two photos, or the share is out of its range.
    """
    _require_share(val_share)
    val: Sides = {}
    train: Sides = {}
    photos = _by_family(datasets, divided_photo)
    for family, names in photos.items():
        if len(names) < 2:
            raise ConfigError(f"{family} has {len(names)} photo; a split needs two or more.")
        order = np.random.default_rng(seed).permutation(len(names))
        picked = [int(place) for place in order[: max(1, int(len(names) * val_share))]]
        val[family], train[family] = _both_sides(names, picked)
    return Split(
        val_cars=_cars_of(datasets, val),
        train_cars=_cars_of(datasets, train),
        seed=seed,
        by="random",
        val_images=val,
        train_images=train,
    )


def cars_by_family(datasets: Sequence[Dataset]) -> Sides:
    """Returns the cars of each family, sorted; several data folders can be of one family."""
    return _by_family(datasets, lambda sample: sample.car)


def _by_family(datasets: Sequence[Dataset], name_of: Callable[[Sample], str]) -> Sides:
    found: dict[str, set[str]] = defaultdict(set)
    for dataset in datasets:
        found[dataset.family].update(name_of(sample) for sample in dataset.samples)
    return {family: tuple(sorted(names)) for family, names in found.items()}


def _cars_of(datasets: Sequence[Dataset], photos: Sides) -> Sides:
    """Returns the cars that the named photos show, by family."""
    cars: dict[str, set[str]] = {family: set() for family in photos}
    for dataset in datasets:
        here = set(photos[dataset.family])
        cars[dataset.family] |= {s.car for s in dataset.samples if divided_photo(s) in here}
    return {family: tuple(sorted(names)) for family, names in cars.items()}


def _both_sides(
    names: Sequence[str], picked: Sequence[int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the picked names and the others, each in order."""
    chosen = set(picked)
    return (
        tuple(name for place, name in enumerate(names) if place in chosen),
        tuple(name for place, name in enumerate(names) if place not in chosen),
    )


def _require_cars(family: str, cars: Sequence[str], least: int) -> None:
    if len(cars) < least:
        raise ConfigError(
            f"{family} has {len(cars)} car{'s' if len(cars) != 1 else ''}; a split by car needs "
            f"{least} or more here. A car is the part of a photo's name before '_', unless "
            "--car-rule or --cars says otherwise."
        )


def _require_share(val_share: float) -> None:
    if not 0 <= val_share <= LARGEST_SHARE:
        raise ConfigError(f"val_share is {val_share}; it must be from 0 to {LARGEST_SHARE}.")
