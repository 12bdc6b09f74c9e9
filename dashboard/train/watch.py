"""A run that is watched: which one, how far it is, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from core.errors import CarmaskError
from dashboard.train.live import show_curves, show_figures, show_log, show_probes
from dashboard.train.place import watch
from dashboard.ui.access import local_only
from dashboard.ui.badges import show_status, show_verdict
from dashboard.ui.doctor import show_doctor
from dashboard.ui.folders import runs_folder
from dashboard.ui.frame import RUNS
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import duration
from training.config import TrainConfig
from training.jobs.launch import resume_run, stop_run
from training.jobs.queue import Queue
from training.runs.listing import Seen, WatchedRun
from training.runs.runlog import read_config
from training.runs.summary import ALIVE, RunSummary

_CHOICE, _WATCHED, _PROBLEM, _STOPPING = "run_choice", "watched", "run_problem", "stopping"
_LISTED = 100
_SILENT = 15.0
"""Seconds without a new figure after which it is said."""


def show_watch(runs: list[RunSummary]) -> None:
    """Draws the choice of a run, the run, and what waits."""
    names = _names(runs)
    if not names:
        st.info("There is no run yet. Start one under **New run**.")
        return
    chosen = _pick(names, {run.name: run.status for run in runs})
    watched = _watched(chosen)
    seen = watched.read()
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(plain(problem), icon=":material/error:")
    if seen.alive:
        st.fragment(_live, run_every=1.0)(watched, seen.status)
    else:
        _show(seen)
    _show_queue(chosen)


def _names(runs: list[RunSummary]) -> list[str]:
    """Returns the runs that can be watched: under way, then waiting, then the newest."""
    queue = Queue(runs_folder())
    alive = [run.name for run in runs if run.status in ALIVE]
    queued = [entry.run for entry in [*queue.begun(), *queue.waiting()]]
    own = [run.name for run in runs if run.written_by == "carmask"]
    return list(dict.fromkeys([*alive, *queued, *own[:_LISTED], *queue.failed()]))


def _pick(names: list[str], status: dict[str, str]) -> str:
    wanted = st.query_params.get("run", names[0])
    if wanted not in names:
        if any(each.name == wanted and each.is_dir() for each in runs_folder().glob("[!.]*")):
            names = [*names, wanted]
        else:
            st.warning(f"There is no run {plain(wanted)}; choose one of these.")
            wanted = names[0]
    if "run" not in st.query_params:  # it stays this one when another begins
        st.query_params["run"] = wanted
    st.session_state[_CHOICE] = wanted
    return str(
        st.selectbox(
            "Run",
            names,
            key=_CHOICE,
            format_func=lambda name: f"{name} · {status.get(name, 'waiting')}",
            on_change=lambda: watch(st.session_state[_CHOICE]),
        )
    )


def _watched(name: str) -> WatchedRun:
    """Returns the viewer's own reader of a run, which reads only what is new."""
    folder = runs_folder() / name
    known: WatchedRun | None = st.session_state.get(_WATCHED)
    if known is None or known.folder != folder:
        known = st.session_state[_WATCHED] = WatchedRun(folder)
    return known


def _live(watched: WatchedRun, before: str) -> None:
    """Draws a run once a second; draws the page anew when its state is another."""
    seen = watched.read()
    if seen.status != before:
        redraw_when_quiet()
    _show(seen)


def _show(seen: Seen) -> None:
    run = seen.summary
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(plain(run.name), anchor=False, width="content")
        _show_badge(seen)
        if run.verdict_on_figures is not None:
            show_verdict(run.verdict_on_figures, quiet=True)
        _show_buttons(seen)
    _show_messages(seen)
    if _has_figures(seen) or run.cause:
        show_doctor(run, seen.curves)
    if seen.status == "queued":
        st.caption(f"It starts by itself after {plain(', '.join(seen.ahead))}.")
    elif seen.status == "starting":
        st.caption("The data are being listed and the network is being built …")
    if not seen.alive and run.written_by == "carmask":
        from dashboard.compare.after_training import show_way_on

        show_way_on(run.folder)
    if run.epoch or run.step or seen.status == "running":
        st.progress(run.share, _progress(seen))
    if _has_figures(seen):
        show_figures(seen)
    show_probes(run.folder)
    if _has_figures(seen):
        show_curves(seen)
    show_log(seen)
    if run.folder.is_dir() and not seen.alive:
        st.page_link(
            RUNS.path, label="Open full run", icon=RUNS.icon, query_params={"run": run.name}
        )


def _has_figures(seen: Seen) -> bool:
    return not seen.curves.steps.empty or not seen.curves.epochs.empty


def _show_badge(seen: Seen) -> None:
    stopping = seen.status == "running" and st.session_state.get(_STOPPING) == seen.summary.name
    show_status(seen.status, title="Stopping" if stopping else "")


def _show_messages(seen: Seen) -> None:
    run = seen.summary
    if seen.status in ("failed", "crashed"):
        st.error(plain(run.message or "It ended without a word."), icon=":material/error:")
    elif run.message:
        st.caption(plain(run.message))
    if run.error:
        st.warning(plain(run.error), icon=":material/warning:")


def _progress(seen: Seen) -> str:
    run = seen.summary
    current = run.epoch + (seen.status == "running" and run.share < 1)
    parts = [f"Epoch {current} of {run.epochs}" if run.epochs else f"Epoch {current}"]
    parts.append(f"{run.images:,} images seen")
    if run.seconds:
        parts.append(f"{duration(run.seconds)} so far")
    if seen.seconds_left is not None:
        parts.append(f"{duration(seen.seconds_left)} left")
    silent = (datetime.now(UTC) - run.updated).total_seconds() if run.updated else 0.0
    if seen.status == "running" and silent > _SILENT:
        parts.append(f"last figures {duration(silent)} ago")
    return " · ".join(parts)


def _show_buttons(seen: Seen) -> None:
    name, status = seen.summary.name, seen.status
    if status == "running":
        stopping = st.session_state.get(_STOPPING) == name
        st.button(
            "Stop",
            key="stop_run",
            icon=":material/stop:",
            disabled=stopping,
            help="It saves where it is, and can go on later.",
            on_click=_act,
            args=(_stop, name),
        )
    elif status == "queued":
        st.button(
            "Remove from the queue", key="remove", icon=":material/close:",
            on_click=_act, args=(_remove, name),
        )  # fmt: skip
    elif status not in ("starting", "missing") and (seen.summary.folder / "config.json").is_file():
        if status != "finished":
            st.button(
                "Resume", key="resume", type="primary", icon=":material/play_arrow:",
                help="Goes on at its last saved state.", on_click=_act, args=(_resume, name),
            )  # fmt: skip
        _show_extend(name)


def _show_extend(name: str) -> None:
    """Draws the way to let a run go on for more epochs than it was asked for."""
    with st.popover("Train longer", icon=":material/more_time:"):
        more = st.number_input("More epochs", 1, 100_000, 10, key="more_epochs")
        st.button(
            "Go on", key="extend", type="primary", icon=":material/play_arrow:",
            on_click=_act, args=(lambda run: _extend(run, int(more)), name),
        )  # fmt: skip


def _show_queue(watched: str) -> None:
    """Draws what waits besides the run that is watched, each with the way out."""
    waiting = [entry for entry in Queue(runs_folder()).waiting() if entry.run != watched]
    if not waiting:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Next**", help="One run a device; the next starts by itself.")
        for entry in waiting:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"{plain(entry.run)} · {plain(entry.device)}", width="content")
                st.button("Remove", key=f"remove_{entry.run}", on_click=_act,
                          args=(_remove, entry.run), type="tertiary")  # fmt: skip


def _act(action: Callable[[str], None], name: str) -> None:
    """Does something to a run; what went wrong is told above it. A callback."""
    try:
        action(name)
    except (CarmaskError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)


@local_only
def _stop(name: str) -> None:
    stop_run(runs_folder() / name)
    st.session_state[_STOPPING] = name


@local_only
def _resume(name: str) -> None:
    st.session_state.pop(_STOPPING, None)
    resume_run(runs_folder() / name)


@local_only
def _extend(name: str, more: int) -> None:
    st.session_state.pop(_STOPPING, None)
    folder = runs_folder() / name
    resume_run(folder, **extended(read_config(folder), _watched(name).read(0).summary, more))


def extended(config: TrainConfig, run: RunSummary, more: int) -> dict[str, float]:
    """Returns the lengths that let a run go on for more epochs; other limits are taken away."""
    reached = max(run.epoch, config.epochs if run.status != "finished" else run.epoch)
    lengths = {"epochs": reached + more, "minutes": 0.0, "images": 0, "patience": 0}
    return {name: value for name, value in lengths.items() if value != getattr(config, name)}


@local_only
def _remove(name: str) -> None:
    if not Queue(runs_folder()).remove(name):
        raise CarmaskError(f"The run {name} has begun; stop it instead.")
