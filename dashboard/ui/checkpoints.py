"""The checkpoints that there are: which is best, which is chosen, which can't be read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from core.checkpoint import CheckpointEntry, default_fallback, list_checkpoints
from core.checkpoint import checkpoint_name as checkpoint_name
from core.session import PredictionSession, shared_session
from dashboard.ui.badges import mark
from dashboard.ui.folders import runs_folder
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.scores import by_score, score_text
from dashboard.ui.text import code
from dashboard.ui.unreadable import show_unreadable
from dashboard.ui.waiting import waiting
from training.runs.notes import read_notes

_NONE = "none"

_TRAIN = """python -m training synthetic --out data/synthetic
python -m training fit --data data/synthetic"""


def find_checkpoints(
    *, archived: bool = False
) -> tuple[list[CheckpointEntry], list[CheckpointEntry]]:
    """Returns the checkpoints that can be read, the default first, and those that can't.

    Args:
        archived: Whether those of archived runs are among them; those that the URL names are.
    """
    entries = list_checkpoints(runs_folder())
    if not archived:
        entries = [entry for entry in entries if _is_listed(entry.path)]
    good = [entry for entry in entries if entry.info is not None]
    return good, [entry for entry in entries if entry.info is None]


def _is_listed(path: Path) -> bool:
    """Returns whether a checkpoint's run is not archived, or the URL names it."""
    if not read_notes(path.parent.parent).archived:
        return True
    name = checkpoint_name(path)
    words = ("checkpoint", "second", "row")
    return any(name in value for word in words for value in st.query_params.get_all(word))


def pick_checkpoint(good: list[CheckpointEntry]) -> CheckpointEntry:
    """Draws the list of checkpoints and returns the chosen one; the first is chosen already."""
    named = {checkpoint_name(entry.path): entry for entry in by_score(good)}
    chosen = select_from_url(
        "checkpoint",
        "Checkpoint",
        {name: _label(name, entry) for name, entry in named.items()},
        checkpoint_name(good[0].path),
        help="The trained network that segments, the highest Dice first. Behind each stands how "
        "that was measured; scores on different photos can't be compared.",
        on_change=_choose,
    )
    return named[chosen]


def pick_fallback(good: list[CheckpointEntry], first: CheckpointEntry) -> CheckpointEntry | None:
    """Draws the fallback for where the chosen checkpoint is uncertain, and returns that one.

    Chosen already is `core.checkpoint.default_fallback`.
    """
    rest = [entry for entry in by_score(good) if entry.path != first.path]
    others = {checkpoint_name(entry.path): entry for entry in rest}
    if not others:
        return None
    named: dict[str, CheckpointEntry | None] = {_NONE: None, **others}
    found = default_fallback(first, good)
    default = checkpoint_name(found.path) if found else _NONE
    chosen = select_from_url(
        "second",
        "Second model for hard photos",
        {name: "none" if name == _NONE else name for name in named},
        default,
        help="Each photo goes through the network twice, once mirrored. Where the two predictions "
        "differ, as on photos unlike its training photos, this checkpoint predicts instead.",
        key=f"fallback_choice_{checkpoint_name(first.path)}",
        on_change=partial(_choose_fallback, default),
    )
    return named[chosen]


def _choose_fallback(default: str, chosen: str) -> None:
    """Writes the fallback to the URL where it is not the default."""
    if chosen == default:
        st.query_params.pop("second", None)
    else:
        st.query_params["second"] = chosen


def show_broken(broken: list[CheckpointEntry]) -> None:
    """Draws the checkpoints that can't be chosen, each with the reason; nothing if all can."""
    named = [(checkpoint_name(entry.path), entry.error or "") for entry in broken]
    show_unreadable("checkpoint", "can't be read", named)


def show_no_checkpoint() -> None:
    """Draws what to do where there is no checkpoint that can be read."""
    with st.container(border=True):
        st.markdown("#### No trained network yet")
        st.markdown(
            "Carmask needs a checkpoint to segment photos. Train one on drawn cars with these "
            "two commands in the project's folder, then reload this page:"
        )
        st.code(_TRAIN, language="bash")
        st.caption(
            f"Already have one? Put its run into {code(str(runs_folder()))}, so that there is a "
            "file `<run>/checkpoints/best.safetensors`."
        )


def open_session(
    first: CheckpointEntry, fallback: CheckpointEntry | None = None
) -> PredictionSession:
    """Returns a checkpoint's predictions, shared by all browsers; the first call is slow.

    A checkpoint that was written anew is loaded anew.

    Args:
        first: The checkpoint.
        fallback: The one that predicts where the first one is uncertain.

    Raises:
        CarmaskError: The file can't be used.
    """
    with waiting("Loading the network"):
        return shared_session(first.path, fallback.path if fallback else None)


def _label(name: str, entry: CheckpointEntry) -> str:
    verdict = mark(entry.info.verdict) if entry.info else ""
    return name + score_text(entry.path, entry.info) + verdict


def _choose(chosen: str) -> None:
    """Writes the chosen checkpoint to the URL; the threshold starts at that checkpoint's own."""
    st.query_params["checkpoint"] = chosen
    st.session_state.pop("threshold", None)
