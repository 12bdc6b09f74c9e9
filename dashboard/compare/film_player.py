"""A film of pictures with a slider and a play button, which the browser moves by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.ui.before_after import jpeg_url

_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_film",
    html=(_PARTS / "film_player.html").read_text(encoding="utf-8"),
    css=(_PARTS / "film_player.css").read_text(encoding="utf-8"),
    js=(_PARTS / "film_player.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Picture:
    """One frame, ready for the browser."""

    title: str
    jpeg: bytes


def play_film(pictures: Sequence[Picture], *, of: str, ratio: float, key: str) -> None:
    """Draws a film; it shows its last frame until somebody moves or plays it.

    Args:
        pictures: The frames, at least one, of one size.
        of: What tells this film from others: another one starts at its end again.
        ratio: Width over height.
        key: Unique on the page.
    """
    frames = [{"title": each.title, "src": jpeg_url(each.jpeg)} for each in pictures]
    _mount(key=key, data={"frames": frames, "of": of, "ratio": ratio})
