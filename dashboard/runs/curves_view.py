"""The curves of chosen runs together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import streamlit as st

from core.errors import CarmaskError
from core.split_verdict import SplitVerdict, worst
from dashboard.runs.choice import open_run
from dashboard.runs.listed import Listed, progress
from dashboard.runs.plot import Series, figure_of
from dashboard.runs.plot_choice import PlotChoice, ask_plot
from dashboard.runs.readers import readers
from dashboard.runs.take_home import offer_files
from dashboard.ui.badges import FIGURES
from dashboard.ui.text import plain
from dashboard.ui.words import ago
from training.runs.config_difference import settings_of
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
