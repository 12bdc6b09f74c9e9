"""The checkpoints that there are: which is best, which is chosen, which can't be read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from core.checkpoint import CheckpointEntry, CheckpointInfo, list_checkpoints, usual_second
from core.errors import CarmaskError
from dashboard.segment.segmenter import Segmenter
from dashboard.ui.badges import mark
from dashboard.ui.folders import runs_folder
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import code
from dashboard.ui.unreadable import show_unreadable

_NOBODY = "none"

_TRAIN = """python -m training synthetic --out data/synthetic
python -m training fit --data data/synthetic"""


def find_checkpoints() -> tuple[list[CheckpointEntry], list[CheckpointEntry]]:
    """Returns the checkpoints that can be read, best first, and those that can't."""
    entries = list_checkpoints(runs_folder())
    good = [entry for entry in entries if entry.info is not None]
    return good, [entry for entry in entries if entry.info is None]


def checkpoint_name(path: Path) -> str:
    """Returns how a checkpoint is called in lists and in the URL: its run and its file."""
    return f"{path.parent.parent.name}/{path.stem}"


def pick_checkpoint(good: list[CheckpointEntry]) -> CheckpointEntry:
    """Draws the list of checkpoints and returns the chosen one; the best is chosen already."""
    named = {checkpoint_name(entry.path): entry for entry in good}
    chosen = select_from_url(
        "checkpoint",
        "Checkpoint",
        {name: _label(name, entry.info) for name, entry in named.items()},
        gone="There is no checkpoint {}; this is the best one.",
        help="The trained network that segments. The best one by Dice stands first.",
        on_change=_choose,
    )
    return named[chosen]


def pick_second(good: list[CheckpointEntry], first: CheckpointEntry) -> CheckpointEntry | None:
    """Draws whom to ask where the chosen checkpoint doubts, and returns that one.

    Who knows most kinds of photos is chosen already; see `core.checkpoint.usual_second`.
    """
    others = {checkpoint_name(entry.path): entry for entry in good if entry.path != first.path}
    if not others:
        return None
    named: dict[str, CheckpointEntry | None] = {_NOBODY: None, **others}
    found = usual_second(first, good)
    usual = checkpoint_name(found.path) if found else _NOBODY
    itself = st.query_params.get("second") == checkpoint_name(first.path)
    chosen = select_from_url(
        "second",
        "Where it doubts, ask",
        {name: "nobody" if name == _NOBODY else name for name in named},
        usual,
        gone="" if itself else "There is no checkpoint {} to ask.",
        help="Each photo goes through the network twice, once mirrored. Where both answers differ, "
        "as on photos unlike all that it has learned from, this checkpoint's answer is taken.",
        key=f"second_choice_{checkpoint_name(first.path)}",
        on_change=partial(_choose_second, usual),
    )
    return named[chosen]


def _choose_second(usual: str, chosen: str) -> None:
    """Writes to the URL whom to ask, where it is not the usual one."""
    if chosen == usual:
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


def open_segmenter(first: CheckpointEntry, second: CheckpointEntry | None = None) -> Segmenter:
    """Returns the segmenter of a checkpoint, shared by all sessions; the first call is slow.

    A checkpoint that was written anew is loaded anew.

    Args:
        first: The checkpoint.
        second: The one that is asked where the first one doubts.

    Raises:
        CarmaskError: The file can't be used.
    """
    return _load(_file(first.path), _file(second.path) if second else None)


def _file(path: Path) -> tuple[Path, int, int]:
    """Returns a file with its time (ns) and size (bytes): it is another one when they change."""
    try:
        facts = path.stat()
    except OSError as error:
        raise CarmaskError(f"{path.name} is gone ({error.strerror}). Reload the page.") from error
    return path, facts.st_mtime_ns, facts.st_size


@st.cache_resource(max_entries=2, show_spinner="Loading the network …")
def _load(first: tuple[Path, int, int], second: tuple[Path, int, int] | None) -> Segmenter:
    """Returns the segmenter of files as they were at a time."""
    return Segmenter.load(first[0], second[0] if second else None)


def _label(name: str, info: CheckpointInfo | None) -> str:
    dice = info.metrics.get("dice") if info else None
    score = f" · Dice {dice:.4f}" if isinstance(dice, float | int) else ""
    return name + score + (mark(info.verdict) if info else "")


def _choose(chosen: str) -> None:
    """Writes the chosen checkpoint to the URL; the threshold starts at that checkpoint's own."""
    st.query_params["checkpoint"] = chosen
    st.session_state.pop("threshold", None)
