"""The curves of chosen runs together, as files to keep, and the settings that differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import CarmaskError
from core.names import unique
from core.split_verdict import SplitVerdict, worst
from dashboard.runs.listed import Listed, open_run, progress, readers
from dashboard.runs.plot import PlotChoice, Series, ask_plot, figure_of
from dashboard.ui.badges import FIGURES
from dashboard.ui.text import plain
from dashboard.ui.words import ago
from training.config import field_help
from training.runs.config_difference import config_difference, settings_of
from training.runs.curve_shapes import (
    Line,
    colour_of,
    in_zone,
    lines_of,
    measures_of,
    seed_groups,
    title_of,
)
from training.runs.curves import Curves

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Drawn:
    """One run with its curves."""

    run: Listed
    curves: Curves


def show_curves(chosen: Sequence[Listed], *, legend: bool = True) -> None:
    """Draws the curves of the chosen runs, their settings, and the files to keep.

    Args:
        chosen: The runs, in the order in which they were chosen.
        legend: Whether to name the runs; each name leads to its run.
    """
    drawn, errors = _read(chosen)
    measures = measures_of(each.curves for each in drawn)
    settings = [settings_of(each.run.summary.folder / "config.json") for each in drawn]
    groups = [[drawn[place] for place in group] for group in seed_groups(settings)]
    many = any(len(group) > 1 for group in groups)
    choice = ask_plot(measures, groups=many) if measures else None
    if choice is None or not (choice.seeds and many):
        groups = [[each] for each in drawn]
    if legend:
        _show_legend(groups)
    _show_live(drawn)
    if legend:
        _show_remarks(drawn)
    for run, error in errors:
        st.warning(f"**{plain(run.title)}**: {plain(error)}", icon=":material/warning:")
    if choice is None:
        if not errors:
            st.info("Nothing was measured yet; curves appear with the first figures.")
        return
    series = {each: series_of(groups, each, choice) for each in choice.measures}
    _show_figures(series, choice)
    offer_files([(each.run, each.curves) for each in drawn], series, choice)


def series_of(groups: Sequence[Sequence[Drawn]], measure: str, choice: PlotChoice) -> list[Series]:
    """Returns what one figure draws: a series a run, or a group of runs."""
    found = []
    for place, members in enumerate(groups):
        sides: dict[str, list[Line]] = {}
        for each in members:
            for side, line in lines_of(each.curves, measure, choice.columns).items():
                local = in_zone(line, choice.zone) if choice.columns == "time" else line
                sides.setdefault(side, []).append(local)
        if sides:
            found.append(
                Series(
                    _name(members), colour_of(place), _verdict(members), sides, runs=len(members)
                )
            )
    return found


def _name(members: Sequence[Drawn]) -> str:
    """Returns what a run, or the seeds of one configuration, are called: "wide, 3 seeds"."""
    titles = [each.run.title for each in members]
    if len(titles) == 1:
        return titles[0]
    alike = takewhile(lambda signs: len(set(signs)) == 1, zip(*titles, strict=False))
    shared = re.sub(r"[-_. ]*(seed|s)?[-_. ]*$", "", "".join(signs[0] for signs in alike))
    return f"{shared or titles[0]}, {len(titles)} seeds"


def _verdict(members: Sequence[Drawn]) -> SplitVerdict:
    return worst(each.run.summary.verdict for each in members)


def _read(chosen: Sequence[Listed]) -> tuple[list[Drawn], list[tuple[Listed, str]]]:
    drawn, errors = [], []
    for run in chosen:
        try:
            curves = readers().curves(run.summary.folder)
        except CarmaskError as error:
            errors.append((run, str(error)))
            continue
        if curves.error:
            errors.append((run, curves.error))
        drawn.append(Drawn(run, curves))
    return drawn, errors


def _show_legend(groups: Sequence[Sequence[Drawn]]) -> None:
    """Draws the names beside their colours; a name leads to its run."""
    rules = "".join(_rule(place, members) for place, members in enumerate(groups))
    st.html(f"<style>{rules}</style>")
    with st.container(key="legend", horizontal=True, gap="small"):
        for place, members in enumerate(groups):
            alone = len(members) == 1
            st.button(
                plain(_name(members)),
                key=f"legend_{place}",
                type="tertiary",
                help="Open this run"
                if alone
                else plain(", ".join(each.run.title for each in members)),
                on_click=open_run if alone else None,
                args=(members[0].run.name,) if alone else None,
            )


def _rule(place: int, members: Sequence[Drawn]) -> str:
    """Returns the style of a name: its colour before it and a bad verdict behind it."""
    name = f".st-key-legend_{place} p"
    before = (
        f"{name}::before {{ content: ''; display: inline-block; width: 1.1rem; height: 0.25rem; "
        f"border-radius: 0.2rem; background: {colour_of(place)}; margin-right: 0.45rem; "
        "vertical-align: middle; }"
    )
    verdict = _verdict(members)
    if verdict.is_clean:
        return before
    return before + (
        f"{name}::after {{ content: '{verdict.label}'; color: {FIGURES[verdict.kind]}; "
        "font-weight: 650; margin-left: 0.45rem; }"
    )


def _show_live(drawn: Sequence[Drawn]) -> None:
    for each in drawn:
        if each.run.alive:
            summary = each.run.summary
            parts = (f"{summary.status}, {progress(summary)}", f"updated {ago(summary.updated)}")
            st.caption(f"**{plain(each.run.title)}** is {plain(' · '.join(parts))}")


def _show_remarks(drawn: Sequence[Drawn]) -> None:
    """Draws what was guessed in logs of other programs, and what was left out."""
    for each in drawn:
        if each.run.summary.remark:
            st.caption(f"**{plain(each.run.title)}**: {plain(each.run.summary.remark)}")


def _show_figures(series: dict[str, list[Series]], choice: PlotChoice) -> None:
    figures = list(series.items())
    per_row = 2 if len(figures) > 1 else 1
    for row in range(0, len(figures), per_row):
        for column, (measure, lines) in zip(
            st.columns(per_row, gap="medium"), figures[row : row + per_row], strict=False
        ):
            with column.container(border=True, gap="xsmall"):
                _show_figure(measure, lines, choice)


def _show_figure(measure: str, series: list[Series], choice: PlotChoice) -> None:
    pairs = any(len(each.sides) > 1 for each in series)
    note = " :small[:gray[dotted: training, solid: validation]]" if pairs else ""
    st.markdown(f"**{plain(title_of(measure))}**{note}")
    if not series:
        st.caption(
            f"Not measured over {choice.axis.lower()} by these runs; try another one in **Over**."
        )
        return
    figure = figure_of(series, axis=choice.axis, smoothing=choice.smoothing, log=choice.log)
    name = f"carmask-{measure.replace('@', '-on-')}"
    st.plotly_chart(
        figure,
        key=f"curve_{measure}",
        config={
            "displaylogo": False,
            "responsive": True,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
            "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
        },
        alt=f"{title_of(measure)} over {choice.axis.lower()}",
    )


def show_difference(chosen: Sequence[Listed]) -> None:
    """Draws the settings that differ, a row each; nothing for fewer than two runs."""
    if len(chosen) < 2:
        return
    st.subheader("Settings that differ", anchor=False)
    table = config_difference([run.summary.folder for run in chosen])
    silent = [run for run in chosen if not (run.summary.folder / "config.json").is_file()]
    if silent:
        names = ", ".join(plain(run.title) for run in silent)
        st.caption(f"Without a config.json: {names}.")
    if table.empty:
        if len(silent) < len(chosen) - 1:
            st.caption("None: these runs have the same settings.")
        return
    titles = [run.title for run in chosen]
    table.columns = unique(["Setting", "What it is", *titles], "{} {}")[2:]
    texts = field_help()
    table = table.fillna("").reset_index(names="Setting")
    table["What it is"] = [texts.get(name, "").partition(". ")[0] for name in table["Setting"]]
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Setting": st.column_config.TextColumn(pinned=True, width=150),
            "What it is": st.column_config.TextColumn(width="large"),
        },
        height="content" if len(table) < 16 else 560,
        alt="Settings that differ",
    )


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
