"""Several photos: tiles that fill as they are done, true counts, and one download of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import streamlit as st

from core.batch import Batch, Done, File, Progress
from core.names import counted
from core.session import Photo, PredictionSession
from core.uploads import Uploads
from dashboard.segment.controls import pick_background, pick_look
from dashboard.segment.downloads import finish_photo
from dashboard.segment.pictures import OUTPUTS, Look
from dashboard.segment.states import STATES, State, state_counts
from dashboard.ui.batch_progress import show_batch_progress
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.redraw import note_drawn, redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import memory

PER_PAGE = 24
ALL = "All"
_EVERY = 1.0
"""Seconds between two looks at a batch that is being worked on."""


def show_batch(
    session: PredictionSession, uploads: Uploads, threshold: float, outputs: tuple[str, ...]
) -> None:
    """Draws all photos of a visitor, and starts the work on them.

    Args:
        session: What predicts.
        uploads: The photos.
        threshold: The checkpoint's own.
        outputs: Files of the ZIP before anybody chose, of `pictures.OUTPUTS`.
    """
    batch = _batch_of(session, uploads)
    bar = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        background = pick_background()
        look = pick_look(threshold, background, _pick_outputs(outputs))
        look = replace(look, edits=session.edits_state())
        state = _pick_state()
    running = batch.watch(look).state == "running"
    every = _EVERY if running else None
    with bar:
        st.fragment(_show_progress, run_every=every)(batch, look, running=running)
    st.fragment(_show_tiles, run_every=every)(batch, state)


def _batch_of(session: PredictionSession, uploads: Uploads) -> Batch[Look]:
    """Returns the work on these photos by this session; the last one ends if it is another."""
    photos, batch = tuple(uploads.photos), uploads.batch
    if batch is None or batch.photos != photos or batch.owner is not session:
        if batch is not None:
            batch.close()

        def make(photo: Photo, look: Look) -> tuple[Done, Iterator[File]]:
            return finish_photo(session, photo, look)

        batch = uploads.batch = Batch(photos, make, session)
    return batch


def _pick_outputs(first: tuple[str, ...]) -> tuple[str, ...]:
    with st.popover("Files", icon=":material/folder_zip:", help="What the ZIP holds"):
        chosen = st.pills(
            "Files for each photo",
            OUTPUTS,
            selection_mode="multi",
            default=list(first),
            key="files",
            bind="query-params",
        )
        st.caption("A results.csv with a row for each photo is always part of it.")
    return tuple(each for each in OUTPUTS if each in chosen) or first


def _pick_state() -> State | None:
    """Draws the filter and returns the state to show; None for all."""
    titles = {ALL: None, **{style.title: state for state, style in STATES.items()}}
    chosen = st.segmented_control(
        "Show", list(titles), default=ALL, required=True, key="state", bind="query-params"
    )
    return titles.get(str(chosen))


def _show_progress(batch: Batch[Look], look: Look, *, running: bool) -> None:
    """Draws how far the work is, or the counts and the download."""
    progress = batch.watch(look)
    if (progress.state == "running") != running:
        redraw_when_quiet()
    states = [done.row.state for done in batch.results.values()]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="counts_row"):
        counts = state_counts(states) or counted(len(batch.photos), "photo")
        st.markdown(f"**{counts}**", width="stretch")
        if progress.state == "failed":
            st.button("Try again", on_click=_retry, args=(batch, look))
        _offer_zip(batch, progress)
    if progress.state == "failed":
        st.error(plain(progress.error), icon=":material/error:")
    elif progress.state == "running":
        show_batch_progress(progress, "Cutting out")
    if not running:
        note_drawn()


def _retry(batch: Batch[Look], look: Look) -> None:
    batch.watch(look, retry=True)


def _offer_zip(batch: Batch[Look], progress: Progress) -> None:
    ready = progress.state == "done"
    size = f" · {memory(batch.zip_size())}" if ready else ""
    st.download_button(
        f"Download all{size}",
        batch.zip,
        "carmask_results.zip",
        "application/zip",
        key="download_all",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        disabled=not ready,
        help="One ZIP with the files of all photos at full size, and results.csv",
    )


def _show_tiles(batch: Batch[Look], state: State | None) -> None:
    """Draws a tile for each photo; one that is chosen is opened."""
    results = dict(batch.results)
    shown = [
        index
        for index in range(len(batch.photos))
        if state is None or (index in results and results[index].row.state == state)
    ]
    if not shown:
        st.caption("No photo is in this state.")
        return
    pages = -(-len(shown) // PER_PAGE)
    page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    page = min(page, pages)
    tiles = [
        _tile(index, batch.photos[index].source.name, results.get(index))
        for index in shown[(page - 1) * PER_PAGE : page * PER_PAGE]
    ]
    picked = gallery(tiles, label="Photos", wrap=True, key="tiles")
    if picked is not None:
        st.query_params["photo"] = picked
        st.rerun()


def _tile(index: int, name: str, done: Done | None) -> Tile:
    if done is None:
        return Tile(str(index + 1), name, b"", "Waiting", "waiting")
    state = done.row.state
    return Tile(str(index + 1), name, done.tile, STATES[state].title, state)
