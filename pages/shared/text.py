"""Foreign text, such as a file's name, on its way into Markdown."""

from __future__ import annotations

_MARK_UP = frozenset("\\`*_{}[]<>#$~|:!&")


def plain(text: str) -> str:
    """Returns a text in which Streamlit's Markdown sees no mark-up, formula, colour or icon."""
    return "".join(f"\\{sign}" if sign in _MARK_UP else sign for sign in text)
