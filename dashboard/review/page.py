"""The Review page: choose, score in the background, and decide photo by photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from dashboard.edit.editor import is_editing, show_ended, show_failure
from dashboard.review.choice import Reviewed, choose_reviewed
from dashboard.review.photo_view import forget_place, show_queue
from dashboard.review.queue import OPEN, TITLES, Scored, read_scored
from dashboard.train.teach_view import offer_teaching_corrected
from dashboard.ui.job_view import show_jobs
from dashboard.ui.redraw import note_drawn
from dashboard.ui.text import code, plain
from training.jobs.job import JobStatus, read_job
from training.jobs.review import start_review
from training.review.suspects import ListName

_HELP: dict[ListName, str] = {
    "parts": "Parts of the photo in which a sure network contradicts the label",
    "edges": "Labels whose edge lies elsewhere than usual: too large, too small, shifted",
    "siblings": "Views whose label does not go with the car's other views",
    "uncertain": "Photos whose mirror image is predicted otherwise; of one car one view first",
    "disagreement": "Photos on which the two networks disagree",
}


def show_page() -> None:
    """Draws the page."""
    reviewed = choose_reviewed()
    if reviewed is not None:
        _show_reviewed(reviewed)
    note_drawn()


def _show_reviewed(reviewed: Reviewed) -> None:
    status = read_job(reviewed.request.folder)
    try:
        scored = read_scored(reviewed.request.folder)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    editing = is_editing() and bool(scored.queues)
    if not editing:
        show_failure()
        show_ended()
        _show_job(reviewed, status, scored)
    if not scored.queues:
        return
    name, show = _choose_list(scored, hidden=editing)
    show_queue(reviewed, scored.queues[name], show, closer=name == "parts")


def _show_job(reviewed: Reviewed, status: JobStatus, scored: Scored) -> None:
    """Draws the way to score the photos, how far that is, and what could not be scored."""
    if not scored.queues and not status.running:
        st.markdown(
            "Labels are compared with what networks predict that have not seen the car."
            if reviewed.labelled
            else "The photos on which the network is least certain come first."
        )
    action = f"Review {counted(reviewed.count, 'photo')}"
    show_jobs(
        [reviewed.request],
        "Review again" if status.finished else action,
        "review",
        reviewed.count,
        start_review,
    )
    offer_teaching_corrected()
    if scored.seen:
        st.caption(
            f"{counted(scored.seen, 'photo')} of cars that the chosen networks were trained on, or "
            "may have been, are judged by their siblings alone. Choose another network in "
            f"*Compare with*, or train some: {code('carmask review --data DIR --folds 5')}."
        )
    if scored.failed:
        first = scored.failed[0]
        st.warning(
            f"{counted(len(scored.failed), 'photo')} can't be read, such as {plain(first.name)}: "
            f"{plain(first.error)}",
            icon=":material/warning:",
        )


def _choose_list(scored: Scored, *, hidden: bool) -> tuple[ListName, str]:
    """Draws the lists and filters with their counts; returns the chosen ones."""
    queues = scored.queues
    names = list(queues)
    chosen = st.query_params.get("list")
    name: ListName = next((each for each in names if each == chosen), names[0])
    queue = queues[name]
    show = st.query_params.get("show", OPEN)
    show = show if show in queue.counts else OPEN
    if hidden:
        return name, show
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        _segments(
            "list",
            names,
            name,
            {each: f"{TITLES[each]} · {queues[each].counts[OPEN]:,}" for each in names},
            help=_HELP[name],
        )
        counts = queue.counts
        _segments(
            "show", list(counts), show, {n: f"{n} · {count:,}" for n, count in counts.items()}
        )
    return name, show


def _segments(
    word: str,
    names: Sequence[str],
    chosen: str,
    titles: Mapping[str, str],
    help: str | None = None,
) -> None:
    """Draws a choice that the URL keeps by name, though what it shows changes with the counts."""
    key = f"{word}_choice"
    st.session_state[key] = chosen

    def write() -> None:
        if st.session_state[key] is not None:
            st.query_params[word] = st.session_state[key]
            forget_place()

    st.segmented_control(
        word.capitalize(),
        list(names),
        format_func=titles.__getitem__,
        key=key,
        required=True,
        on_change=write,
        label_visibility="collapsed",
        help=help,
    )
