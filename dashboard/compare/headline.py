"""What the statistics say of a comparison: the page's headline, verdicts, ranks and intervals."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.metric_table import Metric
from core.split_verdict import SplitVerdict
from dashboard.compare.rows import Chosen
from dashboard.ui.badges import show_verdict
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.comparison.aligned import Compared
from training.comparison.interval import Interval
from training.comparison.ranking import Place, Ranking, rank
from training.comparison.verdict import Verdict

_PLACES = 6
"""Places of a ranking that stand below the headline; the table has all of them."""


def show_headline(chosen: Chosen | None) -> None:
    """Draws what the comparison says; the page's name where nothing is compared yet."""
    if chosen is None:
        st.title("Compare", anchor=False)
        return
    with waiting("Comparing", f"ranking of {len(chosen.rows)}"):
        ranked = ranked_rows(chosen)
    if not ranked:
        st.title("No ranking: all of them saw these cars in training", anchor=False)
    elif len(ranked) == 1:
        interval = intervals_of(chosen, chosen.metric)[ranked[0]]
        text = interval.text_with(chosen.metric.unit)
        title = chosen.rows[ranked[0]].title
        path = chosen.evaluations[ranked[0]].facts.prediction
        st.title(plain(f"{title}: {chosen.metric.title} {text}, {path}"), anchor=False)
    elif len(ranked) == 2:
        verdict = next(filter(None, verdicts_of(chosen)))
        st.title(plain(headline_of(verdict)), anchor=False)
    else:
        places = ranking_of(chosen).ranked
        st.title(plain(ranking_headline(places, chosen.metric)), anchor=False)
        _show_places(places, chosen.metric)
    _show_what_it_is_of(chosen, ranked)
    _show_cautions(chosen)


def headline_of(verdict: Verdict) -> str:
    """Returns the verdict of two: of the better one, else with both names."""
    if verdict.kind == "worse":
        verdict = verdict.reversed
    if verdict.kind == "better":
        return verdict.sentence
    said = verdict.sentence.replace(": ", ", ", 1)
    return f"{verdict.names[1]} and {verdict.names[0]}: {said}"


def ranking_headline(places: Sequence[Place], metric: Metric) -> str:
    """Returns who leads: "a is the best of 4 by Dice", "a and b are tied for first on Dice"."""
    first = [place.name for place in places if place.rank == 1]
    if len(first) == 1:
        return f"{first[0]} is the best of {len(places)} by {metric.title}"
    if len(first) == len(places):
        return f"None of these {len(places)} is better for sure by {metric.title}"
    if len(first) > 3:
        return f"{len(first)} of {len(places)} are tied for first on {metric.title}"
    names = f"{', '.join(first[:-1])} and {first[-1]}"
    return f"{names} are tied for first on {metric.title}"


def _show_places(places: Sequence[Place], metric: Metric) -> None:
    parts = [
        f"**{place.text}** {plain(place.name)} {place.interval.text_with(metric.unit)}"
        for place in places[:_PLACES]
    ]
    if len(places) > _PLACES:
        parts.append(f"and {len(places) - _PLACES} more")
    st.markdown(" · ".join(parts))


def _show_what_it_is_of(chosen: Chosen, ranked: Sequence[int]) -> None:
    """Draws on what the sentence stands: images, cars, and what can't be read."""
    compared = chosen.compared
    parts = [plain(chosen.images.title), "95% intervals over cars"]
    if len(ranked) == 2:
        titles = [chosen.rows[place].title for place in ranked if place != chosen.baseline]
        parts.insert(0, f"{plain(titles[0])} against "
                        f"{plain(chosen.rows[chosen.baseline].title)}")  # fmt: skip
    left_out = len(compared.left_out)
    if left_out and len(ranked) != 2:  # the verdict of two says it itself
        parts.append(f"without {left_out} that can't be read: {plain(_few(compared.left_out))}")
    st.caption(" · ".join(parts))


def _show_cautions(chosen: Chosen) -> None:
    """Draws what figures must be read with: a line a row without a rank, one box for the rest."""
    warned: dict[str, list[str]] = {}
    for row, evaluation in zip(chosen.rows, chosen.evaluations, strict=True):
        facts = evaluation.facts
        if facts.verdict.kind == "leaky":
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(row.title)}**", width="content")
                show_verdict(facts.verdict)
                st.caption(f"{plain(_seen(facts.verdict))}, so it has no rank.", width="content")
            continue
        for warning in facts.cautions:
            warned.setdefault(warning, []).append(row.title)
    if warned:
        lines = [
            f"**{plain(_all_or_few(titles, chosen))}**: {plain(warning)}"
            for warning, titles in warned.items()
        ]
        st.warning("  \n".join(lines), icon=":material/warning:")


def _seen(verdict: SplitVerdict) -> str:
    """Returns how many of the cars a network was trained on, in words."""
    counts = f"{verdict.shared} of these {verdict.total}" if verdict.total else "some of these"
    return f"It was trained on {counts} cars and scores too high on them"


def _all_or_few(titles: Sequence[str], chosen: Chosen) -> str:
    return "All of them" if len(titles) == len(chosen.rows) > 1 else _few(titles)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


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
