"""Adding an edited photo and its mask to a data folder, to train on."""

from __future__ import annotations

import streamlit as st

from core.edits import Accepted
from core.errors import CarmaskError
from dashboard.edit.editor import Subject
from dashboard.ui.access import visitor_path
from dashboard.ui.folders import data_folder, short_path
from dashboard.ui.text import code, plain
from training.data.adding import add_to_dataset, proposed_car


def offer_add(subject: Subject, accepted: Accepted, key: str) -> None:
    """Draws the way to add a photo and its accepted mask to a data folder.

    Args:
        subject: The photo.
        accepted: Its mask.
        key: What tells its widgets from those of other photos.
    """
    with st.popover("Add to data set", icon=":material/library_add:"):
        folder = st.text_input(
            "Data folder",
            short_path(data_folder() / "corrected"),
            key=f"add_folder_{key}",
            help="A folder with images and masks, or a new one. Nothing in it is overwritten.",
        )
        car = st.text_input(
            "Car",
            proposed_car(subject.name),
            key=f"add_car_{key}",
            help="All photos of one car need the same: a split never divides them.",
        )
        if st.button("Add", key=f"add_{key}", type="primary", disabled=not (folder and car)):
            _add(subject, accepted, folder, car)


def _add(subject: Subject, accepted: Accepted, folder: str, car: str) -> None:
    assert accepted.mask is not None
    try:
        place = visitor_path(folder, data_folder().parent)
        added = add_to_dataset(
            place,
            subject.read(),
            accepted.mask,
            name=subject.name,
            car=car,
            edit=accepted.facts,
        )
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.success(f"Added as {code(short_path(added.photo))}.", icon=":material/check:")
