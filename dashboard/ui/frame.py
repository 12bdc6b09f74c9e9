"""What every page stands in: its browser tab, the style sheet and the menu."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.public import is_public
from dashboard.ui.access import admit
from dashboard.ui.data_state import recall

STYLE = Path(__file__).with_name("style.css")


@dataclass(frozen=True)
class Page:
    """One entry of the menu."""

    path: str
    """The page's file, as Streamlit wants it."""
    title: str
    """Name in the menu and in the browser's tab."""
    icon: str
    """Material icon."""
    action: str
    """What its button on the start page says."""
    summary: str
    """What a person does there, for the start page; empty for the start page itself."""
    public: bool = False
    """Whether strangers may open it on a public server: it starts, deletes and writes nothing."""


TAB_ICON = "🚗"
"""In the browser's tab: for a Material icon there the browser would ask a foreign host."""

START = Page("streamlit_app.py", "Carmask", ":material/directions_car:", "", "", public=True)
SEGMENT = Page(
    "pages/segment.py",
    "Segment",
    ":material/content_cut:",
    "Segment photos",
    "Your photos, one or hundreds: masks, overlays and cut-outs to save.",
    public=True,
)
DATASET = Page(
    "pages/dataset.py",
    "Dataset",
    ":material/photo_library:",
    "Look at the data",
    "What the network learns from: health, splits, every photo with its mask, augmentations.",
    public=True,
)
TRAIN = Page(
    "pages/train.py",
    "Train",
    ":material/model_training:",
    "Train a network",
    "A form, the command that does the same, and masks that become sharp while you watch.",
)
RUNS = Page(
    "pages/runs.py",
    "Runs",
    ":material/monitoring:",
    "Look at the runs",
    "Every training: figures in a table, curves side by side, one run with all there is of it.",
    public=True,
)
COMPARE = Page(
    "pages/compare.py",
    "Compare",
    ":material/balance:",
    "Compare checkpoints",
    "Which one is better, by how much and how sure that is; where each fails, and what it costs.",
    public=True,
)
MODELS = (DATASET, TRAIN, RUNS, COMPARE)
"""Pages that share the chosen data folder."""
PAGES = (SEGMENT, DATASET, TRAIN, RUNS, COMPARE)
"""Every page besides the start page, in the menu's order: a new page is one line here."""


def open_pages() -> list[Page]:
    """Returns the pages besides the start page that may be opened here, in the menu's order."""
    return [page for page in PAGES if page.public or not is_public()]


def open_page(page: Page) -> None:
    """Sets the browser's tab up and draws what stands on top of every page; ends a closed one."""
    title = page.title if page is START else f"{page.title} · {START.title}"
    st.set_page_config(title, page_icon=TAB_ICON, layout="wide", initial_sidebar_state="collapsed")
    st.html(STYLE)
    if page in MODELS:
        recall(page.path)
    with st.container(key="menu", horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(START.path, label=f"**{START.title}**", icon=START.icon)
        for each in open_pages():
            st.page_link(each.path, label=each.title, icon=each.icon)
    admit(public=page.public)
