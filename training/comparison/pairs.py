"""The figures of A and B photo by photo, and the photos that are worth looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.metric_table import Metric

if TYPE_CHECKING:
    import pandas as pd

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
        rows_a: A row a photo; see `training.evaluation.rows`.
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
