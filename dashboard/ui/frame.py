"""What every page stands in: its browser tab, the style sheet and the menu."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit import runtime

from core.public import is_public
from dashboard.ui.access import admit
from dashboard.ui.data_state import recall

STYLE = Path(__file__).with_name("style.css")
_STYLED, _STYLE_SECONDS = "styled", 0.1


@dataclass(frozen=True)
class Page:
    """One entry of the menu."""

    path: str
    """The page's file, as Streamlit wants it."""
    title: str
    """Name in the menu and in the browser's tab."""
    icon: str
    """Material icon."""
    public: bool = False
    """Whether strangers may open it on a public server: it starts, deletes and writes nothing."""


TAB_ICON = "🚗"
"""In the browser's tab: for a Material icon there the browser would ask a foreign host."""

BRAND = "Carmask"
START = Page("streamlit_app.py", "Cut out", ":material/directions_car:", public=True)
SEGMENT = Page("pages/segment.py", "Segment", ":material/content_cut:", public=True)
STUDIO = Page("pages/studio.py", "Studio", ":material/auto_awesome:", public=True)
DATASET = Page("pages/dataset.py", "Dataset", ":material/photo_library:", public=True)
REVIEW = Page("pages/review.py", "Review", ":material/rule:")
TRAIN = Page("pages/train.py", "Train", ":material/model_training:")
RUNS = Page("pages/runs.py", "Runs", ":material/monitoring:", public=True)
COMPARE = Page("pages/compare.py", "Compare", ":material/balance:", public=True)
LEARN = Page("pages/learn.py", "Learn", ":material/school:", public=True)
MODELS = (DATASET, REVIEW, TRAIN, RUNS, COMPARE)
"""Pages that share the chosen data folder."""
PAGES = (SEGMENT, STUDIO, DATASET, REVIEW, TRAIN, RUNS, COMPARE, LEARN)
"""Every page besides the start page, in the menu's order: a new page is one line here."""


def open_pages() -> list[Page]:
    """Returns the pages besides the start page that may be opened here, in the menu's order."""
    return [page for page in PAGES if page.public or not is_public()]


def _style() -> None:
    """Sends the style sheet; the first time it has a moment to be there before what it styles.

    A page that is styled late is seen to jump.
    """
    st.html(STYLE)
    if runtime.exists() and not st.session_state.get(_STYLED):
        st.session_state[_STYLED] = True
        time.sleep(_STYLE_SECONDS)


def open_page(page: Page) -> None:
    """Sets the browser's tab up and draws what stands on top of every page; ends a closed one."""
    title = BRAND if page is START else f"{page.title} · {BRAND}"
    st.set_page_config(title, page_icon=TAB_ICON, layout="wide", initial_sidebar_state="collapsed")
    _style()
    if page in MODELS:
        recall(page.path)
    with st.container(key="menu", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{BRAND}**", width="content")
        st.page_link(START.path, label=START.title, icon=START.icon)
        for each in open_pages():
            st.page_link(each.path, label=each.title, icon=each.icon)
        if st.user.get("is_logged_in"):
            st.button("Log out", key="log_out", type="tertiary", on_click=st.logout)
    admit(public=page.public)
