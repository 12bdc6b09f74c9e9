"""The Dataset page: what the network learns from, to look at before it is trusted."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from core.public import is_public
from dashboard.dataset.browse import show_browse
from dashboard.dataset.filters import AUGMENT, BROWSE, OVERVIEW
from dashboard.dataset.known import Known, survey_of
from dashboard.dataset.progress import show_progress
from dashboard.dataset.settings import LAYOUT_NAMES, show_settings, show_way_on
from dashboard.dataset.sources import (
    Opened,
    Source,
    chosen_reading,
    list_sources,
    open_source,
    pick_source,
)
from dashboard.dataset.split_choice import chosen_split
from dashboard.train.teach_view import offer_teaching
from dashboard.ui.access import local_only
from dashboard.ui.data_state import data_words
from dashboard.ui.folders import short_path
from dashboard.ui.frame import COMPARE, DATASET, TRAIN, open_page
from dashboard.ui.redraw import note_drawn
from dashboard.ui.reserved import reserved
from dashboard.ui.text import code, plain
from training.data.folder import Reading


def main() -> None:
    """Draws the page."""
    open_page(DATASET)
    title, picker = st.columns([3, 2], vertical_alignment="bottom")
    title.title("Dataset", anchor=False)
    title.markdown(
        "The photos and masks that networks learn from. See whether they are healthy, look through "
        "them, then train on them."
    )
    with picker, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        source = pick_source(list_sources())
        settings = st.container(width="content")
    reading = chosen_reading()
    opened, error = _open(source, reading)
    with settings:
        show_settings(opened, reading)
    if error is not None:
        st.error(plain(str(error)), icon=":material/error:")
    if opened is None:
        show_way_on()
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        _show_what_it_is(opened)
        _show_ways_on(source)
    survey = survey_of(opened)
    known = Known(opened, survey, chosen_split())
    progress = reserved("survey_place")
    _show_tabs(known)
    # Last: the first photos are on the screen before any is measured.
    _ = known.report
    survey.start()
    with progress:
        show_progress(survey)
    note_drawn()


def _open(source: Source, reading: Reading) -> tuple[Opened | None, CarmaskError | None]:
    """Returns the folder's listing, and why it is not what was asked for."""
    try:
        return open_source(source, reading), None
    except CarmaskError as error:
        if reading == Reading():
            return None, error
        try:  # classes or a rule that don't fit: what there is to choose from must be shown
            return open_source(source, Reading()), error
        except CarmaskError:
            return None, error


def _show_what_it_is(opened: Opened) -> None:
    dataset = opened.dataset
    parts = [LAYOUT_NAMES.get(dataset.layout, dataset.layout), code(short_path(dataset.root))]
    if dataset.family != dataset.name:
        parts.insert(1, f"made from {plain(dataset.family)}")
    if dataset.classes:
        parts.append(f"classes: {plain(', '.join(dataset.classes))}")
    if dataset.name in opened.reading.inverted:
        parts.append("inverted masks")
    st.caption(" · ".join(parts), width="content")


@local_only
def _show_ways_on(source: Source) -> None:
    """Draws the ways to train and to evaluate on this folder, read like this."""
    words: dict[str, str | list[str]] = {"dataset": source.name, **data_words()}
    st.page_link(TRAIN.path, label="Train on this", icon=TRAIN.icon, query_params=words)
    st.page_link(
        COMPARE.path,
        label="Evaluate on this",
        icon=COMPARE.icon,
        query_params={**words, "images": "other", "part": "All"},
    )
    offer_teaching(source)


def _show_tabs(known: Known) -> None:
    names = [OVERVIEW, BROWSE] if is_public() else [OVERVIEW, BROWSE, AUGMENT]
    overview, browse, *augment = st.tabs(names, key="tab", bind="query-params", on_change="rerun")
    if overview.open:
        with overview:
            from dashboard.dataset.overview import show_overview

            show_overview(known)
    if browse.open:
        with browse:
            show_browse(known)
    for tab in augment:
        if tab.open:
            with tab:
                from dashboard.dataset.studio import show_studio

                show_studio(known.opened.dataset)


main()
