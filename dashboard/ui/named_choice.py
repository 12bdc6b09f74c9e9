"""A choice of one thing by its name, which the URL keeps: a link names it, and it may be gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.ui.text import plain


def distinct(titles: Mapping[str, str]) -> dict[str, str]:
    """Returns titles by name, of which no two are equal: those that were have the name behind them.

    Streamlit tells the entries of a list by what it shows of them.
    """
    counts = Counter(titles.values())
    return {n: title if counts[title] == 1 else f"{title} ({n})" for n, title in titles.items()}


def select_from_url(
    word: str,
    label: str,
    titles: Mapping[str, str],
    usual: str = "",
    *,
    gone: str = "",
    help: str | None = None,
    width: int | None = None,
    key: str = "",
    on_change: Callable[[str], None] | None = None,
) -> str:
    """Draws the choice and returns the name of what was chosen.

    It is not bound to the URL, as Streamlit would do it: then the titles would stand there.

    Args:
        word: Name of the URL's parameter.
        label: What a person calls it.
        titles: What there is, its title by its name; at least one.
        usual: Name of what is chosen before anybody chose; the first one where it is not there.
        gone: Warning where the URL names something else; {} stands for what it names.
        help: Text behind the question mark.
        width: In px; None takes all there is.
        key: The widget's key; `<word>_choice` unless given.
        on_change: Called with the name of what a person chose; writes it to the URL unless given.
    """
    wanted = st.query_params.get(word)
    if wanted is not None and wanted not in titles and gone:
        st.warning(gone.format(plain(wanted)))
    if wanted not in titles:
        wanted = usual if usual in titles else next(iter(titles))
    key = key or f"{word}_choice"
    st.session_state[key] = wanted
    labels = distinct(titles)

    def write() -> None:
        if on_change:
            on_change(st.session_state[key])
        else:
            st.query_params[word] = st.session_state[key]

    return str(
        st.selectbox(
            plain(label),
            list(titles),
            format_func=labels.__getitem__,
            key=key,
            help=help,
            filter_mode="contains",  # what Enter takes then has in it what was typed
            on_change=write,
            width=width or "stretch",
        )
    )
