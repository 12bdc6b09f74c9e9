"""Choosing cars so that both sides of a split show cars of the same sizes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError

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
