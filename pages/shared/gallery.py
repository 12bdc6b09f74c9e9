"""A strip of small pictures of which one can be chosen, by mouse, finger or keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.shared.before_after import jpeg_url

_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_gallery",
    html='<div class="strip" role="group"></div>',
    css=(_PARTS / "gallery.css").read_text(encoding="utf-8"),
    js=(_PARTS / "gallery.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Tile:
    """One picture of a strip."""

    name: str
    """What `gallery` returns when it is chosen."""
    label: str
    """What a person reads, and a screen reader says."""
    jpeg: bytes
    """The small picture."""


def gallery(
    tiles: Sequence[Tile], *, label: str, chosen: str | None = None, key: str
) -> str | None:
    """Draws the strip and returns the name of the picture that was chosen just now, or None.

    Args:
        tiles: The pictures.
        label: What the strip is, for a screen reader.
        chosen: Name of the picture to mark.
        key: Unique on the page.
    """
    shown = [{"name": tile.name, "label": tile.label, "src": jpeg_url(tile.jpeg)} for tile in tiles]
    data = {"tiles": shown, "chosen": chosen, "label": label}
    picked = _mount(key=key, data=data, on_picked_change=_nothing).picked
    return None if picked is None else str(picked)


def _nothing() -> None:
    """What Streamlit calls when a picture is chosen: the rerun that follows is enough."""
