"""What stands around a figure on the Compare page: its title, its help and the rows' colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st

from dashboard.compare.rows import Row
from training.comparison.figures import Side


def sides_of(rows: Sequence[Row]) -> list[Side]:
    """Returns rows as figures take them."""
    return [Side(row.title, row.colour) for row in rows]


def show_figure(figure: go.Figure, title: str, key: str, note: str = "") -> None:
    """Draws a figure under its title."""
    st.markdown(f"**{title}**", help=note or None)
    config = {
        "displaylogo": False,
        "responsive": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d"],
    }
    st.plotly_chart(figure, key=key, config=config, alt=title)


def show_legend(rows: Sequence[Row]) -> None:
    """Draws the rows' names beside their colours."""
    names = "".join(
        f'<span style="white-space:nowrap"><span style="display:inline-block;width:1.1rem;'
        f"height:.25rem;border-radius:.2rem;background:{row.colour};margin-right:.45rem;"
        f'vertical-align:middle"></span>{escape(row.title)}</span>'
        for row in rows
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.35rem 1.2rem">{names}</div>')
