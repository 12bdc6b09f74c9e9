"""Curves as files to keep: CSV with every figure, and one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.runs.listed import Listed
from dashboard.runs.plot import Series, figure_of
from dashboard.runs.plot_choice import PlotChoice
from training.runs.curve_shapes import title_of
from training.runs.curves import Curves

if TYPE_CHECKING:
    import pandas as pd


def offer_files(
    runs: Sequence[tuple[Listed, Curves]], series: Mapping[str, list[Series]], choice: PlotChoice
) -> None:
    """Draws the buttons; a file is made when its button is pressed."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.download_button(
            "CSV",
            lambda: curves_csv(runs),
            "carmask-curves.csv",
            "text/csv",
            key="save_csv",
            icon=":material/download:",
            help="Every figure of these runs as it was measured, nothing smoothed.",
            on_click="ignore",
        )
        st.download_button(
            "HTML",
            lambda: curves_html(series, choice),
            "carmask-curves.html",
            "text/html",
            key="save_html",
            icon=":material/download:",
            help="These figures in one file of about 5 MB that opens anywhere, without a network.",
            on_click="ignore",
        )
        st.caption("Use the camera icon on a chart to save a PNG.", width="content")


def curves_csv(runs: Sequence[tuple[Listed, Curves]]) -> bytes:
    """Returns every step and epoch line of runs as CSV, raw."""
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for run, curves in runs:
        for kind, table in (("step", curves.steps), ("epoch", curves.epochs)):
            if len(table):
                part = table.copy()
                part.insert(0, "run", run.name)
                part.insert(1, "kind", kind)
                part.insert(2, "leaky", run.summary.verdict.kind == "leaky")
                part["split"] = run.summary.verdict.kind
                parts.append(part)
    if not parts:
        return b"run,kind\n"
    return pd.concat(parts, ignore_index=True).to_csv(index=False).encode()


def curves_html(series: Mapping[str, list[Series]], choice: PlotChoice) -> bytes:
    """Returns a page with the figures and plotly inside it."""
    parts: list[str] = []
    for measure, lines in series.items():
        if not lines:
            continue
        figure = figure_of(
            lines,
            axis=choice.axis,
            smoothing=choice.smoothing,
            log=choice.log,
            legend=True,
        )
        figure.update_layout(template="plotly_white", height=460)
        body = figure.to_html(full_html=False, include_plotlyjs=not parts)
        parts.append(f"<h2>{escape(title_of(measure))}</h2>\n{body}")
    style = "body { font-family: sans-serif; max-width: 75rem; margin: 2rem auto; }"
    head = f'<meta charset="utf-8"><title>Carmask curves</title><style>{style}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(parts)}</body></html>".encode()
