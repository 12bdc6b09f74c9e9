"""Teaching a network the corrected photos of a data folder: a few choices, and Start."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import streamlit as st

from core.checkpoint import CheckpointEntry
from core.errors import CarmaskError
from core.names import counted
from dashboard.dataset.sources import Source, list_sources
from dashboard.train.place import WATCH
from dashboard.ui.access import local_only
from dashboard.ui.checkpoints import checkpoint_name, find_checkpoints
from dashboard.ui.folders import data_folder, runs_folder, samples_folder
from dashboard.ui.frame import TRAIN
from dashboard.ui.text import plain
from training.data.adding import CORRECTED
from training.data.history import history_of
from training.jobs.launch import start_teaching

MINUTES = (2, 15, 60)


@local_only
def offer_teaching(source: Source) -> None:
    """Draws the way to teach a network; nothing for a folder to which no edit was added."""
    edits = history_of(source.root)
    good, _ = find_checkpoints()
    if not edits or not good:
        return
    with st.popover("Teach the network", icon=":material/school:"):
        st.markdown(
            f"{counted(len(edits), 'corrected photo')}, and as many samples again of what the "
            "network knows. Then both are compared on photos that neither has learnt from."
        )
        named = {checkpoint_name(entry.path): entry for entry in good}
        began = Counter(edit.origin.checkpoint for edit in edits.values())
        base = st.selectbox(
            "Base",
            list(named),
            index=_usual(list(named.values()), began),
            key="teach_base",
            help="The network that goes on learning. Chosen is the one that made most of the masks "
            "that were corrected. Of a taught network its own base is taken.",
        )
        check = st.multiselect(
            "Compare on",
            [each.name for each in list_sources() if _can_check(each.root, source.root)],
            key="teach_check",
            help="Data folders with photos that it is not to learn from. It is also compared on "
            "the validation photos of its base, where those are here.",
        )
        minutes = st.segmented_control(
            "Minutes", MINUTES, default=MINUTES[1], required=True, key="teach_minutes"
        )
        if st.button("Start", key="teach_start", type="primary", icon=":material/play_arrow:"):
            _start(named[base].path, source.root, check, minutes)


def offer_teaching_corrected() -> None:
    """Draws the same for the data folder that *Add to data set* proposes."""
    offer_teaching(Source(CORRECTED, data_folder() / CORRECTED))


def _can_check(folder: Path, corrected: Path) -> bool:
    return folder.resolve() not in (corrected.resolve(), samples_folder().resolve())


def _usual(entries: list[CheckpointEntry], began: Counter[str]) -> int:
    """Returns the place of the checkpoint by which most corrected masks began; else the first."""
    counts = [
        max(began[info.title], began[info.run]) if (info := entry.info) else 0 for entry in entries
    ]
    return counts.index(max(counts))


@local_only
def _start(base: Path, corrected: Path, check: list[str], minutes: float) -> None:
    folders = [each.root for each in list_sources() if each.name in check]
    try:
        run = start_teaching(runs_folder(), base, corrected, folders, minutes)
    except (CarmaskError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.switch_page(TRAIN.path, query_params={"run": run.name, "part": WATCH})
