"""All pictures at full size, made beside the page: progress, what to check, and one ZIP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import streamlit as st

from core.batch import Batch, Done, File
from core.errors import CarmaskError
from core.listing.batch import file_names, make_picture
from core.listing.place import Series
from core.listing.recipe import ListingRecipe
from core.names import counted, first_few
from core.results import ResultRow
from core.session import Photo, PredictionSession
from dashboard.studio.preview import tile_jpeg
from dashboard.ui.batch_progress import show_batch_progress
from dashboard.ui.redraw import note_drawn, redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import memory

_BATCH = "studio_batch"


@dataclass(frozen=True)
class Order:
    """What is to be made of the photos."""

    recipe: ListingRecipe
    """The steps, and what is different for single photos."""
    series: Series
    """What the photos share."""
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Name of each photo's file, by `tile_key`."""


def made(photos: Sequence[Photo]) -> dict[str, Done]:
    """Returns what is made of photos so far, by the photo's key and copy."""
    batch: Batch[Order] | None = st.session_state.get(_BATCH)
    if batch is None:
        return {}
    return {
        tile_key(batch.photos[index]): done
        for index, done in dict(batch.results).items()
        if batch.photos[index] in photos
    }


def tile_key(photo: Photo) -> str:
    """Returns what tells a photo from all others, the same photo brought twice too."""
    return f"{photo.key}/{photo.copy}"


def offer_all(
    session: PredictionSession, photos: Sequence[Photo], recipe: ListingRecipe, series: Series
) -> None:
    """Draws the button that makes all pictures, how far that is, and what came out.

    Args:
        session: What predicts.
        photos: All photos.
        recipe: The steps, and what is different for single photos.
        series: What the photos share.
    """
    wanted = tuple(photo for photo in photos if not recipe.skips(photo.source.name))
    if not wanted:
        st.info("All photos are skipped.")
        return
    order = Order(recipe, series)
    batch: Batch[Order] | None = st.session_state.get(_BATCH)
    started = st.session_state.get("studio_order")
    if st.button(
        f"Make {counted(len(wanted), 'picture')}",
        key="studio_make",
        type="primary",
        icon=":material/auto_awesome:",
        width="stretch",
    ):
        if batch is None or batch.photos != wanted or batch.owner is not session:
            if batch is not None:
                batch.close()
            batch = Batch(wanted, partial(_make, session), session)
            st.session_state[_BATCH] = batch
        started = st.session_state["studio_order"] = replace(order, files=_files(wanted, recipe))
    if batch is None or started is None:
        return
    running = batch.watch(started).state == "running"
    changed = started != order or batch.photos != wanted
    every = 1.0 if running else None
    st.fragment(_show_progress, run_every=every)(batch, started, running=running, changed=changed)


def _files(photos: Sequence[Photo], recipe: ListingRecipe) -> dict[str, str]:
    """Returns the name of each photo's file."""
    recipes = [recipe.for_photo(photo.source.name) for photo in photos]
    names = file_names(recipes, [photo.source for photo in photos])
    return dict(zip(map(tile_key, photos), names, strict=True))


def _make(session: PredictionSession, photo: Photo, order: Order) -> tuple[Done, Iterable[File]]:
    """Returns a photo's row and small picture, and its file for the ZIP."""
    source, file = photo.source, order.files[tile_key(photo)]
    try:
        read = source.load()
        result = session.result(photo.key, lambda: read)
        recipe, limit = order.recipe.for_photo(source.name), session.model.threshold
        one = make_picture(source, read, result, recipe, limit, order.series, file)
    except CarmaskError as error:
        return Done(ResultRow(source.name, error=str(error))), ()
    return Done(one.row, tile_jpeg(one.picture)), ((file, one.data),)


def _show_progress(batch: Batch[Order], order: Order, *, running: bool, changed: bool) -> None:
    """Draws how far the work is, or the download and what to check."""
    progress = batch.watch(order)
    if (progress.state == "running") != running:
        redraw_when_quiet()
    if progress.state == "running":
        show_batch_progress(progress, "Making")
        return
    if progress.state == "failed":
        st.error(plain(progress.error), icon=":material/error:")
    elif progress.state == "done":
        if changed:
            st.caption("Changed since: make them again for the new settings.")
        size = batch.zip_size()
        st.download_button(
            f"Download all · {memory(size)}" if size > 1e6 else "Download all",
            batch.zip,
            "carmask_listing.zip",
            "application/zip",
            key="studio_zip",
            on_click="ignore",
            icon=":material/folder_zip:",
            width="stretch",
            help="All pictures at full size, and results.csv.",
        )
        _show_notes([done.row for _, done in sorted(batch.results.items())])
    note_drawn()


def _show_notes(rows: Sequence[ResultRow]) -> None:
    """Draws which photos have no picture, whose masks should be looked at, and all notes."""
    failed = [row for row in rows if row.error]
    check = [row for row in rows if row.advice and not row.error]
    if failed:
        lines = [f"- {plain(row.file)}: {plain(row.error)}" for row in failed]
        st.error("\n".join([f"**{counted(len(failed), 'photo')} without a picture**", "", *lines]))
    if check:
        names = first_few([row.file for row in check], 5)
        st.warning(f"**{counted(len(check), 'mask')} to check:** {plain(names)}")
    if noted := [row for row in rows if row.note and not row.error]:
        with st.expander(f"Notes on {counted(len(noted), 'picture')}"):
            lines = [f"- **{plain(row.file)}** {plain(row.note)}" for row in noted]
            st.markdown("\n".join(lines))
