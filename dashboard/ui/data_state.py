"""The chosen data folder and how it is read: one state for all pages, in the URL of each.

A page that is opened without a folder in its link goes on with the one of the page before.
"""

from __future__ import annotations

import streamlit as st

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
    if arrived and not data_words():
        for word, values in st.session_state.get(_STATE, {}).items():
            st.query_params[word] = values
    st.session_state[_STATE] = data_words()


def data_words() -> dict[str, list[str]]:
    """Returns what the URL says of the data folder, for links to other pages."""
    return {word: st.query_params.get_all(word) for word in WORDS if word in st.query_params}
