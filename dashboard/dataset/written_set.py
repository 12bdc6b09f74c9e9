"""An augmented set that is being written, or was: how far it is, and a look at its pictures."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.masks import car_share
from core.names import counted
from dashboard.dataset.applied_text import applied_lines
from dashboard.dataset.filters import BROWSE
from dashboard.dataset.image_picker import pick_image
from dashboard.dataset.previews import draw
from dashboard.dataset.sources import open_folder
from dashboard.dataset.studio_controls import pick_shown
from dashboard.ui.access import local_only
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import duration
from training.augment.written.settings import read_settings, read_versions
from training.augment.written.status import job_of, read_status, start_augment, stop_augment
from training.data.folder import Dataset
from training.jobs.job import JobStatus

_PROBLEM = "written_problem"
_WORDS = {
    "starting": "Starting …",
    "running": "Being written",
    "finished": "All pictures are there",
    "stopped": "Stopped",
    "failed": "It ended too soon",
    "missing": "",
}


def show_written(out: Path, dataset: Dataset) -> None:
    """Draws the set in a folder; nothing where there is none."""
    status = read_status(out)
    if status.status == "missing":
        return
    st.divider()
    st.subheader(plain(out.name), anchor=False)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(plain(problem), icon=":material/error:")
    _show_facts(out)
    if status.running:
        st.fragment(_watch, run_every=1.0)(out, status.done)
    else:
        _show_status(out, status)
    _show_result(out, status, dataset)


def _show_facts(out: Path) -> None:
    """Draws what the set is made of and how, as the set itself says."""
    try:
        settings = read_settings(out)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if settings is None:  # it is just starting
        return
    source, size = settings["source"], settings["size"]
    parts = [
        f"Recipe {settings['recipe']['name']}",
        f"{counted(settings['per_image'], 'version')} of each of "
        f"{counted(source['photos'], 'photo')} of {source['name']}",
        f"{size} px square" if size else "the photos' own size",
        f"seed {settings['seed']}",
    ]
    if settings["originals"]:
        parts.append("with the photos themselves")
    st.caption(plain(" · ".join(parts)))


def _watch(out: Path, before: int) -> None:
    """Draws how far the writing is, once a second.

    Draws the page anew when it has ended, and when there is the first picture to look at.
    """
    status = read_status(out)
    if not status.running or (status.done and not before):
        redraw_when_quiet()
    _show_status(out, status)


def _show_status(out: Path, status: JobStatus) -> None:
    share = status.done / status.total if status.total else 0.0
    facts = [_WORDS[status.status], f"{status.done:,} of {status.total:,} pictures"]
    if status.running and status.speed:
        facts.append(f"{status.speed:,.1f} a second")
    if status.running and status.seconds_left is not None:
        facts.append(f"{duration(status.seconds_left)} left")
    st.progress(min(1.0, share), " · ".join(facts))
    if status.message and status.status == "failed":
        st.error(plain(status.message), icon=":material/error:")
    with st.container(horizontal=True, gap="xsmall"):
        if status.running:
            st.button(
                "Stop", key="augment_stop", icon=":material/stop:", on_click=_stop, args=(out,)
            )
        elif not status.finished:
            st.button(
                "Go on",
                key="augment_go_on",
                type="primary",
                icon=":material/play_arrow:",
                help="Makes what is missing; nothing is done twice.",
                on_click=_go_on,
                args=(out,),
            )


@local_only
def _stop(out: Path) -> None:
    if not stop_augment(out):
        st.session_state[_PROBLEM] = "It could not be told to stop; it may have ended just now."


@local_only
def _go_on(out: Path) -> None:
    """Starts the set's own job again, whatever the form says now."""
    try:
        start_augment(job_of(out))
    except (CarmaskError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)


def _open(out: Path) -> None:
    open_folder(str(out))
    st.session_state["tab"] = BROWSE


def _show_result(out: Path, status: JobStatus, dataset: Dataset) -> None:
    """Draws a photo beside its versions in the set, and the way to open the set as a dataset."""
    if not status.done:
        return
    data = status.facts.get("data")
    if data and Path(data) != dataset.root.resolve():
        st.info(f"This set was made from another data folder: {plain(data)}.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width=400):
            place = pick_image(dataset)
        shown = pick_shown()
        if st.button(
            "Open as data folder",
            key="open_set",
            icon=":material/photo_library:",
            help="Shows the set on this page, like any other data folder.",
            on_click=_open,
            args=(out,),
        ):
            st.rerun()  # the whole page, not this part alone
    sample = dataset.samples[place]
    made = read_versions(out, sample.name)
    if not made:
        st.info(f"The set has no picture of {plain(sample.name)} yet.")
        return
    try:
        with st.container(key="versions"):
            image, mask = sample.read()
            with st.container(gap="xsmall"):
                st.image(draw(shown, image, mask), width="stretch", alt="The photo")
                st.caption(f"**The photo** · car {car_share(mask):.0%}")
            for each in made:
                image, mask = each.read()
                with st.container(gap="xsmall"):
                    st.image(draw(shown, image, mask), width="stretch", alt=each.image_path.name)
                    lines = "  \n".join(plain(line) for line in applied_lines(each.applied))
                    name = plain(each.image_path.name)
                    st.caption(f"**{name}** · car {car_share(mask):.0%}  \n{lines}")
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
