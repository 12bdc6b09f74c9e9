"""What a data folder looks like in figures: where people would rather look than read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.drawing import heatmap
from core.image import encode_png
from core.preprocess import enlarge
from dashboard.dataset.filters import jump
from dashboard.dataset.known import Known
from dashboard.dataset.plots import Bars, histogram, show_bars
from dashboard.dataset.split_choice import Sides
from training.health.survey import Survey

_STEPS, _LEAST = 24, 12
"""Bars of a histogram, at most, and the least that it reaches over in %."""


def show_figures(known: Known) -> None:
    """Draws the figures of what is measured; nothing before that."""
    table, sides = known.survey.table, known.sides
    if table is None or not table["width"].notna().any():
        return
    drawn: list[Callable[[], None]] = [
        lambda: _share(table, sides),
        lambda: _mean_mask(known.survey),
        lambda: _brightness(table, sides),
    ]
    if table.loc[table["view"] != "", "view"].nunique() > 1:
        drawn.append(lambda: _views(table))
    ratios = (table["width"] / table["height"]).replace([np.inf, -np.inf], np.nan).dropna()
    if ratios.round(2).nunique() > 1:
        drawn.append(lambda: _ratios(ratios))
    for row in range(0, len(drawn), 2):
        for column, draw in zip(st.columns(2, gap="medium"), drawn[row : row + 2], strict=False):
            with column.container(border=True, gap="xsmall", height="stretch"):
                draw()


def _title(text: str, note: str) -> None:
    st.markdown(f"**{text}**", help=note)


def _sides_of(
    table: pd.DataFrame, column: str, sides: Sides | None, scale: float
) -> tuple[list[NDArray[np.float64]], list[str]]:
    values = table[column] * scale
    if sides is None:
        return [values.to_numpy(np.float64)], ["All photos"]
    both = [values[table["name"].isin(names)] for names in (sides.train, sides.val)]
    return [each.to_numpy(np.float64) for each in both], ["Train", "Validation"]


def _edges(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Returns edges of bars in whole steps of %, at most _STEPS bars."""
    joined = np.concatenate(values)
    known = joined[np.isfinite(joined)]
    if not len(known):
        return np.array([0.0, 100.0])
    low, high = np.floor(known.min()), np.ceil(known.max())
    room = max(0, (_LEAST - (high - low)) // 2)  # photos that are all alike are no wall of one bar
    low, high = max(0, low - room), high + room
    step = max(1, int(np.ceil((high - low) / _STEPS)))
    return np.arange(low, high + step, step, dtype=np.float64)


def _share(table: pd.DataFrame, sides: Sides | None) -> None:
    _title("Car share", "How much of the photo the car covers. Click a bar to see its photos.")
    _percent(table, "share", sides, 100.0, "% of the photo")


def _brightness(table: pd.DataFrame, sides: Sides | None) -> None:
    _title("Brightness", "Mean brightness of a photo. Click a bar to see its photos.")
    _percent(table, "brightness", sides, 1 / 2.55, "% of white")


def _percent(
    table: pd.DataFrame, column: str, sides: Sides | None, scale: float, title: str
) -> None:
    values, names = _sides_of(table, column, sides, scale)
    edges = _edges(values)
    bars = histogram(values, names, edges)
    labels = [f"{low:g} to {high:g} %" for low, high in pairwise(edges)]

    def pick(bar: int) -> None:
        low, high = max(0, int(edges[bar])), min(100, int(edges[bar + 1]))
        jump(**{column: (low, high)})

    centres = ((edges[:-1] + edges[1:]) / 2).tolist()
    show_bars(
        bars,
        labels,
        centres,
        title=title,
        unit="% of the photos",
        key=f"plot_{column}",
        on_pick=pick,
    )


def _views(table: pd.DataFrame) -> None:
    _title("Car share by view", "Mean over the photos of a view. Click a bar to see them.")
    means = table[table["view"] != ""].groupby("view")["share"].mean() * 100
    views = [str(view) for view in means.index]
    show_bars(
        [Bars("All photos", means.to_numpy(np.float64))],
        [f"View {view}" for view in views],
        views,
        title="View",
        unit="% of the photo",
        key="plot_views",
        on_pick=lambda bar: jump(of_view=views[bar]),
    )


def _ratios(ratios: pd.Series) -> None:
    _title("Aspect ratio", "Width over height of the photos.")
    low, high = float(ratios.quantile(0.005)), float(ratios.quantile(0.995))
    edges = np.linspace(low, max(high, low + 0.01), _STEPS + 1)
    bars = histogram([ratios.to_numpy(np.float64)], ["All photos"], edges)
    labels = [f"{low:.2f} to {high:.2f}" for low, high in pairwise(edges)]
    centres = ((edges[:-1] + edges[1:]) / 2).tolist()
    show_bars(
        bars, labels, centres, title="Width / height", unit="% of the photos", key="plot_ratios"
    )


def _mean_mask(survey: Survey) -> None:
    mean = survey.mean_mask
    _title("Where the cars are", "The mean of the masks: bright where a car often is.")
    if mean is None:
        st.caption("Being drawn …" if survey.running else "No mask could be read.")
        return
    with st.container(key="mean", horizontal_alignment="center"):
        height, width = mean.share.shape
        picture = heatmap(enlarge(mean.share, 3 * height, 3 * width))
        st.image(encode_png(picture), width="content", output_format="PNG", alt="Mean mask")
    most = f"{mean.share.max():.0%}"
    st.caption(f"Mean of {mean.count:,} masks; the brightest place is car in {most} of them.")
