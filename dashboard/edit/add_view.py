"""Adding an edited photo and its mask to a data folder, to train on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.edits import Accepted
from core.errors import CarmaskError
from dashboard.edit.editor import Subject
from dashboard.ui.access import visitor_path
from dashboard.ui.folders import data_folder, short_path
from dashboard.ui.text import code, plain
from training.data.adding import CORRECTED, IMAGES, add_to_dataset, proposed_car
from training.data.folder import Sample, open_dataset
from training.health.index import FactsIndex, default_index
from training.health.leaks import find_twin


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
            short_path(data_folder() / CORRECTED),
            key=f"add_folder_{key}",
            help="A folder with images and masks, or a new one. Nothing in it is overwritten.",
        )
        proposed, why = _proposed_car(accepted.facts.photo, folder, subject)
        typed, before = f"add_car_{key}", f"add_proposed_{key}"
        if st.session_state.get(typed) in (None, st.session_state.get(before)):
            st.session_state[typed] = proposed  # what a person typed stays
        st.session_state[before] = proposed
        car = st.text_input(
            "Car",
            key=typed,
            help="All photos of one car need the same: a split never divides them.",
        )
        st.caption(f"A proposal, {plain(why)}. Check it.")
        if st.button("Add", key=f"add_{key}", type="primary", disabled=not (folder and car)):
            _add(subject, accepted, folder, car)


def _proposed_car(digest: str, folder: str, subject: Subject) -> tuple[str, str]:
    """Returns the car that a photo may show, and what that is taken from."""
    try:
        place = visitor_path(folder, data_folder().parent)
        times = [part.stat().st_mtime_ns for part in (place, place / IMAGES)]
        twin = _twin(f"{digest}\0{place}\0{times}", place, subject)
    except (CarmaskError, OSError):  # a new folder, or none that can be read
        twin = None
    if twin is None:
        return proposed_car(subject.name), "from the photo's name"
    return twin.car, f"for {twin.name} in this folder is the same picture"


@st.cache_data(max_entries=64, show_spinner=False)
def _twin(key: str, _folder: Path, _subject: Subject) -> Sample | None:
    """Returns the photo of a data folder that is the same picture; `key` changes when it would."""
    index = FactsIndex(default_index())
    try:
        return find_twin(_subject.read(), open_dataset(_folder).samples, index)
    finally:
        index.close()


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
