"""Several pictures of one photo side by side, zoomed and moved together in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.ui.before_after import jpeg_url
from training.comparison.disagreement import Spot

_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_panes",
    html=(_PARTS / "images_panes.html").read_text(encoding="utf-8"),
    css=(_PARTS / "images_panes.css").read_text(encoding="utf-8"),
    js=(_PARTS / "images_panes.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Pane:
    """One of the pictures."""

    name: str
    """What it shows."""
    jpeg: bytes = b""
    """Empty where there is none yet, or none at all; then `lost` says why."""
    lost: str = ""
    """What stands in the picture's place."""


def panes(
    shown: Sequence[Pane],
    *,
    photo: str,
    shape: tuple[int, int],
    focus: Spot | None,
    focus_label: str,
    key: str,
) -> None:
    """Draws pictures of one size; the first one is as large as four of the others.

    Args:
        shown: The pictures.
        photo: What tells this photo from others: with another one the zoom starts anew.
        shape: Height and width of the photo in px.
        focus: The part of it that a button leads to; None draws no such button.
        focus_label: What that button says.
        key: Unique on the page.
    """
    height, width = shape
    centre = focus and {
        "x": (focus.left + focus.width / 2) / width,
        "y": (focus.top + focus.height / 2) / height,
        "scale": min(width / focus.width, height / focus.height),
    }
    data = {
        "panes": [
            {
                "name": pane.name,
                "src": jpeg_url(pane.jpeg) if pane.jpeg else "",
                "lost": pane.lost,
            }
            for pane in shown
        ],
        "photo": photo,
        "ratio": width / height,
        "focus": centre,
        "focus_label": focus_label,
    }
    _mount(key=key, data=data)
