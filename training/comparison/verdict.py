"""Whether one checkpoint is better than another, in one word and one plain sentence.

Many comparisons at once are corrected by Holm; where none is decided, it says how many cars a
verdict would take.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.metric_table import Metric
from core.names import counted, first_few
from training.comparison.aligned import Compared, align_rows
from training.comparison.interval import CarMeans, CarSums, Floats, Interval, car_means, interval_of

if TYPE_CHECKING:
    import pandas as pd


def holm(p_values: Floats) -> Floats:
    """Returns p values corrected for being looked at together.

    Calling those below alpha different makes, with a chance of at most alpha, one wrong call or
    more among all of them, however they depend on each other.

    Args:
        p_values: (N,) in [0, 1].

    Returns:
        (N,) in [0, 1], none smaller than it came.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(count, 0, -1)
    corrected = np.empty(count)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


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


Kind = Literal["better", "worse", "tie", "not_enough", "identical"]

LEVEL = 0.95
"""Of all intervals of a comparison."""

_NAMED = 3  # photos that a sentence names


@dataclass(frozen=True)
class Verdict:
    """What can be said of B against A by one metric."""

    kind: Kind
    """"better" and "worse": the interval leaves out 0. "tie": the whole interval lies inside the
    metric's margin. "identical": equal to the last bit. Else there is "not_enough" data."""
    metric: Metric
    names: tuple[str, str]
    """A and B; the sentence is about B."""
    interval: Interval
    """How much better B is than A: above 0 where B is better, also where low figures are good."""
    looks: int = 1
    """Pairs that were looked at together; "better" and "worse" hold for all of them at once."""
    cars_needed: int | None = None
    """About how many cars would tell, in four cases of five, whether B is better, worse or as good;
    None if it is known already, or if a single car shows no spread."""
    left_out: tuple[str, ...] = ()
    """Photos that could not be read."""

    @property
    def reversed(self) -> Verdict:
        """The verdict of A against B."""
        turned: dict[Kind, Kind] = {"better": "worse", "worse": "better"}
        return replace(
            self,
            kind=turned.get(self.kind, self.kind),
            names=(self.names[1], self.names[0]),
            interval=self.interval.turned,
        )

    @property
    def sentence(self) -> str:
        """The verdict in words: "B is better by 0.0021 Dice (0.0012 to 0.0030), 38 cars"."""
        text = self.short
        if self.kind in ("better", "worse"):
            text = f"{self.names[1]} is {text}, {counted(self.interval.groups, 'car')}"
        return text + self._exceptions()

    @property
    def short(self) -> str:
        """The same for where names and cars stand already: "better by 0.0021 Dice (...)"."""
        found = self.interval
        if self.kind in ("better", "worse"):
            size = found if self.kind == "better" else found.turned
            return f"{self.kind} by {size.text_with(_unit(self.metric))}"
        if self.kind == "identical":
            return f"identical: the same figures on all {found.images:,} photos"
        if self.kind == "tie":
            margin = f"{self.metric.margin:g} {self.metric.unit}".strip()
            return f"a tie: less than {margin} either way"
        if self.cars_needed is None:
            alone = "one photo" if found.images == 1 else "one car"
            return f"not enough data: {alone} alone shows no spread"
        would = f"about {self.cars_needed:,} cars needed to tell"
        if found.low > 0 or found.high < 0:
            return f"not enough data for {self.looks:,} pairs at once: {would}"
        return f"not enough data: {would}"

    def _exceptions(self) -> str:
        if not self.left_out:
            return ""
        count, named = len(self.left_out), first_few(self.left_out, _NAMED)
        photos = counted(count, "photo")
        return f"; without {photos} that can't be read ({named})"


def compare(
    rows_a: pd.DataFrame,
    rows_b: pd.DataFrame,
    metric: Metric,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
) -> Verdict:
    """Returns the verdict of B against A.

    Args:
        rows_a: A's rows, see `training.evaluation.measure`.
        rows_b: B's rows, of the same photos.
        metric: What to compare by.
        names: What A and B are called.
        seed: Of the draws behind the interval.

    Raises:
        DataError: They are of different photos, or no photo could be read.
    """
    return verdicts(align_rows(names, (rows_a, rows_b)), metric, [(0, 1)], seed)[0]


def verdicts(
    compared: Compared, metric: Metric, pairs: Sequence[tuple[int, int]], seed: int = 0
) -> list[Verdict]:
    """Returns the verdicts of pairs, with Holm's correction over all of them.

    Identical pairs are no question, so they don't count among the looks.

    Args:
        compared: The checkpoints.
        metric: What to compare by.
        pairs: Places of A and B.
        seed: Of the draws behind the intervals.
    """
    if not pairs:
        return []
    gains = car_means(_gains(compared, metric, pairs), LEVEL, seed)
    originals = compared.originals
    open_pairs = [at for at, (a, b) in enumerate(pairs) if originals[a] != originals[b]]
    chances = np.ones(len(pairs))
    chances[open_pairs] = holm(gains.p_values()[open_pairs])
    looks = max(1, len(open_pairs))
    found = []
    for at, (a, b) in enumerate(pairs):
        same, sure = originals[a] == originals[b], bool(chances[at] < 1 - LEVEL)
        interval = interval_of(gains, at)
        kind = "identical" if same else _kind(interval, metric.margin, sure=sure)
        found.append(
            Verdict(
                kind,
                metric,
                (compared.names[a], compared.names[b]),
                interval,
                looks,
                _needed(gains, at, metric, looks) if kind == "not_enough" else None,
                compared.left_out,
            )
        )
    return found


def _gains(compared: Compared, metric: Metric, pairs: Sequence[tuple[int, int]]) -> CarSums:
    """Returns how much better B is than A, added up by car; a column a pair."""
    cars = compared.sums(metric)
    a, b = np.array(pairs, np.intp).T
    difference = cars.sums[:, b] - cars.sums[:, a]
    return CarSums(difference if metric.higher_is_better else -difference, cars.counts)


def _kind(interval: Interval, margin: float, *, sure: bool) -> Kind:
    if interval.known and -margin < interval.low and interval.high < margin:
        return "tie"
    if sure:
        return "better" if interval.estimate > 0 else "worse"
    return "not_enough"


def _needed(gains: CarMeans, column: int, metric: Metric, looks: int) -> int | None:
    if gains.groups < 2:
        return None
    estimate, error = float(gains.estimate[column]), float(gains.error[column])
    return cars_needed(estimate, error, gains.groups, metric.margin, looks, LEVEL)


def _unit(metric: Metric) -> str:
    return f"{metric.unit} {metric.title}".strip()
