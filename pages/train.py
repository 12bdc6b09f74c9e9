"""The Train page: start a training, watch it, stop it, let it go on."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.train.place import WATCH, pick_part
from dashboard.ui.folders import runs_folder
from dashboard.ui.frame import TRAIN, open_page
from dashboard.ui.redraw import note_drawn
from dashboard.ui.text import plain
from training.jobs.launch import wake
from training.jobs.queue import Queue
from training.runs.listing import list_runs
from training.runs.summary import ALIVE, RunSummary


def main() -> None:
    """Draws the page."""
    open_page(TRAIN)
    title, switch = st.columns([3, 2], vertical_alignment="bottom")
    title.title("Train", anchor=False)
    title.markdown("A network of your own: choose data folders and a preset, then press Start.")
    runs = _runs()
    queue = Queue(runs_folder())
    alive = any(run.status in ALIVE for run in runs) or bool(queue.begun() or queue.waiting())
    with switch, st.container(horizontal=True, horizontal_alignment="right"):
        part = pick_part(alive=alive)
    if part == WATCH:
        from dashboard.train.watch import show_watch

        show_watch(runs)
    else:
        from dashboard.train.form import show_form

        show_form()
    note_drawn()


def _runs() -> list[RunSummary]:
    """Returns all runs; lets the queue go on if the machine was switched off meanwhile."""
    try:
        wake(runs_folder())
        return list_runs(runs_folder())
    except (CarmaskError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return []


main()
