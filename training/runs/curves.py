"""Curves: what a run measured on its way, as two tables, nothing sampled away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STEP_COLUMNS = ("epoch", "step", "images", "seconds", "time", "loss", "learning_rate")
EPOCH_COLUMNS = ("epoch", "step", "images", "seconds", "time", "loss")
SOURCE_MARK = "@"
"""Stands between a metric and the data set it was measured on: "val_dice@carvana512"."""

_COUNTS = ("epoch", "step")
_WHOLE = ("epoch", "step", "images")
_LARGEST = 2.0**53


@dataclass(frozen=True, eq=False)
class Curves:
    """A run's curves; both tables are in the order in which they were written."""

    steps: pd.DataFrame
    """One row a step line: STEP_COLUMNS, then whatever else was measured. `epoch` (from 1; 0 where
    not known) and `step` are int64, `images` too where every row has it; `time` is UTC."""
    epochs: pd.DataFrame
    """One row an epoch, or one a validation where an epoch has several: EPOCH_COLUMNS, where `loss`
    is the training's, then "val_dice", "val_iou", ... over all validation photos and
    "val_dice@<source>" for each data set. NaN: not measured."""
    error: str = ""
    """What could not be read, and why; the rest stands."""


def curves_of(steps: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]]) -> Curves:
    """Returns curves from rows of figures, keyed by column."""
    return Curves(_table(steps, STEP_COLUMNS), _table(epochs, EPOCH_COLUMNS))


def curves_of_lines(lines: Iterable[Mapping[str, Any]]) -> Curves:
    """Returns curves from the lines of a metrics.jsonl; lines of other kinds are left out."""
    steps, epochs = [], []
    for line in lines:
        kind = line.get("kind") or ("epoch" if "val" in line else "step")
        if kind == "step":
            steps.append(_flat(line))
        elif kind == "epoch":
            epochs.append(_flat(line))
    return curves_of(steps, epochs)


def joined(first: Curves, second: Curves) -> Curves:
    """Returns the rows of both, one after the other."""
    return Curves(_joined(first.steps, second.steps), _joined(first.epochs, second.epochs))


def _flat(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a line with {"val": {"dice": 1}} as {"val_dice": 1}."""
    if dict not in map(type, line.values()):
        return line
    row: dict[str, Any] = {}
    for name, value in line.items():
        if not isinstance(value, dict):
            row[name] = value
            continue
        for metric, figure in value.items():
            if metric != "sources":
                row[f"{name}_{metric}"] = figure
            elif isinstance(figure, dict):
                for source, figures in figure.items():
                    for each in figures if isinstance(figures, dict) else ():
                        row[f"{name}_{each}{SOURCE_MARK}{source}"] = figures[each]
    return row


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    names = dict.fromkeys(chain(columns, chain.from_iterable(rows)))
    names.pop("kind", None)
    table: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name == "time":
            table[name] = _times(values)
            continue
        column = _figures(values)
        if name in columns or np.isfinite(column).any() or _any_number(values):
            table[name] = _whole(column, name)
    return pd.DataFrame(table)


def _figures(values: list[Any]) -> NDArray[np.float64]:
    """Returns float64 of any values; NaN for what is no number."""
    try:
        return np.array(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return np.array([_figure(value) for value in values], np.float64)


def _figure(value: Any) -> float:
    try:
        return float(value) if isinstance(value, float | int) else np.nan
    except OverflowError:
        return np.nan


def _any_number(values: list[Any]) -> bool:
    """Tells whether a column of NaN and infinity alone was measured (a loss that exploded)."""
    return any(isinstance(value, float) for value in values)


def _whole(column: NDArray[np.float64], name: str) -> NDArray[Any]:
    if name not in _WHOLE:
        return column
    known = np.isfinite(column) & (np.abs(column) < _LARGEST)
    if name in _COUNTS:
        return np.where(known, column, 0).astype(np.int64)
    return column.astype(np.int64) if known.all() else column


def _times(values: list[Any]) -> pd.DatetimeIndex:
    """Returns UTC times from seconds since 1970 or ISO 8601 texts; NaT for anything else."""
    if any(isinstance(value, str) for value in values):
        texts = [value if isinstance(value, str) else None for value in values]
        times = pd.to_datetime(
            pd.Index(texts, dtype=object), utc=True, format="ISO8601", errors="coerce"
        )
    else:
        seconds = pd.Index(_figures(values))
        times = pd.to_datetime(seconds, unit="s", utc=True, errors="coerce")
    return pd.DatetimeIndex(times).as_unit("ms")


def _joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    if first.empty or second.empty:
        return second if first.empty else first
    return pd.concat([first, second], ignore_index=True)
