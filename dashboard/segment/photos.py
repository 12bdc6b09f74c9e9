"""The photos of a visitor: they stay while the page is left or loaded anew."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.public import is_public
from core.session import Photo, local_photo
from core.uploads import Uploads, UploadStore
from dashboard.ui.cookie import set_cookie
from dashboard.ui.folders import samples_folder
from dashboard.ui.samples import list_samples
from dashboard.ui.text import plain
from dashboard.ui.words import memory

_COOKIE, _KEY, _REFUSED, _TURN = "carmask_photos", "uploads_key", "uploads_refused", "intake_turn"


_PUBLIC_BYTES, _PUBLIC_SECONDS, _PUBLIC_VISITOR_BYTES = 2_000_000_000, 900.0, 200_000_000
"""What strangers' photos may weigh together, how long they stay unused, and what one's may."""


@st.cache_resource
def upload_store() -> UploadStore:
    """Returns the store of all visitors' photos; strangers' go soon after they have left."""
    if is_public():
        return UploadStore(_PUBLIC_BYTES, _PUBLIC_SECONDS, _PUBLIC_VISITOR_BYTES)
    return UploadStore()


def visitor_uploads() -> Uploads | None:
    """Returns what this visitor brought, in this tab or before a reload; None for nothing."""
    key = st.session_state.get(_KEY) or st.context.cookies.get(_COOKIE)
    uploads = upload_store().find(key) if key else None
    return uploads if uploads is not None and uploads.photos else None


def remember_uploads(uploads: Uploads | None) -> None:
    """Lets the browser find the visitor's files after a reload; drawn last, it shows nothing."""
    if uploads is not None:
        set_cookie(_COOKIE, uploads.key)


def take_upload(widget: str) -> None:
    """Stores what an upload widget holds and empties it; the widget's callback."""
    value: UploadedFile | Sequence[UploadedFile] | None = st.session_state.get(widget)
    files = list(value) if isinstance(value, Sequence) else [value] if value else []
    if not files:
        return
    uploads = visitor_uploads() or upload_store().create()
    try:
        refused = uploads.add([(file.name, file.getvalue()) for file in files])
    except OSError as error:
        refused = [f"all, for the server can't store them ({error.strerror})"]
    st.session_state[_KEY] = uploads.key
    st.session_state[_REFUSED] = refused
    st.session_state[_TURN] = upload_turn() + 1
    for name in ("sample", "photo"):
        st.query_params.pop(name, None)


def upload_turn() -> int:
    """Returns a number for the upload widgets' keys: another one empties them."""
    return int(st.session_state.setdefault(_TURN, 0))


def start_over() -> None:
    """Removes the visitor's photos; a button's callback."""
    uploads = visitor_uploads()
    if uploads is not None:
        upload_store().discard(uploads.key)
    st.session_state.pop(_KEY, None)
    for name in ("sample", "photo", "page", "state"):
        st.query_params.pop(name, None)


def show_left_out(uploads: Uploads) -> None:
    """Draws what of the uploads is not among the photos, and why."""
    for sentence in uploads.photos.left_out:
        st.caption(plain(sentence))
    if refused := st.session_state.get(_REFUSED):
        names = ", ".join(refused[:3]) + (f" and {len(refused) - 3} more" if refused[3:] else "")
        st.warning(
            "Not added, because the photos of one visit may weigh "
            f"{memory(uploads.limit)} together: {plain(names)}. Download what is ready, start over "
            "and bring the rest.",
            icon=":material/warning:",
        )


def chosen_sample() -> Photo | None:
    """Returns the sample that the URL names; None, with a warning, where there is none."""
    wanted = st.query_params.get("sample")
    if wanted is None:
        return None
    for sample in list_samples(samples_folder()):
        if sample.name == wanted:
            return local_photo(sample.photo, sample.mask)
    st.warning(f"There is no sample {plain(wanted)}; choose one of these.")
    return None


def leave(word: str) -> None:
    """Takes the sample or the photo that is open out of the URL; a button's callback."""
    st.query_params.pop(word, None)


def photo_index(count: int) -> int:
    """Returns which of `count` photos the URL names, from 0; the first one for nonsense."""
    named = st.query_params.get("photo", "1")
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 9 else 1
    return number - 1 if 1 <= number <= count else 0
