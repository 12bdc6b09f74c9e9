"""Rows that are not measured on the wanted images: said in words, and the way to measure them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.compare.choice import Row
from pages.shared.compare.images_choice import Wanted
from pages.shared.text import plain


def show_missing(rows: Sequence[Row], wanted: Wanted) -> None:
    """Draws which rows are not measured yet; nothing where all are."""
    if not rows:
        return
    names = ", ".join(f"**{plain(row.title)}**" for row in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    text = f"Not measured on these images yet: {names}{more}."
    if wanted.here is None:
        st.info(f"{text} {plain(wanted.missing)}", icon=":material/hourglass_empty:")
        return
    st.info(text, icon=":material/hourglass_empty:")
