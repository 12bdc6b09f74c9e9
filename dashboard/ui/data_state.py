"""The chosen data folder and how it is read: one state for all pages, in the URL of each.

A page that is opened without a folder in its link goes on with the one of the page before, and
with the last one of this machine where there was no page before.
"""

from __future__ import annotations

import streamlit as st

from core.errors import ConfigError
from core.names import is_text
from core.public import is_public
from dashboard.ui.access import local_only, visitor_path
from dashboard.ui.folders import asked_folders
from training.data.last_folder import last_folder, remember_folder

WORDS = ("data", "dataset", "classes", "inverted", "rule", "leave_out")
"""Words of the URL: typed folders, the chosen one's name, and how it is read."""
READING = WORDS[2:]
"""Those that mean nothing in another folder."""
_STATE, _PAGE = "data_state", "data_page"


def recall(page: str) -> None:
    """Writes what another page chose to the URL, unless a link says it; remembers what it says.

    Args:
        page: What tells this page from others.
    """
    arrived = st.session_state.get(_PAGE) != page
    st.session_state[_PAGE] = page
    known = st.session_state.get(_STATE)
    if arrived and not data_words():
        for word, values in (_last() if known is None else known).items():
            st.query_params[word] = values
    words = st.session_state[_STATE] = data_words()
    if words and words != known:
        _remember(words)


def data_words() -> dict[str, list[str]]:
    """Returns what the URL says of the data folder, for links to other pages."""
    return {word: st.query_params.get_all(word) for word in WORDS if word in st.query_params}


def _last() -> dict[str, list[str]]:
    """Returns what was chosen last on this machine; nothing if a typed folder is not there now."""
    if is_public():
        return {}
    words = {word: values for word, values in last_folder(_started_with()).items() if word in WORDS}
    try:
        there = all(visitor_path(each).is_dir() for each in words.get("data", []))
    except (ConfigError, OSError):
        there = False
    return words if there else {}


@local_only
def _remember(words: dict[str, list[str]]) -> None:
    remember_folder(_started_with(), words)


def _started_with() -> list[str]:
    return [str(folder) for folder in asked_folders() if is_text(str(folder))]
