"""The table of runs: what is known of each in a row; its rows choose whose curves are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.metric_table import HEADLINE
from core.split_verdict import SplitVerdict
from dashboard.runs.listed import Listed, choose, open_run
from dashboard.ui.badges import FIGURES, STATUSES
from dashboard.ui.words import duration
from training.runs.notes import RunNotes
from training.runs.summary import RunSummary, Scores

LAST = "Last "
_TURN = "runs_turn"
_ROWS = 9
"""Rows that are seen without scrolling."""
_MARKED: dict[str, str] = {SplitVerdict(kind).label: colour for kind, colour in FIGURES.items()}
"""Colour of figures by the text in "Split"."""


def show_table(listed: Sequence[Listed], chosen: Sequence[Listed]) -> None:
    """Draws the listed runs with the chosen ones ticked."""
    names = [run.name for run in listed]
    marked = {run.name for run in chosen}
    rows = [place for place, name in enumerate(names) if name in marked]
    turn, key = _table_key(names, rows)

    def picked() -> None:
        # While a run is watched, the browser may repeat what it said of an older table.
        if st.session_state.get(_TURN, 0) != turn:
            return
        selection = _selection(key)
        cells = [(row, column) for row, column in selection.get("cells", [])]
        if cells and cells[0][1] == "Name":
            st.session_state[_TURN] = turn + 1
            open_run(names[cells[0][0]])
            return
        now = {names[row] for row in selection.get("rows", [])}
        kept = [run.name for run in chosen if run.name in now or run.name not in names]
        choose([*kept, *(name for name in names if name in now and name not in marked)])

    height = round(36 * (1 + min(len(names), _ROWS + 0.5))) + 2  # half a row says: scroll
    st.dataframe(
        styled(table_of(listed)),
        key=key,
        height=height,
        row_height=36,
        hide_index=True,
        on_select=picked,
        selection_mode=["multi-row", "single-cell"],
        selection_default={"selection": {"rows": rows}},
        column_config=_columns(),
        placeholder="",
        alt="Runs",
    )


def table_of(runs: Sequence[Listed]) -> pd.DataFrame:
    """Returns a row a run, as a person reads it."""
    rows = [_row(run) for run in runs]
    table = pd.DataFrame(rows, columns=list(_row(_NOBODY)))
    for column in ("Best epoch", "Seed", "Parameters"):
        table[column] = table[column].astype("Int64")
    table["Started"] = pd.to_datetime(table["Started"], utc=True)
    if not any(run.notes.tags for run in runs):
        table = table.drop(columns="Tags")
    return table


def styled(table: pd.DataFrame) -> Any:
    """Returns the table with the figures coloured by the verdict, and what runs or broke marked."""
    labels = [metric.label for metric in HEADLINE]
    figures = ["Split", *labels, *(LAST + label for label in labels)]

    def of_row(row: pd.Series[Any]) -> list[str]:
        status = STATUSES.get(row.get("Status", ""))
        colours = dict.fromkeys(figures, _MARKED.get(row["Split"], ""))
        colours["Status"] = status.text if status else ""
        return [f"color: {colours[n]}" if colours.get(n) else "" for n in row.index]

    marked = table.style.apply(of_row, axis=1)
    if "Duration" in table:  # shown as text, sorted as a number
        written: dict[Any, Any] = {"Duration": duration}
        marked = marked.format(written, na_rep="")
    return marked


def _row(run: Listed) -> dict[str, Any]:
    summary = run.summary
    verdict = summary.verdict_on_figures
    epochs = f"{summary.epoch} of {summary.epochs}" if summary.epochs else str(summary.epoch or "")
    return {
        "Name": run.title,
        "Status": "" if summary.status == "unknown" else summary.status,
        "Epochs": epochs,
        **_scores(summary.best, ""),
        "Best epoch": summary.best_epoch,
        "Split": verdict.label if verdict else "",
        "Duration": summary.seconds,
        "Started": summary.started,
        **_scores(summary.last, LAST),
        "Data": ", ".join(summary.data),
        "Device": summary.device,
        "Seed": summary.seed,
        "Parameters": summary.parameters,
        "Tags": list(run.notes.tags),
        "Note": _note(run),
    }


def _note(run: Listed) -> str:
    summary = run.summary
    foreign = "" if summary.written_by in ("carmask", "") else f"{summary.written_by} log"
    archived = "archived" if run.notes.archived else ""
    parts = (archived, summary.error, summary.message, foreign, run.notes.notes)
    return " · ".join(part for part in parts if part)


def _scores(scores: Scores | None, before: str) -> dict[str, float | None]:
    return {
        before + metric.label: scores.get(metric.name) if scores else None for metric in HEADLINE
    }


def _columns() -> dict[str, Any]:
    config = st.column_config
    columns: dict[str, Any] = {
        "Name": config.TextColumn(pinned=True, width=190, help="Click a name to open the run."),
        "Status": config.TextColumn(width=84),
        "Epochs": config.TextColumn(width=84, help="Finished, of those asked for."),
        "Best epoch": config.NumberColumn(width=88, help="The one with the highest Dice."),
        "Split": config.TextColumn(
            width=104,
            help="LEAKY: validation cars were trained on, so every figure flatters. UNKNOWN: there "
            "is no record of what was trained on.",
        ),
        "Duration": config.NumberColumn(width=96),
        "Started": config.DatetimeColumn(
            format="YYYY-MM-DD HH:mm", timezone=st.context.timezone, width=136
        ),
        "Data": config.TextColumn(width=170),
        "Device": config.TextColumn(width=76),
        "Seed": config.NumberColumn(width=64),
        "Parameters": config.NumberColumn(format="compact", width=94),
        "Tags": config.ListColumn(width=140),
        "Note": config.TextColumn(width=260),
    }
    for metric in HEADLINE:
        form = f"%.{metric.digits}f"
        columns[metric.label] = config.NumberColumn(
            format=form,
            width=92,
            help=f"{metric.help} Mean over all validation photos, single pass, at the epoch with "
            "the highest Dice.",
        )
        columns[LAST + metric.label] = config.NumberColumn(
            format=form, width=92, help="At the last epoch that was validated."
        )
    return columns


def _table_key(names: Sequence[str], rows: Sequence[int]) -> tuple[int, str]:
    """Returns the table's number and key; it is another table where other rows are to be ticked.

    A selection is of places, so another list is another table as well.
    """
    turn = st.session_state.get(_TURN, 0)
    digest = hashlib.sha256(chr(0).join(names).encode()).hexdigest()[:16]
    key = f"runs_{turn}_{digest}"
    if key in st.session_state and list(_selection(key).get("rows", [])) != list(rows):
        turn += 1
        st.session_state[_TURN] = turn
        key = f"runs_{turn}_{digest}"
    return turn, key


def _selection(key: str) -> dict[str, Any]:
    state = st.session_state.get(key) or {}
    return dict(state.get("selection", {}))


_NOBODY = Listed(RunSummary("", Path()), RunNotes())
"""A run of which nothing is known: it has the columns of all others."""
