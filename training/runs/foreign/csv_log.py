"""Logs that are a CSV file: Lightning's metrics.csv, Keras, ultralytics, an export of W&B.

Lightning mixes rows of steps and of epochs, with empty cells between, and counts both from 0; of
the others a count that begins at 0 does so. Here both are from 1. A column is of steps where its
name ends in "_step", where it is a learning rate, or where the training writes it more than once in
most epochs; else it is of epochs. An epoch may be validated more than once: each has a row.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import RunError, reason
from training.runs.curves import curves_of
from training.runs.foreign.log import Figure, ForeignLog, figure, figures, one_a_validation
from training.runs.foreign.restarts import counts_epochs, number_epochs, rows_that_count

_LIGHTNING = "metrics.csv"
_FILES = 8
"""CSV files of a folder that are looked into."""
_HEAD = 65536
_EPOCH, _STEP = "epoch", "step"
_COUNTS = [_EPOCH, _STEP]
_STEPS = ("step", "global_step", "trainer/global_step", "iteration", "iter", "_step")
"""What others call the step, in lower case; the first that a file has counts."""
_RANGES = ("__MIN", "__MAX")
"""Ends of columns that W&B adds to each curve that it exports."""
_LARGEST = 2.0**53


def find_lightning(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the metrics.csv where its header has an epoch and a step, or a step and figures."""
    if _LIGHTNING not in names:
        return ()
    header = _header(folder / _LIGHTNING)
    has_figures = {_EPOCH} <= header or any(figure(name).is_known for name in header)
    return (folder / _LIGHTNING,) if _STEP in header and has_figures else ()


def find(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the first CSV file whose header has an epoch or a step, and a figure."""
    files = sorted(name for name in names if name.lower().endswith(".csv"))
    for path in (folder / name for name in files[:_FILES]):
        header = _header(path)
        counted = header & {_EPOCH, *_STEPS}
        if counted and any(figure(name).is_known for name in header - counted):
            return (path,)
    return ()


def read_lightning(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of a metrics.csv; a torn last line counts as far as it goes.

    Raises:
        RunError: It is no table.
        OSError: It can't be opened.
    """
    return _log(*_table(paths[0], from_zero=True))


def read(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of any other CSV file.

    Raises:
        RunError: It is no table.
        OSError: It can't be opened.
    """
    return _log(*_table(paths[0], from_zero=False))


def _header(path: Path) -> set[str]:
    """Returns the names of a file's columns, in lower case."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline(_HEAD)
    cells = next(csv.reader([line.replace("\0", "")], delimiter=_delimiter(line)), [])
    return {_name(cell).lower() for cell in cells}


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _name(cell: str) -> str:
    """Returns a column's name without that of the run, which W&B puts before it."""
    return cell.rpartition(" - ")[2].strip()


def _cells(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Returns the cells of a file as text under its header, and remarks.

    Raises:
        RunError: It is no table.
        OSError: It can't be opened.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    delimiter = _delimiter(text.partition("\n")[0])
    try:
        rows = [
            row for row in csv.reader(text.splitlines(), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise RunError(f"{path} can't be read as a table: {reason(error)}.") from error
    if not rows:
        raise RunError(f"{path} can't be read as a table: it is empty.")
    header, rows = rows[0], rows[1:]
    whole = [row + [""] * (len(header) - len(row)) for row in rows if len(row) <= len(header)]
    table = pd.DataFrame(whole, columns=header, dtype=object)
    if delimiter == ";":
        table = table.replace(",", ".", regex=True)
    lost = len(rows) - len(whole)
    remark = f"{lost} of its {len(rows)} rows have more cells than the header; they are left out."
    return table, [remark] if lost else []


def _table(path: Path, *, from_zero: bool) -> tuple[pd.DataFrame, list[str]]:
    """Returns a file as numbers, with `epoch` and `step` where it has them, and remarks."""
    table, remarks = _cells(path)
    table = table[[name for name in map(str, table) if not name.endswith(_RANGES)]]
    names = [_name(name) for name in map(str, table)]
    lower = pd.Index([name.lower() for name in names])
    if lower.has_duplicates:
        remarks.append("It has columns of one name; the first of each is shown.")
    step = next((name for name in _STEPS if name in lower), _STEP)
    others = [name for name in _STEPS if name != step]
    names = [name.lower() if name.lower() in (_EPOCH, *_STEPS) else name for name in names]
    table = table.set_axis(names, axis="columns").loc[:, ~lower.duplicated()]
    table = table.drop(columns=others, errors="ignore").rename(columns={step: _STEP})
    table = table.apply(pd.to_numeric, errors="coerce")
    for count in (name for name in _COUNTS if name in table):
        known = table[count].between(0, _LARGEST)
        table[count] = np.ceil(table[count].where(known))  # 0.5 is in the first epoch
        table[count] += from_zero or table[count].min() == 0
    counted = table[_STEP if _STEP in table else _EPOCH].notna()
    lost = int((~counted & table.drop(columns=_COUNTS, errors="ignore").notna().any(axis=1)).sum())
    if lost:
        remarks.append(f"Figures without a step or epoch, in rows: {lost}; they are left out.")
    table = table[counted]
    return table.reset_index(drop=True), remarks


def _log(table: pd.DataFrame, remarks: list[str]) -> ForeignLog:
    measured = [
        each for each in map(str, table) if each not in _COUNTS and table[each].notna().any()
    ]
    names = figures(measured)
    training = [name for name in measured if names[name].trains]
    counted = _STEP if _STEP in table else _EPOCH
    places = table[counted].to_numpy(np.int64, copy=True)
    if counted == _STEP and _EPOCH in table:
        # Rows of one moment may be a step apart.
        same = np.diff(table[_EPOCH], prepend=np.nan) == 0
        places[same & (np.diff(places, prepend=places[:1]) == -1)] += 1
    kept, remark = rows_that_count(
        places.tolist(), table[training].notna().any(axis="columns").tolist()
    )
    table = table.iloc[kept].reset_index(drop=True)
    if _EPOCH not in table:
        table[_EPOCH] = _numbered(table, [name for name in measured if not names[name].trains])
    of_steps = {name for name in measured if _is_of_steps(table, name, names[name])}
    of_epochs = [name for name in measured if name not in of_steps]
    table[_STEP] = table.get(_STEP, 0)
    steps = table.dropna(how="all", subset=sorted(of_steps)) if of_steps else table[:0]
    ends = table.dropna(how="all", subset=of_epochs) if of_epochs else table[:0]
    log = curves_of(
        _rows(steps, names, [name for name in measured if name in of_steps]),
        one_a_validation(_rows(ends, names, of_epochs)),
    )
    return ForeignLog(log, remark=" ".join(filter(None, [*remarks, remark])))


def _numbered(table: pd.DataFrame, validation: Sequence[str]) -> list[int]:
    """Returns the epoch of each row of a log without epochs, from the steps of its validations."""
    steps = table[_STEP].astype(np.int64)
    valid = table[list(validation)].notna().any(axis="columns")
    ends = sorted(set(steps[valid]))
    if counts_epochs(ends, sorted(set(steps[~valid]) | set(ends))):
        return steps.to_list()
    epochs, inside = number_epochs(ends, steps.to_list())
    at = dict(zip(ends, epochs, strict=True))
    return [at.get(step, each) for step, each in zip(steps, inside, strict=True)]


def _is_of_steps(table: pd.DataFrame, name: str, each: Figure) -> bool:
    if each.span or _STEP not in table:
        return each.span == "step" and _STEP in table
    if each.metric == "learning_rate":
        return True
    if each.side in ("val", "test"):
        return False
    values = table.loc[table[name].notna(), _EPOCH].value_counts()
    return bool(len(values)) and float(values.median()) > 1


def _rows(table: pd.DataFrame, names: dict[str, Figure], columns: list[str]) -> list[Any]:
    """Returns the rows with our names; of two columns for one figure the first wins."""
    ours: dict[str, str] = {}
    for name in columns:
        ours.setdefault(names[name].column, name)
    chosen = table[[*_COUNTS, *ours.values()]]
    return chosen.set_axis([*_COUNTS, *ours], axis="columns").to_dict("records")
