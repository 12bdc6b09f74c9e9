"""What the rows are compared by, and the one that all others are compared against."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import ConfigError
from pages.shared.compare.choice import Row
from pages.shared.text import plain
from training.evaluation.rows import METRICS, Metric, find_metric

_METRIC, _BASELINE = "metric", "baseline"


def pick_metric() -> Metric:
    """Draws the choice of the metric and returns it."""
    try:
        wanted = find_metric(st.query_params.get(_METRIC, METRICS[0].name))
    except ConfigError as error:
        st.warning(plain(str(error)))
        wanted = METRICS[0]
    st.session_state["metric_choice"] = wanted.name
    chosen = st.selectbox(
        "By",
        [metric.name for metric in METRICS],
        format_func=lambda name: find_metric(name).label,
        key="metric_choice",
        help="A mask that is wrong by one pixel along its whole edge still has Dice 0.989 at "
        "512 px: where Dice is close, the edges decide.",
        on_change=_write,
        args=(_METRIC,),
    )
    return find_metric(chosen)


def pick_baseline(rows: Sequence[Row]) -> int:
    """Draws the choice of the baseline and returns its place.

    Args:
        rows: What is compared; at least one.
    """
    titles = {row.name: row.title for row in rows}
    wanted = st.query_params.get(_BASELINE, "")
    # Before anybody chose, the second is asked whether the first is better than it.
    usual = rows[min(1, len(rows) - 1)].name
    st.session_state["baseline_choice"] = wanted if wanted in titles else usual
    chosen = st.selectbox(
        "Against",
        list(titles),
        format_func=titles.__getitem__,
        key="baseline_choice",
        help="The baseline: every verdict says what another checkpoint is, compared to this one.",
        on_change=_write,
        args=(_BASELINE,),
    )
    return [row.name for row in rows].index(chosen)


def _write(word: str) -> None:
    """Writes the widget of a choice to the URL. A callback."""
    st.query_params[word] = st.session_state[f"{word}_choice"]
