"""Jobs in the background: started, watched and stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

from core.errors import CarmaskError
from dashboard.ui.access import local_only
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import duration
from training.jobs.job import JobStatus, read_job, stop_job

_PROBLEM = "job_problem"


class Job(Protocol):
    """What a page asks for, to be done in the background."""

    @property
    def folder(self) -> Path:
        """Where its process reports."""


@local_only
def show_jobs(
    requests: Sequence[Job],
    action: str,
    key: str,
    answers: int,
    start: Callable[[Any], None],
) -> None:
    """Draws the button that starts jobs; while they are under way, how far they are.

    Args:
        requests: The jobs, done one after the other.
        action: What the button says.
        key: Of its widgets.
        answers: About how many answers (one checkpoint's to one photo) they need in all.
        start: Starts one of them.
    """
    problem = st.session_state.pop(f"{_PROBLEM}_{key}", None)
    if problem:
        st.error(plain(problem), icon=":material/error:")
    statuses = [read_job(each.folder) for each in requests]
    if any(status.running for status in statuses):
        st.fragment(_watch, run_every=1.0)(requests, key, answers)
        return
    for status in statuses:
        if status.status == "failed":
            st.error(plain(status.message), icon=":material/error:")
    begun = any(status.status in ("stopped", "failed") for status in statuses)
    st.button(
        "Go on" if begun else action,
        key=f"{key}_start",
        type="secondary" if all(status.finished for status in statuses) else "primary",
        icon=":material/play_arrow:",
        help="It goes on in the background, also when this page is closed; nothing is computed "
        "twice.",
        on_click=_start,
        args=(requests, key, start),
    )


def _watch(requests: Sequence[Job], key: str, answers: int) -> None:
    """Draws how far jobs are, once a second; draws the page anew when one of them has ended."""
    statuses = [read_job(each.folder) for each in requests]
    running = [status.running for status in statuses]
    if not all(running) and st.session_state.get(f"{key}_running", running) != running:
        redraw_when_quiet()
    st.session_state[f"{key}_running"] = running
    if not any(running):
        redraw_when_quiet()
    share, text = progress_of(statuses, answers)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(share, text)
        st.button(
            "Stop",
            key=f"{key}_stop",
            icon=":material/stop:",
            help="What is done is kept.",
            on_click=_stop,
            args=(requests,),
        )


def progress_of(statuses: Sequence[JobStatus], answers: int) -> tuple[float, str]:
    """Returns how much of jobs is done, in [0, 1], and the same in words.

    Args:
        statuses: Of the jobs.
        answers: About how many answers they need in all.
    """
    done = sum(status.done for status in statuses)
    total = max(answers, sum(status.total for status in statuses))
    now = next((status for status in statuses if status.status == "running"), None)
    if now is None:
        waits = any(status.status == "waiting" for status in statuses)
        return 0.0, "Waiting for another evaluation …" if waits else "Starting …"
    parts = [f"Measured {done:,} of {total:,}"]
    if now.seconds_left is not None:
        parts.append(f"{duration(now.seconds_left)} left")
    if now.message:
        parts.append(plain(now.message))
    waiting = sum(status.running for status in statuses) - 1
    if waiting:
        parts.append(f"then {waiting} more")
    return min(1.0, done / total) if total else 0.0, " · ".join(parts)


@local_only
def _start(requests: Sequence[Job], key: str, start: Callable[[Any], None]) -> None:
    """Starts what does not run yet; what went wrong is told on the page. A callback."""
    try:
        for request in requests:
            if not read_job(request.folder).running:
                start(request)
    except CarmaskError as error:
        st.session_state[f"{_PROBLEM}_{key}"] = str(error)


@local_only
def _stop(requests: Sequence[Job]) -> None:
    for request in requests:
        stop_job(request.folder)
