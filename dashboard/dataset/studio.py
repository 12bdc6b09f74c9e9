"""The Augment tab: what recipes make of photos, and what a network gets to see."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.dataset.network_view import show_network
from dashboard.dataset.strip_view import show_strip
from dashboard.dataset.versions_view import show_versions
from dashboard.dataset.write_view import show_write
from dashboard.ui.access import local_only
from dashboard.ui.redraw import note_drawn
from training.data.folder import Dataset

STYLE = Path(__file__).with_name("studio.css")
VERSIONS, STRIP, NETWORK, WRITE = "Versions", "Strip", "Network", "New set"
VIEWS = {VERSIONS: show_versions, STRIP: show_strip, NETWORK: show_network, WRITE: show_write}


@st.fragment
@local_only
def show_studio(dataset: Dataset) -> None:
    """Draws the Augment tab for a dataset; a choice that changes runs this function alone."""
    st.html(STYLE)
    view = st.segmented_control(
        "Studio",
        list(VIEWS),
        default=VERSIONS,
        required=True,
        key="studio",
        bind="query-params",
        label_visibility="collapsed",
    )
    if not dataset.samples and view != NETWORK:
        st.info("No photo of this dataset has a mask, so there is nothing to augment.")
        return
    VIEWS[str(view)](dataset)
    note_drawn()
