"""The chosen data folder and how it is read: one state for all pages, in the URL of each.

A page that is opened without a folder in its link goes on with the one of the page before, and
with the last one of this machine where there was no page before.
"""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
from pydantic import Field

from core.errors import ConfigError
from core.files import Facts, read_facts, write_bytes_atomically
from core.names import is_text
from core.places import cache_folder
from core.public import is_public
from dashboard.ui.access import local_only, visitor_path
from dashboard.ui.folders import asked_folders

WORDS = ("data", "dataset", "classes", "inverted", "rule", "leave_out")
"""Words of the URL: typed folders, the chosen one's name, and how it is read."""
READING = WORDS[2:]
"""Those that mean nothing in another folder."""
_STATE, _PAGE = "data_state", "data_page"
_FILE = "data_folder.json"


class _Remembered(Facts):
    """What the file holds."""

    asked: tuple[str, ...] = ()
    """The folders that the app was started with: with others the choice means nothing."""
    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)


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
    """Returns what was chosen last on this machine; nothing of a folder that is not there now."""
    if is_public():
        return {}
    last = read_facts(cache_folder() / _FILE, _Remembered).facts
    words = {word: list(values) for word, values in last.words.items() if word in WORDS}
    return words if last.asked == _asked() and _are_there(words) else {}


def _are_there(words: dict[str, list[str]]) -> bool:
    """Returns whether these folders can be chosen."""
    from dashboard.dataset.sources import list_sources  # needs this module

    try:
        typed = [visitor_path(each).resolve() for each in words.get("data", [])]
        if not all(folder.is_dir() for folder in typed):
            return False
    except (ConfigError, OSError):
        return False
    offered = {source.name for source in list_sources()} | {folder.name for folder in typed}
    return offered.issuperset(words.get("dataset", []))


@local_only
def _remember(words: dict[str, list[str]]) -> None:
    last = _Remembered(asked=_asked(), words={word: tuple(each) for word, each in words.items()})
    file = cache_folder() / _FILE
    with suppress(OSError, ValueError):  # a convenience: no page ends for want of it
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(file, last.model_dump_json().encode())


def _asked() -> tuple[str, ...]:
    """Returns the folders that the app was started with."""
    return tuple(str(folder) for folder in asked_folders() if is_text(str(folder)))
