"""Where checkpoints fail: the metric by view, size of the car, brightness, border, car, folder."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from core.metric_table import Metric
from core.names import unique
from dashboard.compare.figures import sides_of
from dashboard.compare.rows import Chosen
from dashboard.ui.waiting import waiting
from training.comparison.figures import MOST, Side, places_of, slices_figure
from training.comparison.slices import WAY_TITLES, By, Sliced, cut

_NOTES: dict[By, str] = {
    "view": "Each angle is a view of the turntable; farther out is better.",
    "car": f"At most {MOST} cars, the worst first. The photos of one car are one observation, so "
    "there is no interval.",
}


def show_slices(chosen: Chosen) -> None:
    """Draws the worst slice of each row in words, and all slices as a figure and a table."""
    by = _pick_way(chosen)
    with waiting("Computing intervals", f"slices by {by}"):
        found = [_sliced(chosen, place, by) for place in range(len(chosen.rows))]
    for row, sliced in zip(chosen.rows, found, strict=True):
        st.html(
            f'<span style="display:inline-block;width:.75rem;height:.75rem;border-radius:.2rem;'
            f'background:{row.colour};margin-right:.5rem"></span>'
            f"<b>{escape(row.title)}</b>: {escape(sliced.sentence)}."
        )
    sides = sides_of(chosen.rows)
    st.plotly_chart(
        slices_figure(found, sides),
        key=f"slices_{by}",
        config={"displayModeBar": False},
        alt=f"{chosen.metric.title}, photos by {by}",
    )
    st.caption(_NOTES.get(by, "Bars are simultaneous 95% confidence intervals."))
    _show_table(found, sides)


def _pick_way(chosen: Chosen) -> By:
    rows = chosen.compared.rows[0]
    ways: dict[str, By] = {title: by for by, title in WAY_TITLES.items()}
    if rows["source"].nunique() == 1:
        del ways[WAY_TITLES["source"]]
    if not (rows["view"] != "").any():
        del ways[WAY_TITLES["view"]]
    title = st.segmented_control(
        "Photos by",
        list(ways),
        default=next(iter(ways)),
        required=True,
        key="by",
        bind="query-params",
    )
    return ways[str(title)]


def _sliced(chosen: Chosen, place: int, by: By) -> Sliced:
    rows = chosen.compared.rows[place]
    return _cut((chosen.mark(place), chosen.metric.name), by, rows, chosen.metric)


@st.cache_data(max_entries=128, show_spinner=False)
def _cut(key: object, by: By, _rows: pd.DataFrame, _metric: Metric) -> Sliced:
    """Returns the slices; `key` says what of."""
    return cut(_rows, _metric, by)


def _show_table(found: Sequence[Sliced], sides: Sequence[Side]) -> None:
    places = places_of(found)
    first = [found[0].slices[place] for place in places]
    counts = {
        "Photos that show": [each.name for each in first],
        "Photos": [each.images for each in first],
        "Cars": [each.cars for each in first],
    }
    titles = unique([*counts, *(side.title for side in sides)], "{} ({})")[len(counts) :]
    texts = [[each.slices[place].interval.text() for place in places] for each in found]
    table = pd.DataFrame(counts | dict(zip(titles, texts, strict=True)))
    with st.expander("All figures", icon=":material/table:"):
        st.dataframe(table, hide_index=True, height="content", alt="All figures")
