"""A picture that turns into another while a line is drawn over it, without asking the server."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_before_after",
    html=(_PARTS / "before_after.html").read_text(encoding="utf-8"),
    css=(_PARTS / "before_after.css").read_text(encoding="utf-8"),
    js=(_PARTS / "before_after.js").read_text(encoding="utf-8"),
)


def before_after(before: bytes, after: bytes, names: tuple[str, str], *, key: str) -> None:
    """Draws two JPEG pictures of one size over each other, with a line to pull.

    Args:
        before: JPEG to the left of the line.
        after: JPEG to its right.
        names: What the two show.
        key: Unique on the page.
    """
    data = {
        "before": jpeg_url(before),
        "after": jpeg_url(after),
        "names": list(names),
    }
    _mount(key=key, data=data)


def jpeg_url(jpeg: bytes) -> str:
    """Returns a JPEG as a data URL, for a component that must not fetch anything."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
