"""One photo of a dataset, chosen by its name, by stepping or by chance."""

from __future__ import annotations

import random
from bisect import bisect_left
from operator import attrgetter

import streamlit as st

from core.names import counted
from dashboard.ui.redraw import choose
from dashboard.ui.text import plain
from training.data.folder import Dataset

KEY = "image"
_NEIGHBOURS = 250
"""Names on each side of the chosen one that the list offers; any other can be typed."""


def pick_image(dataset: Dataset) -> int:
    """Draws the list of photos with its three buttons; returns the chosen photo's place."""
    samples = dataset.samples
    place = _place(dataset, str(st.session_state.get(KEY) or st.query_params.get(KEY, "")))
    chosen = place or 0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        near = range(max(0, chosen - _NEIGHBOURS), min(len(samples), chosen + _NEIGHBOURS + 1))
        # The first name stays first: it is the default, which the URL leaves out.
        names = [samples[0].name, *(samples[i].name for i in near if i > 0)]
        st.selectbox(
            "Photo",
            names,
            key=KEY,
            bind="query-params",
            filter_mode="contains",
            accept_new_options=True,
            width="stretch",
            help=f"{counted(len(samples), 'photo')} in {plain(dataset.name)}. "
            "Type a name, or part of one.",
        )
        last = len(samples) - 1
        _step("previous", "Previous photo", "chevron_left", samples[max(0, chosen - 1)].name)
        _step("next", "Next photo", "chevron_right", samples[min(last, chosen + 1)].name)
        _step("any", "Any photo", "shuffle", samples[random.randint(0, last)].name)
    if place is None:
        wanted = plain(str(st.session_state[KEY]))
        st.warning(f"No photo of this dataset has {wanted} in its name; this is the first one.")
    return chosen


def _step(key: str, title: str, icon: str, name: str) -> None:
    st.button(
        title,  # hidden by studio.css, where the icon says it; a screen reader has the words
        key=f"{key}_image",
        help=title,
        icon=f":material/{icon}:",
        on_click=_choose,
        args=(name,),
    )


def _choose(name: str) -> None:
    choose(KEY, name)


def _place(dataset: Dataset, name: str) -> int | None:
    """Returns where a photo stands, by its name or the first part of it that fits; None if none."""
    if not name:
        return 0
    place = bisect_left(dataset.samples, name, key=attrgetter("name"))
    if place < len(dataset.samples) and dataset.samples[place].name == name:
        return place
    wanted = name.lower()
    found = (i for i, each in enumerate(dataset.samples) if wanted in each.name.lower())
    return next(found, None)
