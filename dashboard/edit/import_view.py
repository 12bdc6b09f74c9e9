"""A mask from a file, which becomes a draft of the photo's mask."""

from __future__ import annotations

import streamlit as st

from core.edit_facts import Origin
from core.errors import CarmaskError
from core.mask_files import ENDINGS, read_mask_file
from dashboard.edit.editor import PARAMETER, Subject
from dashboard.ui.text import plain


def offer_import(subject: Subject, key: str) -> None:
    """Draws the way to bring a mask from a file into the editor.

    Args:
        subject: The photo.
        key: What tells its widgets from those of other photos.
    """
    with st.popover("Import mask", icon=":material/upload:"):
        file = st.file_uploader(
            "Mask of this photo",
            type=[ending.strip(".") for ending in ENDINGS],
            key=f"import_{key}",
            help="A PNG, or JSON with a COCO RLE, of the photo's size in px. It opens as a draft: "
            "nothing changes before you accept it.",
        )
        if st.button(
            "Open as a draft", key=f"import_open_{key}", type="primary", disabled=file is None
        ):
            assert file is not None
            _open(subject, file.getvalue(), file.name)


def _open(subject: Subject, data: bytes, name: str) -> None:
    """Begins a draft from a file's mask, and opens it."""
    try:
        height, width, _ = subject.read().shape
        mask = read_mask_file(data, name, (height, width))
        draft = subject.store.begin(subject.digest, subject.name, mask, Origin(kind="imported"))
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.query_params[PARAMETER] = draft.facts.edit
    st.rerun()
