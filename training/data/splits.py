"""Ways to split data folders: by car, in folds by car, or by single photos, which leaks.

Cars can be chosen so that both sides show cars of the same sizes. Photos whose mask began as a
network's own are not kept for validation, where they would flatter it, unless a person says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.names import counted
from training.data.folder import Dataset, Sample
from training.data.sides import (
    Digests,
    Sides,
    Split,
    TrainedCars,
    divided_photo,
)

Shares = Mapping[tuple[str, str], float]
"""Mean share of the picture that a car takes, in [0, 1], by (family, car)."""
DRAWS = 32
"""Random choices that are compared; the best one is taken."""
_QUANTILES = np.linspace(0.1, 0.9, 9)


def pick_alike(shares: NDArray[np.float64], kept: int, rng: np.random.Generator) -> list[int]:
    """Returns the places of cars that are as large as those left, in rising order.

    The cars are sorted by share and cut into as many strata as cars are kept; one of each stratum
    is drawn, so small and large cars stand on both sides.

    Args:
        shares: Mean share of the picture of each car, (cars,), in [0, 1], finite.
        kept: Number of cars to pick, from 1 to one less than there are.
        rng: Source of the draws.
    """
    strata = np.array_split(np.argsort(shares, kind="stable"), kept)
    best, least = np.array([], dtype=np.intp), np.inf
    for _ in range(DRAWS):
        picked = np.array([rng.choice(stratum) for stratum in strata])
        unlike = _distance(shares[picked], np.delete(shares, picked))
        if unlike < least:
            best, least = picked, unlike
    return sorted(int(place) for place in best)


def deal_alike(
    shares: NDArray[np.float64], folds: int, rng: np.random.Generator
) -> list[list[int]]:
    """Returns the places of each fold's cars; every car is in one fold, small and large in each.

    Args:
        shares: Mean share of the picture of each car, (cars,), in [0, 1], finite.
        folds: Number of folds, from 2 to the number of cars.
        rng: Source of the draws.
    """
    order = np.argsort(shares, kind="stable")
    best, least = np.array([], dtype=np.intp), np.inf
    for _ in range(DRAWS):
        fold_of = np.empty(len(order), dtype=np.intp)
        for start in range(0, len(order), folds):
            stratum = order[start : start + folds]
            fold_of[stratum] = rng.permutation(folds)[: len(stratum)]
        unlike = sum(
            _distance(shares[fold_of == fold], shares[fold_of != fold]) for fold in range(folds)
        )
        if unlike < least:
            best, least = fold_of, unlike
    return [[int(place) for place in np.flatnonzero(best == fold)] for fold in range(folds)]


def mean_shares(measured: Iterable[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """Returns the mean share of each car from (family, car, share) of its photos."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for family, car, share in measured:
        found[family, car].append(share)
    return {car: float(np.mean(shares)) for car, shares in found.items()}


def shares_of(family: str, cars: Sequence[str], shares: Shares) -> NDArray[np.float64]:
    """Returns the shares of a family's cars, (cars,); a missing one is the others' median.

    Raises:
        ConfigError: No car of the family has a finite share.
    """
    found = np.array([shares.get((family, car), np.nan) for car in cars], dtype=np.float64)
    known = np.isfinite(found)
    if not known.any():
        raise ConfigError(
            f"No car of {family} has a share to stratify by: none of its masks could be read. "
            "Look with `python -m training check`, or split without --stratify."
        )
    return np.where(known, found, np.median(found[known]))


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How unlike the shares of two sides are: difference of their means and of their quantiles."""
    quantiles = np.abs(np.quantile(one, _QUANTILES) - np.quantile(other, _QUANTILES)).mean()
    return float(abs(one.mean() - other.mean()) + quantiles)


LARGEST_SHARE = 0.9
"""Largest share of the cars that may be kept for validation."""


def split_by_car(
    datasets: Sequence[Dataset],
    val_share: float,
    seed: int,
    shares: Shares | None = None,
    before: TrainedCars | None = None,
    digests: Digests | None = None,
    *,
    keep_anchored: bool = False,
) -> Split:
    """Returns a split of each family by its cars.

    A car that several families have, by its id, stands on the same side in all of them.

    Args:
        datasets: Data folders.
        val_share: Share of each family's cars that is kept, rounded down, at least one; in
            [0, 0.9].
        seed: Chooses which; each family's choice depends on its own cars, and on those that it
            shares with others.
        shares: Where given, cars of all sizes are kept: the mean and the quantiles of both sides
            are close. A car without a share counts as a middling one.
        before: What the network has been trained on already. These cars are not kept, so fewer may
            be; only where a family has no other car does it leak. Not with `shares`.
        digests: Of the data's photos: by these too, cars are known again that were trained on.
        keep_anchored: Whether cars with an anchored photo (`Sample.anchor`) may be kept, too.

    Raises:
        ConfigError: A family has fewer than two cars, so nothing could be kept; all cars are
            anchored; or the share is out of its range.
    """
    _require_share(val_share)
    before, digests = before or TrainedCars(), digests or {}
    families = cars_by_family(datasets)
    drawings = {dataset.family: dataset.drawing for dataset in datasets}
    anchored = set() if keep_anchored else _anchored(datasets)
    is_kept: dict[str, bool] = {}  # by car, whatever its family
    for family, cars in sorted(families.items(), key=_size):  # a large one follows a small one
        _require_cars(family, cars, 2)
        kept = max(1, int(len(cars) * val_share))
        rng = np.random.default_rng(seed)
        if shares is None:
            order = [cars[place] for place in rng.permutation(len(cars))]
            order = [car for car in order if car not in anchored]
            known = drawings[family]
            new = [car for car in order if not before.has(car, digests.get(car, ()), known)]
        else:
            new = order = [car for car in cars if car not in anchored]
            if len(order) > kept:
                places = pick_alike(shares_of(family, order, shares), kept, rng)
                new = [order[place] for place in places]
        picked = [car for car in cars if is_kept.get(car)]
        picked += [car for car in new if car not in is_kept][: max(0, kept - len(picked))]
        picked = picked or [car for car in order if car not in is_kept][:kept]
        is_kept |= {car: car in picked for car in cars}
    _require_kept(any(is_kept.values()))
    return _split_of(families, is_kept, seed, before, digests)


def split_folds(
    datasets: Sequence[Dataset],
    folds: int,
    seed: int,
    shares: Shares | None = None,
    *,
    keep_anchored: bool = False,
) -> list[Split]:
    """Returns `folds` splits by car in which every car is kept for validation exactly once.

    But for anchored cars, which are always trained on.

    Args:
        datasets: Data folders.
        folds: Number of splits, 2 or more.
        seed: Chooses which car is in which fold.
        shares: As for `split_by_car`.
        keep_anchored: As for `split_by_car`.

    Raises:
        ConfigError: A family has fewer cars than there are folds, or there are fewer than two.
    """
    if folds < 2:
        raise ConfigError(f"folds is {folds}; it must be 2 or more.")
    families = cars_by_family(datasets)
    anchored = set() if keep_anchored else _anchored(datasets)
    fold_of: dict[str, int] = {}  # by car, whatever its family
    for family, all_cars in sorted(families.items(), key=_size):
        cars = [car for car in all_cars if car not in anchored]
        if all_cars and not cars:
            continue
        _require_cars(family, cars, folds)
        rng = np.random.default_rng(seed)
        if shares is None:
            order = [int(place) for place in rng.permutation(len(cars))]
            dealt = [order[fold::folds] for fold in range(folds)]
        else:
            dealt = deal_alike(shares_of(family, cars, shares), folds, rng)
        places = {cars[place]: fold for fold, each in enumerate(dealt) for place in each}
        fold_of = places | fold_of
    _require_kept(bool(fold_of))
    found = {car for cars in families.values() for car in cars}
    return [
        _split_of(families, {car: fold_of.get(car) == fold for car in found}, seed)
        for fold in range(folds)
    ]


def split_at_random(
    datasets: Sequence[Dataset], val_share: float, seed: int, *, keep_anchored: bool = False
) -> Split:
    """Returns a split of each family by single photos, whatever car they show.

    Most cars then stand on both sides, and every number of such a training flatters. An augmented
    photo stays on the side of the photo that it was made from.

    Args:
        datasets: Data folders.
        val_share: Share of each family's photos that is kept, rounded down, at least one; in
            [0, 0.9].
        seed: Chooses which.
        keep_anchored: Whether anchored photos (`Sample.anchor`) may be kept, too.

    Raises:
        ConfigError: A family has fewer than two photos, all are anchored, or the share is out of
            its range.
    """
    _require_share(val_share)
    val: Sides = {}
    train: Sides = {}
    photos = _by_family(datasets, divided_photo)
    anchored = {
        (dataset.family, divided_photo(sample))
        for dataset in datasets
        for sample in dataset.samples
        if sample.anchor and not keep_anchored
    }
    for family, names in photos.items():
        if len(names) < 2:
            raise ConfigError(f"{family} has {len(names)} photo; a split needs two or more.")
        order = np.random.default_rng(seed).permutation(len(names))
        free = [int(place) for place in order if (family, names[place]) not in anchored]
        picked = free[: max(1, int(len(names) * val_share))]
        val[family], train[family] = _both_sides(names, picked)
    _require_kept(any(val.values()))
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


def _size(family: tuple[str, tuple[str, ...]]) -> int:
    return len(family[1])


def _split_of(
    families: Sides,
    is_kept: Mapping[str, bool],
    seed: int,
    before: TrainedCars | None = None,
    digests: Digests | None = None,
) -> Split:
    """Returns the split by car of families, from whether each car is kept."""
    val, train = (
        {family: tuple(c for c in cars if is_kept[c] == side) for family, cars in families.items()}
        for side in (True, False)
    )
    return Split(val, train, seed, before=before or TrainedCars(), digests=digests or {})


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
            f"{family} has {counted(len(cars), 'car')}; a split by car needs "
            f"{least} or more here. A car is the part of a photo's name before '_', unless "
            "--car-rule or --cars says otherwise."
        )


def _anchored(datasets: Sequence[Dataset]) -> set[str]:
    """Returns the cars with a photo whose mask began as a network's own."""
    return {sample.car for dataset in datasets for sample in dataset.samples if sample.anchor}


def _require_kept(some: bool) -> None:
    if not some:
        raise ConfigError(
            "Nothing can be kept for validation: all masks began as a network's own, which they "
            "would flatter. Add photos that were labelled otherwise, or allow it: --anchored any."
        )


def _require_share(val_share: float) -> None:
    if not 0 <= val_share <= LARGEST_SHARE:
        raise ConfigError(f"val_share is {val_share}; it must be from 0 to {LARGEST_SHARE}.")
