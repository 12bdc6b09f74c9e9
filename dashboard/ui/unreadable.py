"""What can't be read, in a fold: what is well is not hidden by it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.names import counted
from dashboard.ui.text import plain


def show_unreadable(what: str, rest: str, named: Sequence[tuple[str, str]]) -> None:
    """Draws each thing that can't be read with the reason; nothing if all can.

    Args:
        what: What one of them is, such as "checkpoint".
        rest: How the title ends, such as "can't be read".
        named: Name and reason of each.
    """
    if not named:
        return
    title = f"{counted(len(named), what)} {rest}"
    with st.expander(title, icon=":material/warning:"):
        for name, reason in named:
            st.markdown(f"**{plain(name)}**  \n{plain(reason)}")
