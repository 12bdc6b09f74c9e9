"""Runs that differ by their seed alone: how far chance in the training moves a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from core.errors import RunError
from core.metric_table import Metric
from training.comparison.aligned import Compared
from training.comparison.interval import Interval, mean_interval
from training.comparison.verdict import LEVEL
from training.config import TrainConfig
from training.runs.runlog import read_config


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
