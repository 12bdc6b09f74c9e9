"""The badges of runs and checkpoints: what a run does, and whether its figures can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Literal, NamedTuple

import streamlit as st

from core.split_verdict import Kind, SplitVerdict
from dashboard.ui.text import plain

Colour = Literal["red", "orange", "green", "blue", "gray"]

RED, AMBER, BLUE = "#E5484D", "#C2700A", "#1C86C7"
"""Text colours that stand out on a white and on a dark ground."""
FIGURES: Mapping[Kind, str] = {"clean": "", "unknown": AMBER, "leaky": RED}
"""Colour of figures by the verdict on them; "" for the usual one."""
VERDICT_COLOURS: Mapping[str, str] = {"better": "#2B9A66", "worse": "#DD6B20"}
"""Colours of what is sure in a comparison, by its kind; seen on white and on black."""
_SPLITS: Mapping[Kind, tuple[Colour, str]] = {
    "clean": ("green", ":material/verified:"),
    "unknown": ("orange", ":material/help:"),
    "leaky": ("red", ":material/warning:"),
}


class StatusStyle(NamedTuple):
    """How a status is shown."""

    title: str
    colour: Colour
    icon: str
    text: str = ""
    """Colour of the status as text; "" for the usual one."""


STATUSES: Mapping[str, StatusStyle] = {
    "queued": StatusStyle("Waiting", "gray", ":material/schedule:"),
    "starting": StatusStyle("Starting", "blue", ":material/hourglass_top:", BLUE),
    "running": StatusStyle("Training", "blue", ":material/model_training:", BLUE),
    "finished": StatusStyle("Finished", "green", ":material/check:"),
    "stopped": StatusStyle("Stopped", "orange", ":material/pause:"),
    "failed": StatusStyle("Failed", "red", ":material/error:", RED),
    "crashed": StatusStyle("Crashed", "red", ":material/error:", RED),
    "missing": StatusStyle("Missing", "gray", ":material/help:"),
}
"""By `training.runs.summary.Status`; what is unknown has no badge."""


def show_status(status: str, *, title: str = "") -> None:
    """Draws what a run does, as a badge; nothing where that is unknown.

    Args:
        status: Of `training.runs.summary.Status`.
        title: Another text than its usual one.
    """
    style = STATUSES.get(status)
    if style is not None:
        st.badge(title or style.title, icon=style.icon, color=style.colour)


def show_verdict(verdict: SplitVerdict, *, quiet: bool = False) -> None:
    """Draws the verdict on a split as a badge, with its sentence as help.

    Args:
        verdict: The verdict.
        quiet: Whether to draw nothing where it is clean.
    """
    if not (quiet and verdict.is_clean):
        colour, icon = _SPLITS[verdict.kind]
        label = f"Split {verdict.label.lower()}" if verdict.is_clean else verdict.label
        st.badge(label, icon=icon, color=colour, help=plain(verdict.sentence()))


def mark(verdict: SplitVerdict) -> str:
    """Returns what stands behind a name in a list: " · LEAKY", " · UNKNOWN", "" if clean."""
    return "" if verdict.is_clean else f" · {verdict.label}"


def html_mark(verdict: SplitVerdict) -> str:
    """Returns a verdict as HTML in its colour; "" if clean."""
    colour = FIGURES[verdict.kind]
    return f'<b style="color:{colour}">{escape(verdict.label)}</b>' if colour else ""
