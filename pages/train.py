"""The Train page: start a training, watch it, stop it, let it go on."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from pages.shared.folders import runs_folder
from pages.shared.frame import TRAIN, open_page
from pages.shared.redraw import note_drawn
from pages.shared.text import plain
from pages.shared.train.place import WATCH, pick_part
from training.launch import wake
from training.logs.listing import list_runs
from training.logs.statuses import ALIVE
from training.logs.summary import RunSummary
from training.queue import Queue


def main() -> None:
    """Draws the page."""
    open_page(TRAIN)
    title, switch = st.columns([3, 2], vertical_alignment="bottom")
    title.title("Train", anchor=False)
    runs = _runs()
    queue = Queue(runs_folder())
    alive = any(run.status in ALIVE for run in runs) or bool(queue.begun() or queue.waiting())
    with switch, st.container(horizontal=True, horizontal_alignment="right"):
        part = pick_part(alive=alive)
    if part == WATCH:
        from pages.shared.train.watch import show_watch

        show_watch(runs)
    else:
        from pages.shared.train.form import show_form

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
