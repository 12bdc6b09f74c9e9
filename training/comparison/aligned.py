"""Evaluations side by side on the same photos; what can't be compared is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.metric_table import METRICS, Metric
from training.comparison.interval import CarSums, Floats, Interval, car_means, interval_of
from training.evaluation.measure import scored

if TYPE_CHECKING:
    import pandas as pd

    from training.evaluation.stored import EvaluationFacts, StoredEvaluation


Order = Literal["improved", "worsened", "worst"]
ORDERS: tuple[Order, ...] = get_args(Order)
Box = tuple[float, float, float, float]
"""Lowest and highest figure of A, lowest and highest of B; all four lie inside."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two checkpoints' figures of the same photos, by one metric."""

    metric: Metric
    names: tuple[tuple[str, str], ...]
    """Source and image of each of N photos."""
    a: NDArray[np.float64]
    """A's figures (N,)."""
    b: NDArray[np.float64]
    """B's figures (N,)."""

    def __len__(self) -> int:
        """The number of photos."""
        return len(self.names)

    def text(self, place: int) -> str:
        """Returns A's and B's figure of a photo: "0.9340 → 0.9823", "8.12 → 7.90 px"."""
        digits = self.metric.digits
        text = f"{self.a[place]:.{digits}f} → {self.b[place]:.{digits}f}"
        return f"{text} {self.metric.unit}".rstrip()

    @property
    def gain(self) -> NDArray[np.float64]:
        """How much better B is (N,), in the metric's unit; negative where it is worse."""
        return (self.b - self.a) * self._sign

    @property
    def kinds(self) -> NDArray[np.intp]:
        """1 where B is better by more than the metric's margin, -1 where A is, else 0; (N,)."""
        gain = self.gain
        return np.where(np.abs(gain) > self.metric.margin, np.sign(gain), 0).astype(np.intp)

    def ordered(self, order: Order, box: Box | None = None) -> NDArray[np.intp]:
        """Returns places of photos, the one to look at first in front; of equals the names decide.

        Args:
            order: "improved" begins where B gains most, "worsened" where it loses most, "worst"
                where the poorer of the two is poorest. The first two leave out photos in which the
                other one is better.
            box: Only photos whose figures lie in it.

        Raises:
            ConfigError: There is no such order.
        """
        if order == "improved":
            keys, keep = -self.gain, self.gain > 0
        elif order == "worsened":
            keys, keep = self.gain, self.gain < 0
        elif order == "worst":
            keys = np.minimum(self.a * self._sign, self.b * self._sign)
            keep = np.ones(len(self), bool)
        else:
            raise ConfigError(f"There is no order {order!r}; choose one of: {', '.join(ORDERS)}.")
        if box is not None:
            keep &= self.inside(box)
        places = sorted(np.flatnonzero(keep), key=lambda place: (keys[place], self.names[place]))
        return np.array(places, np.intp)

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Returns which photos lie in a box, bool (N,)."""
        low_a, high_a, low_b, high_b = box
        return np.asarray(
            (self.a >= low_a) & (self.a <= high_a) & (self.b >= low_b) & (self.b <= high_b)
        )

    @property
    def _sign(self) -> int:
        return 1 if self.metric.higher_is_better else -1


def pairs_of(rows_a: pd.DataFrame, rows_b: pd.DataFrame, metric: Metric) -> Pairs:
    """Returns the figures of the photos that could be read in both.

    Args:
        rows_a: A row a photo; see `training.evaluation.measure`.
        rows_b: The same photos in the same order.
        metric: What is compared.
    """
    good = ((rows_a["error"] == "") & (rows_b["error"] == "")).to_numpy(bool)
    names = rows_a.loc[good, ["source", "image"]].itertuples(index=False, name=None)
    return Pairs(
        metric,
        tuple((str(source), str(image)) for source, image in names),
        rows_a.loc[good, metric.name].to_numpy(np.float64),
        rows_b.loc[good, metric.name].to_numpy(np.float64),
    )


_PHOTO = ["source", "image"]
_FIGURES = [metric.name for metric in METRICS]
_FIGURES += ["predicted_share", "true_positive", "false_positive", "false_negative"]


@dataclass(frozen=True, eq=False)  # tables have no single answer to ==
class Compared:
    """Several checkpoints' figures on the same photos; made by `align` or `align_rows`."""

    names: tuple[str, ...]
    """What is compared, each called differently."""
    rows: tuple[pd.DataFrame, ...]
    """Of each, one row a photo (see `training.evaluation.measure`): the same photos in the same
    order, and only those that could be read."""
    left_out: tuple[str, ...]
    """Photos ("source/image") that could not be read for one of them or more."""
    facts: tuple[EvaluationFacts, ...] = ()
    """Of each, what its evaluation is of; empty where only rows are known."""

    @cached_property
    def cars(self) -> tuple[tuple[str, str], ...]:
        """The car of each photo: its source and its name."""
        first = self.rows[0]
        return tuple(zip(first["source"], first["car"], strict=True))

    @property
    def images(self) -> int:
        """How many photos are compared."""
        return len(self.rows[0])

    @cached_property
    def originals(self) -> tuple[int, ...]:
        """Of each, the place of the first one that is identical to it; its own if none is before.

        Identical is the same network with the same settings, or the same figures on every photo to
        the last bit.
        """
        seen: dict[object, int] = {}
        places = []
        for place, rows in enumerate(self.rows):
            known = [name for name in _FIGURES if name in rows]
            marks: list[object] = [rows[known].to_numpy(np.float64).tobytes()]
            marks += [self.facts[place].key] if self.facts else []
            places.append(min(seen.get(mark, place) for mark in marks))
            for mark in marks:
                seen.setdefault(mark, places[-1])
        return tuple(places)

    def place_of(self, name: str) -> int:
        """Returns where a name stands.

        Raises:
            ConfigError: Nothing of this name is compared.
        """
        if name not in self.names:
            known = ", ".join(self.names)
            raise ConfigError(f"{name!r} is not among what is compared; choose one of: {known}.")
        return self.names.index(name)

    def kept(self, evaluation: StoredEvaluation) -> NDArray[np.bool_]:
        """Returns which rows of an evaluation are compared: those that could be read for all."""
        names = [f"{row.source}/{row.image}" for row in evaluation.image_rows]
        return ~np.isin(names, self.left_out)

    def values(self, metric: Metric) -> Floats:
        """Returns a metric of every photo, (photos, checkpoints) float64."""
        return np.stack([rows[metric.name].to_numpy(np.float64) for rows in self.rows], axis=1)

    def sums(self, metric: Metric) -> CarSums:
        """Returns a metric added up by car; a column a checkpoint."""
        return CarSums.of(self.values(metric), self.cars)

    def intervals(self, metric: Metric, seed: int = 0) -> list[Interval]:
        """Returns each checkpoint's mean of a metric with its 95% interval, in their order."""
        means = car_means(self.sums(metric), seed=seed)
        return [interval_of(means, place).of(metric) for place in range(len(self.names))]


def align(evaluations: Sequence[StoredEvaluation]) -> Compared:
    """Returns evaluations side by side; of two with one title the second gets a number.

    Raises:
        DataError: There is none, they are of different data, part or split, or no photo is left.
    """
    facts = tuple(evaluation.facts for evaluation in evaluations)
    for other in facts[1:]:
        difference = _difference(facts[0], other)
        if difference:
            raise DataError(
                f"{facts[0].title} and {other.title} can't be compared: {difference}. Evaluate "
                "both on the same photos."
            )
    names = _distinct([each.title for each in facts])
    compared = align_rows(names, [evaluation.rows for evaluation in evaluations])
    return Compared(compared.names, compared.rows, compared.left_out, facts)


def align_rows(names: Sequence[str], tables: Sequence[pd.DataFrame]) -> Compared:
    """Returns tables of rows side by side.

    Args:
        names: What each is of, all different.
        tables: Each with the columns of `training.evaluation.measure`, in any order of rows.

    Raises:
        DataError: There is no table, they are of different photos, or no photo could be read.
    """
    if not tables:
        raise DataError("There is nothing to compare; give at least one evaluation.")
    by_photo = [table.set_index(_PHOTO) for table in tables]
    photos = by_photo[0].index
    for name, table in zip(names[1:], by_photo[1:], strict=True):
        strange = photos.symmetric_difference(table.index)
        if len(strange):
            raise DataError(
                f"{names[0]} and {name} can't be compared: {len(strange):,} photos are in one of "
                f"both alone, such as {_called(strange[0])}. Evaluate both on the same photos."
            )
    read = photos
    for table in by_photo:
        read = read[read.isin(scored(table).index)]
    if not len(read):
        raise DataError(
            f"None of the {len(photos):,} photos could be read, so there is nothing to compare. "
            "Look at them with `python -m training check`."
        )
    left_out = tuple(_called(photo) for photo in photos.difference(read, sort=False))
    rows = tuple(table.loc[read].reset_index()[list(tables[0])] for table in by_photo)
    return Compared(tuple(names), rows, left_out)


def _difference(a: EvaluationFacts, b: EvaluationFacts) -> str:
    """Returns in what two evaluations' photos differ; "" if in nothing."""
    if a.data_fingerprint != b.data_fingerprint:
        if a.data != b.data:
            return f"one was evaluated on {a.data}, the other on {b.data}"
        return f"the photos or cars of {a.data} were others when the second one was evaluated"
    if a.part != b.part:
        return f"one was evaluated on the part {a.part!r}, the other on {b.part!r}"
    if a.split_fingerprint != b.split_fingerprint:
        ours, theirs = a.split_fingerprint[:8], b.split_fingerprint[:8]
        return f"different splits chose the part {a.part!r} ({ours} and {theirs})"
    return ""


def _distinct(titles: Sequence[str]) -> list[str]:
    counts: Counter[str] = Counter()
    names = []
    for title in titles:
        counts[title] += 1
        names.append(title if counts[title] == 1 else f"{title} ({counts[title]})")
    return names


def _called(photo: tuple[str, str]) -> str:
    return "/".join(photo)
