"""How photos come to the Segment page: files, ZIPs, a folder, the camera, or a sample."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.photos import LISTED_SUFFIXES, Listing
from core.session import Photo, local_photo, uploaded_photos
from dashboard.ui.folders import samples_folder
from dashboard.ui.gallery import gallery
from dashboard.ui.samples import list_samples, mixed_samples
from dashboard.ui.text import plain
from dashboard.ui.tiles import sample_tiles

FILES, FOLDER, CAMERA = "Photos or ZIP", "Folder", "Camera"


def ask_photos() -> list[Photo]:
    """Draws the ways to bring photos and returns those of the open one, else the chosen sample."""
    # Closed once a sample is chosen, so that its result comes up; the widgets in it live on. A
    # camera that runs stays in sight.
    url = st.query_params
    with st.expander(
        "Your own photos", expanded="sample" not in url or url.get("source") == CAMERA
    ):
        uploads = _ask_uploads()
    if uploads:
        photos = _photos_of(uploads)
        for sentence in photos.left_out:
            st.caption(plain(sentence))
        return photos
    return _ask_sample()


def start_over() -> None:
    """Takes all uploads away; a button's callback."""
    st.session_state["intake_turn"] = st.session_state.get("intake_turn", 0) + 1


def _ask_uploads() -> Sequence[UploadedFile]:
    """Draws the ways to bring photos and returns what the open one holds."""
    files, folder, camera = st.tabs([FILES, FOLDER, CAMERA], key="source", bind="query-params")
    turn = st.session_state.setdefault("intake_turn", 0)
    with files:
        uploads = st.file_uploader(
            "Drop photos of cars here, or ZIPs of them",
            accept_multiple_files=True,
            key=f"files_{turn}",
        )
    with folder:
        in_folder = st.file_uploader(
            "Drop a folder of photos here",
            accept_multiple_files="directory",
            type=sorted(LISTED_SUFFIXES | {".zip"}),
            key=f"folder_{turn}",
        )
    if folder.open:
        return in_folder
    if camera.open:  # not before: a browser asks for leave as soon as the camera is drawn
        with camera:
            shot = st.camera_input("Take a photo", label_visibility="collapsed", width=640)
        return [shot] if shot else []
    return uploads


def _photos_of(uploads: Sequence[UploadedFile]) -> Listing[Photo]:
    """Returns the photos of the uploads; hashed and listed once, not at each rerun."""
    ids = [each.file_id for each in uploads]
    kept = st.session_state.get("intake")
    if kept is None or kept[0] != ids:
        kept = (ids, uploaded_photos([(each.name, each.getvalue()) for each in uploads]))
        st.session_state["intake"] = kept
    photos: Listing[Photo] = kept[1]
    return photos


def _ask_sample() -> list[Photo]:
    """Draws the samples and returns the chosen one, which the URL holds."""
    st.session_state.pop("intake", None)
    samples = {sample.name: sample for sample in list_samples(samples_folder())}
    if not samples:
        return []
    wanted = st.query_params.get("sample")
    st.markdown("**Or try a sample**")
    picked = gallery(
        sample_tiles(mixed_samples(list(samples.values()))),
        label="Samples",
        chosen=wanted,
        key="samples",
    )
    if picked and picked != wanted:
        st.query_params["sample"] = picked
        st.rerun()  # above this line the page was drawn as if no sample was chosen
    if wanted is None:
        return []
    if wanted not in samples:
        st.warning(f"There is no sample {plain(wanted)}; choose one of these.")
        return []
    return [local_photo(samples[wanted].photo, samples[wanted].mask)]
