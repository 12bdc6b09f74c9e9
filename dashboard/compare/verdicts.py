"""What the statistics say of a comparison; computed once for all sessions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.metric_table import Metric
from dashboard.compare.choice import Chosen
from training.comparison.aligned import Compared
from training.comparison.interval import Interval
from training.comparison.ranking import Ranking, rank
from training.comparison.verdict import Verdict


def ranking_of(chosen: Chosen) -> Ranking:
    """Returns all rows in the order of the chosen metric, and the verdict of every pair."""
    return _ranking(key_of(chosen), chosen.metric, chosen.compared)


def intervals_of(chosen: Chosen, metric: Metric) -> Sequence[Interval]:
    """Returns the mean of every row's figures with its interval, in the rows' order."""
    return _intervals(key_of(chosen), metric, chosen.compared)


def verdicts_of(chosen: Chosen) -> list[Verdict | None]:
    """Returns what each row is against the baseline by the chosen metric.

    None of itself, and where one of both was trained on the cars that it is scored on.
    """
    ranking, names = ranking_of(chosen), chosen.compared.names
    against = names[chosen.baseline]
    alone = {against, *(names if against in ranking.unranked else ranking.unranked)}
    return [None if name in alone else ranking.verdict(name, against) for name in names]


def ranked_rows(chosen: Chosen) -> list[int]:
    """Returns the places of the rows that have a rank, in the rows' order."""
    unranked = ranking_of(chosen).unranked
    return [place for place, name in enumerate(chosen.compared.names) if name not in unranked]


def key_of(chosen: Chosen) -> str:
    """Returns what tells these rows, so named and measured, from any others."""
    return "\0".join([*chosen.compared.names, *map(chosen.mark, range(len(chosen.rows)))])


@st.cache_resource(max_entries=64, show_spinner=False)
def _ranking(key: str, metric: Metric, _compared: Compared) -> Ranking:
    return rank(_compared, metric)


@st.cache_resource(max_entries=256, show_spinner=False)
def _intervals(key: str, metric: Metric, _compared: Compared) -> Sequence[Interval]:
    return _compared.intervals(metric)
