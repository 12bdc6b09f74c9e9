"""Small pictures of which one can be chosen, by mouse, finger or keyboard: a strip or a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.ui.before_after import jpeg_url

_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_gallery",
    html='<div class="strip" role="group"></div>',
    css=(_PARTS / "gallery.css").read_text(encoding="utf-8"),
    js=(_PARTS / "gallery.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Tile:
    """One picture of a strip or a grid."""

    name: str
    """What `gallery` returns when it is chosen."""
    label: str
    """What a person reads, and a screen reader says."""
    jpeg: bytes
    """The small picture; empty where there is none to show, and `caption` says why."""
    caption: str = ""
    """A second, quieter line."""
    state: str = ""
    """Colours the second line: ready, check, failed; any other leaves it quiet."""


def gallery(
    tiles: Sequence[Tile],
    *,
    label: str,
    chosen: str | None = None,
    wrap: bool = False,
    ratio: float = 1.5,
    key: str,
) -> str | None:
    """Draws the pictures and returns the name of the one that was chosen just now, or None.

    Args:
        tiles: The pictures.
        label: What the pictures are, for a screen reader.
        chosen: Name of the picture to mark.
        wrap: Whether they fill a grid of rows, each picture whole, instead of one row to swipe.
        ratio: Width over height of a picture's place in the grid.
        key: Unique on the page.
    """
    shown = [
        {
            "name": tile.name,
            "label": tile.label,
            "caption": tile.caption,
            "state": tile.state,
            "src": jpeg_url(tile.jpeg) if tile.jpeg else "",
        }
        for tile in tiles
    ]
    data = {"tiles": shown, "chosen": chosen, "label": label, "wrap": wrap, "ratio": ratio}
    picked = _mount(key=key, data=data, on_picked_change=_nothing).picked
    return None if picked is None else str(picked)


def _nothing() -> None:
    """What Streamlit calls when a picture is chosen: the rerun that follows is enough."""
