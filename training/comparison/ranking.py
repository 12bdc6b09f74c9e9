"""Checkpoints in the order of a metric, ties shown as ties, and runs that differ by seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev

from core.errors import RunError
from core.metric_table import Metric
from training.comparison.aligned import Compared
from training.comparison.interval import Interval, mean_interval
from training.comparison.verdict import LEVEL, Verdict, verdicts
from training.config import TrainConfig
from training.runs.runlog import read_config


@dataclass(frozen=True)
class Place:
    """One checkpoint in a ranking."""

    name: str
    interval: Interval
    """Its mean over the photos."""
    rank: int | None
    """One more than how many are better for sure, from 1; equal ranks are a tie. None for one that
    was trained on the cars that it is scored on."""
    last: int | None
    """The rank that it has at worst: only those that are worse for sure stand behind it."""

    @property
    def text(self) -> str:
        """The rank, or those of which nobody can tell which it is: "1", "2 to 4"; "" if none."""
        if self.rank is None:
            return ""
        return f"{self.rank}" if self.rank == self.last else f"{self.rank} to {self.last}"


@dataclass(frozen=True)
class Ranking:
    """Checkpoints by one metric, the best first."""

    metric: Metric
    places: tuple[Place, ...]
    """By the mean; the order inside a tie says nothing. Those without a rank stand last."""
    groups: tuple[tuple[str, ...], ...]
    """Longest stretches of `places` in which no two could be told apart; they can overlap."""
    verdicts: tuple[Verdict, ...]
    """Of all pairs that have a rank, each once, with Holm's correction over all of them."""

    @property
    def ranked(self) -> tuple[Place, ...]:
        """The places that have a rank."""
        return tuple(place for place in self.places if place.rank is not None)

    @property
    def unranked(self) -> frozenset[str]:
        """Names of those that were trained on cars that they are scored on."""
        return frozenset(place.name for place in self.places if place.rank is None)

    def verdict(self, name: str, against: str) -> Verdict:
        """Returns the verdict of one checkpoint against another one.

        Raises:
            KeyError: One of them is not in the ranking or has no rank, or both are the same.
        """
        return self._by_names[against, name]

    @cached_property
    def _by_names(self) -> dict[tuple[str, str], Verdict]:
        ways = [*self.verdicts, *(verdict.reversed for verdict in self.verdicts)]
        return {verdict.names: verdict for verdict in ways}


def rank(compared: Compared, metric: Metric, seed: int = 0) -> Ranking:
    """Returns what is compared in the order of a metric.

    What was trained on cars that it is scored on has no rank, and is judged against nothing.

    Args:
        compared: The checkpoints.
        metric: What to rank by.
        seed: Of the draws behind the intervals.
    """
    names = compared.names
    saw_them = {
        name
        for name, facts in zip(names, compared.facts, strict=bool(compared.facts))
        if facts.verdict.kind == "leaky"
    }
    fair = [place for place, name in enumerate(names) if name not in saw_them]
    pairs = list(combinations(fair, 2))
    found = verdicts(compared, metric, pairs, seed)
    better: dict[str, set[str]] = {name: set() for name in names}  # than it, for sure
    worse: dict[str, set[str]] = {name: set() for name in names}
    for verdict in found:
        a, b = verdict.names
        if verdict.kind in ("better", "worse"):
            good, bad = (b, a) if verdict.kind == "better" else (a, b)
            better[bad].add(good)
            worse[good].add(bad)
    intervals = compared.intervals(metric, seed)
    places = [
        Place(name, interval, None, None)
        if name in saw_them
        else Place(name, interval, 1 + len(better[name]), len(fair) - len(worse[name]))
        for name, interval in zip(names, intervals, strict=True)
    ]
    sign = -1 if metric.higher_is_better else 1
    places.sort(
        key=lambda place: (place.rank is None, sign * place.interval.estimate, place.rank or 0)
    )
    apart = {name: better[name] | worse[name] for name in names}
    groups = _stretches([place.name for place in places if place.rank is not None], apart)
    return Ranking(metric, tuple(places), groups, tuple(found))


def _stretches(names: list[str], apart: dict[str, set[str]]) -> tuple[tuple[str, ...], ...]:
    """Returns the longest stretches of names in which none is told apart from another one."""
    found: list[tuple[str, ...]] = []
    start = 0
    for end, name in enumerate(names):
        before = [at for at in range(start, end) if names[at] in apart[name]]
        if before:
            found.append(tuple(names[start:end]))
            start = before[-1] + 1
    return (*found, tuple(names[start:])) if names else ()


@dataclass(frozen=True)
class SeedSpread:
    """A metric of runs that differ by their seed alone."""

    metric: Metric
    names: tuple[str, ...]
    means: tuple[float, ...]
    """Of each, over the photos."""
    deviation: float
    """Standard deviation of the means, from seed to seed."""
    interval: Interval
    """Of the mean of all of them, over the photos: other cars, the same trainings."""

    @property
    def sentence(self) -> str:
        """Both spreads: "3 seeds: Dice 0.9921 to 0.9934, ..., the photos alone ± 0.0008"."""
        digits = self.interval.decimals()
        unit = f" {self.metric.unit}" if self.metric.unit else ""
        low, high = min(self.means), max(self.means)
        text = (
            f"{len(self.names)} seeds: {self.metric.title} {low:.{digits}f} to {high:.{digits}f}"
            f"{unit}, standard deviation {self.deviation:.{digits}f}{unit} from seed to seed"
        )
        if not self.interval.known:
            return text
        return f"{text}; the photos' interval is ± {self.interval.width / 2:.{digits}f}{unit}"


def seed_groups(checkpoints: Sequence[Path]) -> list[list[int]]:
    """Returns the places of checkpoints whose runs differ by the seed alone, group by group.

    Where the data lay, the device, processes and threads don't matter; the file's name does, as
    best and last are no seeds of each other. One alone is no group, nor is a checkpoint outside a
    run's folder or the same run twice.

    Args:
        checkpoints: Checkpoint files.
    """
    groups: dict[object, list[int]] = {}
    seeds: dict[object, set[int]] = {}
    for place, checkpoint in enumerate(checkpoints):
        try:
            config = read_config(checkpoint.resolve().parent.parent)
        except RunError:
            continue
        key = checkpoint.name, _without_seed(config)
        if config.seed not in seeds.setdefault(key, set()):
            seeds[key].add(config.seed)
            groups.setdefault(key, []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def seed_spread(
    compared: Compared, metric: Metric, places: Sequence[int], seed: int = 0
) -> SeedSpread:
    """Returns the spread between seeds beside the interval over photos.

    Args:
        compared: The checkpoints.
        metric: What to look at.
        places: At least two of them: one of `seed_groups`.
        seed: Of the draws behind the interval.
    """
    values = compared.values(metric)[:, list(places)]
    means = tuple(map(float, values.mean(axis=0)))
    return SeedSpread(
        metric,
        tuple(compared.names[place] for place in places),
        means,
        stdev(means, fmean(means)),
        mean_interval(values.mean(axis=1), compared.cars, LEVEL, seed).of(metric),
    )


def _without_seed(config: TrainConfig) -> TrainConfig:
    usual = TrainConfig()
    return replace(
        config,
        seed=usual.seed,
        data=tuple(Path(folder).name for folder in config.data),
        split=Path(config.split).name,
        cars=Path(config.cars).name,
        workers=usual.workers,
        threads=usual.threads,
        device=usual.device,
        save_minutes=usual.save_minutes,
    )
