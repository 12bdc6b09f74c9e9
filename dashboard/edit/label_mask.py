"""The mask of a data folder's photo on the Dataset page: repaired in the editor, as an edit."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.edit_facts import Origin
from core.edits import EditStore
from core.image import read_image
from core.places import edits_folder
from core.public import is_public
from dashboard.edit.add_view import offer_add
from dashboard.edit.editor import Subject, edit_button
from dashboard.edit.import_view import offer_import
from dashboard.edit.photo_mask import edit_origin, show_edit_state, show_unclear
from training.data.folder import Sample


def label_subject(sample: Sample, digest: str, shape: tuple[int, int]) -> Subject | None:
    """Returns a labelled photo as the editor takes it; None where it can't be edited.

    Args:
        sample: The photo and its mask.
        digest: The photo's; "" where photo or mask can't be read.
        shape: The photo's (height, width) in px.
    """
    if is_public() or not digest:
        return None
    store = EditStore(edits_folder())

    def start() -> NDArray[np.bool_]:
        edit = store.accepted(digest, shape)
        return sample.mask.read(shape) if edit is None or edit.mask is None else edit.mask

    def origin() -> Origin:
        edit = store.accepted(digest, shape)
        if edit is None or edit.mask is None:
            return Origin(kind="label", fingerprint=sample.anchor)
        return edit_origin(edit.facts)

    return Subject(digest, sample.name, store, lambda: read_image(sample.image_path), start, origin)


def offer_repair(subject: Subject, shape: tuple[int, int]) -> None:
    """Draws whether the mask of a photo of (height, width) px was edited, and the editor's door."""
    edit = subject.store.accepted(subject.digest, shape)
    show_edit_state(edit)
    with st.container(horizontal=True, gap="small"):
        edit_button(subject, "label", "Repair mask")
        offer_import(subject, "label")
        show_unclear(subject)
        if edit is not None and edit.mask is not None:
            offer_add(subject, edit, "label")
