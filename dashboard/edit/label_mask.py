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
from dashboard.edit.photo_mask import edit_origin, show_edit_state
from training.data.folder import Sample
from training.health.facts import ImageFacts


def label_subject(sample: Sample, facts: ImageFacts) -> Subject | None:
    """Returns a labelled photo as the editor takes it; None where it can't be edited.

    Args:
        sample: The photo and its mask.
        facts: What was measured of them.
    """
    if is_public() or not facts.digest or not facts.mask_width:
        return None
    store, shape = EditStore(edits_folder()), (facts.height, facts.width)

    def start() -> NDArray[np.bool_]:
        edit = store.accepted(facts.digest, shape)
        return sample.mask.read(shape) if edit is None or edit.mask is None else edit.mask

    def origin() -> Origin:
        edit = store.accepted(facts.digest, shape)
        if edit is None or edit.mask is None:
            return Origin(kind="label", fingerprint=sample.anchor)
        return edit_origin(edit.facts)

    return Subject(
        facts.digest, sample.name, store, lambda: read_image(sample.image_path), start, origin
    )


def offer_repair(subject: Subject, facts: ImageFacts) -> None:
    """Draws whether the photo's mask was edited, and the way into the editor."""
    edit = subject.store.accepted(subject.digest, (facts.height, facts.width))
    show_edit_state(edit)
    with st.container(horizontal=True, gap="small"):
        edit_button(subject, "label", "Repair mask")
        offer_import(subject, "label")
        if edit is not None and edit.mask is not None:
            offer_add(subject, edit, "label")
