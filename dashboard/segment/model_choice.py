"""Which model cuts the car out: a measured choice unless a person makes another."""

from __future__ import annotations

import streamlit as st

from core.checkpoint import CheckpointEntry
from dashboard.ui.badges import show_verdict
from dashboard.ui.checkpoints import (
    checkpoint_name,
    find_checkpoints,
    pick_checkpoint,
    pick_fallback,
    show_broken,
    show_no_checkpoint,
)
from dashboard.ui.text import plain


def find_models(title: str) -> tuple[list[CheckpointEntry], list[CheckpointEntry]] | None:
    """Returns the checkpoints as `find_checkpoints` does.

    None where none can be read: then the page's title and what to do about it are drawn.

    Args:
        title: The page's.
    """
    good, broken = find_checkpoints()
    if good:
        return good, broken
    st.title(title, anchor=False)
    show_no_checkpoint()
    show_broken(broken)
    return None


def pick_model(
    good: list[CheckpointEntry], broken: list[CheckpointEntry]
) -> tuple[CheckpointEntry, CheckpointEntry | None]:
    """Draws the choice, folded into a button, and returns the checkpoint and its fallback.

    Args:
        good: The checkpoints that can be read, the default first; at least one.
        broken: Those that can't.
    """
    url, names = st.query_params, {checkpoint_name(entry.path) for entry in good}
    wanted = url.get("checkpoint")
    named = wanted if wanted in names else None
    label = f"Model: {plain(named.partition('/')[0])}" if named else "Model: Auto"
    if not named and "second" in url:
        label = "Model: own choice"
    with st.popover(label, icon=":material/neurology:", help="Which network finds the car"):
        if broken:
            show_broken(broken)
        chosen = pick_checkpoint(good)
        fallback = pick_fallback(good, chosen)
        if chosen.info is not None:
            show_verdict(chosen.info.verdict, quiet=True)
        if wanted or "second" in url:
            st.button("Back to Auto", icon=":material/undo:", on_click=_back_to_auto)
    return chosen, fallback


def warn_of_missing(good: list[CheckpointEntry]) -> None:
    """Draws a warning where the URL names a checkpoint that there is not."""
    names = {checkpoint_name(entry.path) for entry in good}
    wanted, second = st.query_params.get("checkpoint"), st.query_params.get("second")
    if wanted is not None and wanted not in names:
        st.warning(f"There is no checkpoint {plain(wanted)}; this is the default.")
    if second is not None and second not in names | {"none"}:
        st.warning(f"There is no checkpoint {plain(second)} to fall back on.")


def _back_to_auto() -> None:
    for name in ("checkpoint", "second"):
        st.query_params.pop(name, None)
    st.session_state.pop("threshold", None)
