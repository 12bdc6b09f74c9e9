"""The page's headline: what the comparison says, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.metric_table import Metric
from dashboard.compare.choice import Chosen
from dashboard.compare.verdicts import intervals_of, ranking_of, verdicts_of
from dashboard.ui.text import plain
from training.comparison.ranking import Place
from training.comparison.verdict import Verdict

_PLACES = 6
"""Places of a ranking that stand below the headline; the table has all of them."""


def show_headline(chosen: Chosen | None) -> None:
    """Draws what the comparison says; the page's name where nothing is compared yet."""
    if chosen is None:
        st.title("Compare", anchor=False)
        return
    count = len(chosen.rows)
    if count == 1:
        interval = intervals_of(chosen, chosen.metric)[0]
        text = interval.text_with(chosen.metric.unit)
        st.title(plain(f"{chosen.rows[0].title}: {chosen.metric.title} {text}"), anchor=False)
    elif count == 2:
        verdict = verdicts_of(chosen)[chosen.challenger]
        assert verdict is not None
        st.title(plain(headline_of(verdict)), anchor=False)
    else:
        places = ranking_of(chosen).places
        st.title(plain(ranking_headline(places, chosen.metric)), anchor=False)
        _show_places(places, chosen.metric)
    _show_what_it_is_of(chosen)


def headline_of(verdict: Verdict) -> str:
    """Returns the verdict of two: of the better one, else with both names."""
    if verdict.kind == "worse":
        verdict = verdict.reversed
    if verdict.kind == "better":
        return verdict.sentence
    said = verdict.sentence.replace(": ", ", ", 1)
    return f"{verdict.names[1]} and {verdict.names[0]}: {said}"


def ranking_headline(places: Sequence[Place], metric: Metric) -> str:
    """Returns who leads: "a is the best of 4 by Dice", "a and b share the first place by Dice"."""
    first = [place.name for place in places if place.rank == 1]
    if len(first) == 1:
        return f"{first[0]} is the best of {len(places)} by {metric.title}"
    if len(first) == len(places):
        return f"None of these {len(places)} is better for sure by {metric.title}"
    if len(first) > 3:
        return f"{len(first)} of {len(places)} share the first place by {metric.title}"
    names = f"{', '.join(first[:-1])} and {first[-1]}"
    return f"{names} share the first place by {metric.title}"


def _show_places(places: Sequence[Place], metric: Metric) -> None:
    parts = [
        f"**{place.text}** {plain(place.name)} {place.interval.text_with(metric.unit)}"
        for place in places[:_PLACES]
    ]
    if len(places) > _PLACES:
        parts.append(f"and {len(places) - _PLACES} more")
    st.markdown(" · ".join(parts))


def _show_what_it_is_of(chosen: Chosen) -> None:
    """Draws on what the sentence stands: images, cars, and what it must be read with."""
    compared = chosen.compared
    parts = [plain(chosen.images.title), "95% intervals over cars"]
    if len(chosen.rows) == 2:
        parts.insert(0, f"{plain(chosen.rows[chosen.challenger].title)} against "
                        f"{plain(chosen.rows[chosen.baseline].title)}")  # fmt: skip
    left_out = len(compared.left_out)
    if left_out and len(chosen.rows) != 2:  # the verdict of two says it itself
        parts.append(f"without {left_out} that can't be read: {plain(_few(compared.left_out))}")
    st.caption(" · ".join(parts))
    warned: dict[str, list[str]] = {}
    for row, evaluation in zip(chosen.rows, chosen.evaluations, strict=True):
        for warning in evaluation.facts.cautions:
            warned.setdefault(warning, []).append(row.title)
    for warning, titles in warned.items():
        names = "All of them" if len(titles) == len(chosen.rows) > 1 else _few(titles)
        st.warning(f"**{plain(names)}**: {plain(warning)}", icon=":material/warning:")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
