"""The page that cuts cars out of photos, from the drop zone to the download."""

from __future__ import annotations

import streamlit as st

from core.checkpoint import CheckpointEntry
from core.errors import CarmaskError
from core.names import counted
from core.public import is_public
from core.session import Photo, PredictionSession, Prepared
from core.uploads import Uploads
from dashboard.edit.editor import is_editing, remind_of_draft
from dashboard.segment.batch_view import show_batch
from dashboard.segment.controls import CUT_OUT
from dashboard.segment.intake import show_photo_actions, show_samples
from dashboard.segment.model_choice import find_models, pick_model, warn_of_missing
from dashboard.segment.photo_view import show_photo
from dashboard.segment.photos import (
    chosen_sample,
    leave,
    photo_index,
    remember_uploads,
    show_left_out,
    visitor_uploads,
)
from dashboard.segment.pictures import (
    OUTPUTS,
    USUAL_LOOK,
    cutout_jpeg,
    photo_jpeg,
    screen_mask,
)
from dashboard.segment.start import show_start
from dashboard.ui.checkpoints import open_session
from dashboard.ui.frame import START, Page
from dashboard.ui.text import plain


def show_page(page: Page, first_view: str) -> None:
    """Draws the page below its menu.

    Args:
        page: The start page, or the Segment page.
        first_view: What is shown of a result before anybody chose, of `controls.VIEWS`.
    """
    found = find_models(page.title)
    if found is None:
        return
    good, broken = found
    sample, uploads = chosen_sample(), visitor_uploads()
    if sample is None and uploads is None:
        if is_editing():
            remind_of_draft()
        _show_start(page, good, broken)
        return
    first, fallback = _show_head(page, good, broken, sample, uploads)
    outputs = ("Cut-outs",) if first_view == CUT_OUT else OUTPUTS
    assert first.info is not None
    try:
        session = open_session(first, fallback)
        photo = sample or _chosen_photo(uploads)
        if photo is not None:
            show_photo(session, photo, first.info.threshold, first_view)
        elif uploads is not None:
            show_batch(session, uploads, first.info.threshold, outputs)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
    if sample is not None:
        show_samples("More samples")
    elif uploads is not None:
        show_left_out(uploads)
    remember_uploads(uploads)


def _show_start(page: Page, good: list[CheckpointEntry], broken: list[CheckpointEntry]) -> None:
    """Draws what there is before any photo."""
    title = page.title
    words = (
        "Drop photos of cars and get masks, overlays and cut-outs: adjust, correct, and compare "
        "them with masks of your own."
    )
    if page is START:
        title = "Cut the car out of the photo"
        where = (
            "Photos are removed soon after you leave."
            if is_public()
            else "Everything runs on this machine, without an account."
        )
        words = (
            "Drop photos of cars and get clean cut-outs: transparent, on white, or on any colour. "
            f"{where}"
        )
    show_start(title, words, _cut_out, "Cut-out", good, broken)


def _show_head(
    page: Page,
    good: list[CheckpointEntry],
    broken: list[CheckpointEntry],
    sample: Photo | None,
    uploads: Uploads | None,
) -> tuple[CheckpointEntry, CheckpointEntry | None]:
    """Draws the line above a result; returns the chosen checkpoint and its fallback."""
    count = len(uploads.photos) if uploads is not None else 0
    with st.container(key="head", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"# {page.title}", width="content")
        if sample is not None:
            label = f"Your {counted(count, 'photo')}" if count else "Use your own photos"
            st.button(label, icon=":material/arrow_back:", on_click=leave, args=("sample",))
        elif count > 1 and "photo" in st.query_params:
            _show_neighbours(count)
        if sample is None:
            show_photo_actions(count)
        chosen = pick_model(good, broken)
    warn_of_missing(good)
    return chosen


def _show_neighbours(count: int) -> None:
    """Draws the ways from one photo of a batch to the others."""
    index = photo_index(count)
    st.button(f"All {count} photos", icon=":material/grid_view:", on_click=leave, args=("photo",))
    for key, step, icon, label in (
        ("previous", -1, ":material/chevron_left:", "Previous photo"),
        ("next", 1, ":material/chevron_right:", "Next photo"),
    ):
        st.button(
            "",
            key=key,
            icon=icon,
            help=label,
            disabled=not 0 <= index + step < count,
            on_click=_open_photo,
            args=(index + step,),
        )
    st.caption(f"{index + 1} of {count}", width="content")


def _open_photo(index: int) -> None:
    st.query_params["photo"] = str(index + 1)


def _chosen_photo(uploads: Uploads | None) -> Photo | None:
    """Returns the only photo, or the one that the URL names; None to show all."""
    if uploads is None or (len(uploads.photos) > 1 and "photo" not in st.query_params):
        return None
    return uploads.photos[photo_index(len(uploads.photos))]


def _cut_out(_session: PredictionSession, prepared: Prepared) -> tuple[bytes, bytes]:
    """Returns the example's photo and its cut-out, JPEG."""
    mask = screen_mask(prepared, USUAL_LOOK)
    return photo_jpeg(prepared), cutout_jpeg(prepared, mask, USUAL_LOOK)
