"""How photos come to a page: files, ZIPs, a folder, the camera, or a sample."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.names import counted
from core.photos import LISTED_SUFFIXES
from dashboard.segment.photos import start_over, take_upload, upload_turn
from dashboard.ui.folders import samples_folder
from dashboard.ui.gallery import gallery
from dashboard.ui.samples import list_samples, mixed_samples
from dashboard.ui.tiles import sample_tiles

FILES, FOLDER, CAMERA = "Photos or ZIP", "Folder", "Camera"


def show_intake() -> None:
    """Draws the ways to bring photos; what comes is stored and the page drawn anew."""
    files, folder, camera = st.tabs([FILES, FOLDER, CAMERA], key="source", bind="query-params")
    turn = upload_turn()
    with files:
        key = f"files_{turn}"
        st.file_uploader(
            "Drop photos of cars here, or ZIPs of them",
            accept_multiple_files=True,
            key=key,
            on_change=partial(take_upload, key),
        )
    with folder:
        key = f"folder_{turn}"
        st.file_uploader(
            "Choose a folder",
            accept_multiple_files="directory",
            type=sorted(LISTED_SUFFIXES | {".zip"}),
            key=key,
            on_change=partial(take_upload, key),
        )
    if camera.open:  # not before: a browser asks for leave as soon as the camera is drawn
        key = f"camera_{turn}"
        with camera:
            st.camera_input(
                "Take a photo",
                label_visibility="collapsed",
                width=640,
                key=key,
                on_change=partial(take_upload, key),
            )


def show_photo_actions(count: int) -> None:
    """Draws the ways to bring more photos and to start over.

    Args:
        count: The visitor's photos.
    """
    with st.popover("Add photos", icon=":material/add_a_photo:"):
        show_intake()
    with st.popover("Start over", icon=":material/restart_alt:"):
        st.markdown(f"Remove {counted(count, 'photo')} from this page?")
        st.button("Remove", key="start_over", type="primary", on_click=start_over)


def show_samples(title: str) -> None:
    """Draws the samples; one that is chosen goes into the URL."""
    samples = mixed_samples(list_samples(samples_folder()))
    if not samples:
        return
    st.markdown(f"**{title}**")
    wanted = st.query_params.get("sample")
    with st.container(key="samples_strip"):
        picked = gallery(sample_tiles(samples), label="Samples", chosen=wanted, key="samples")
    if picked and picked != wanted:
        st.query_params["sample"] = picked
        st.rerun()  # above this line the page was drawn as if no sample was chosen
