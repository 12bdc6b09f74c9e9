"""How many cars a verdict would take."""

from __future__ import annotations

import math
from statistics import NormalDist

CHANCE = 0.8
"""Chance of a verdict with so many cars."""

_MOST = 10**9
_NORMAL = NormalDist()


def cars_needed(
    estimate: float, error: float, groups: int, margin: float, looks: int = 1, level: float = 0.95
) -> int:
    """Returns about how many cars would tell, rounded to two digits.

    So many new cars give "better", "worse" or "tie" with the chance CHANCE. The difference that was
    found is itself uncertain by its standard error, and that is counted in: what the new cars will
    show lies around the found difference with the errors of both. Counting on the found difference
    alone promises too much: of a difference that is half chance, half of it is gone the next time.

    Args:
        estimate: The difference that was found.
        error: Its standard error, above 0.
        groups: Cars that it was found with.
        margin: Difference that is called a tie.
        looks: Pairs that are looked at together (Bonferroni's correction, a little more than
            Holm's).
        level: Of the intervals.
    """
    low, high = groups, groups + 1
    while high < _MOST and _chance(estimate, error, groups, margin, looks, level, high) < CHANCE:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _chance(estimate, error, groups, margin, looks, level, middle) < CHANCE:
            low = middle
        else:
            high = middle
    digits = max(0, len(str(high)) - 2)
    return max(groups + 1, round(high, -digits))


def _chance(
    estimate: float,
    error: float,
    groups: int,
    margin: float,
    looks: int,
    level: float,
    cars: int,
) -> float:
    """Returns the chance that so many new cars give a verdict."""
    then = error * math.sqrt(groups / cars)  # the standard error of the new cars' difference
    seen = NormalDist(estimate, math.hypot(error, then))
    outside = _NORMAL.inv_cdf(1 - (1 - level) / 2 / looks) * then
    inside = margin - _NORMAL.inv_cdf((1 + level) / 2) * then
    if inside >= outside:
        return 1.0
    beyond = 1 - (seen.cdf(outside) - seen.cdf(-outside))
    return beyond + (seen.cdf(inside) - seen.cdf(-inside) if inside > 0 else 0.0)
