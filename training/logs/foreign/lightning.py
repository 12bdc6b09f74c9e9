"""Lightning's metrics.csv: step rows and epoch rows mixed, with empty cells between.

Lightning counts epochs and steps from 0; here both are from 1. A column is of steps where its name
ends in "_step", or where an epoch has more than one value of it; else it is of epochs.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import RunError, reason
from training.logs.curves import curves_of
from training.logs.foreign.log import ForeignLog
from training.logs.foreign.names import Figure, figure

_NAME = "metrics.csv"
_COUNTS = {"epoch", "step"}


def find(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the CSV file where its header has an epoch and a step."""
    if _NAME not in names:
        return ()
    path = folder / _NAME
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = {cell.strip().strip('"') for cell in file.readline(65536).split(",")}
    return (path,) if header >= _COUNTS else ()


def read(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of a metrics.csv; a torn last line counts as far as it goes.

    Raises:
        RunError: It is no table.
        OSError: It can't be opened.
    """
    path = paths[0]
    try:
        table = pd.read_csv(path, encoding_errors="replace", on_bad_lines="skip")
    except ValueError as error:  # ParserError and EmptyDataError among them
        raise RunError(f"{path} can't be read as a table: {reason(error)}.") from error
    table = table.rename(columns=lambda name: str(name).strip())
    table = table.apply(pd.to_numeric, errors="coerce").dropna(subset=["step"])
    table[["epoch", "step"]] += 1
    measured = [name for name in table.columns if table[name].notna().any()]
    names = {name: figure(name) for name in measured if name not in _COUNTS}
    of_steps = {name for name, each in names.items() if _is_of_steps(table, name, each)}
    steps = table.dropna(how="all", subset=sorted(of_steps)) if of_steps else table[:0]
    of_epochs = [name for name in names if name not in of_steps]
    return ForeignLog(
        curves_of(
            _rows(steps, names, [name for name in names if name in of_steps]),
            _rows(_last_of_each_epoch(table, of_epochs), names, of_epochs),
        )
    )


def _is_of_steps(table: pd.DataFrame, name: str, each: Figure) -> bool:
    if each.span:
        return each.span == "step"
    if each.metric == "learning_rate":
        return True
    values = table.loc[table[name].notna(), "epoch"].value_counts()
    return bool((values > 1).any())


def _last_of_each_epoch(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Returns one row an epoch; its train and validation rows may lie apart."""
    rows = table.dropna(how="all", subset=columns) if columns else table[:0]
    return rows.groupby("epoch", as_index=False, dropna=False).last()


def _rows(table: pd.DataFrame, names: dict[str, Figure], columns: list[str]) -> list[Any]:
    """Returns the rows with our names; of two columns for one figure the first wins."""
    ours: dict[str, str] = {}
    for name in columns:
        ours.setdefault(names[name].column, name)
    chosen = table[[*sorted(_COUNTS), *ours.values()]]
    return chosen.set_axis([*sorted(_COUNTS), *ours], axis="columns").to_dict("records")
