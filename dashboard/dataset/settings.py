"""How a data folder is read, and the way to another folder: a small window beside the list."""

from __future__ import annotations

import streamlit as st

from dashboard.dataset.sources import Opened, open_folder
from dashboard.ui.access import local_only
from training.data.folder import UNNAMED, Reading

LAYOUT_NAMES = {
    "carvana": "Carvana layout",
    "paired": "Photos and masks in two folders",
    "coco": "COCO",
    "voc": "Pascal VOC",
    "augmented": "Augmented set",
}
"""Layouts as a person calls them."""


@local_only
def show_settings(opened: Opened | None, reading: Reading) -> None:
    """Draws the settings; `opened` is None where the folder can't be opened."""
    with st.popover("Settings", icon=":material/tune:"):
        st.text_input(
            "Folder path",
            key="folder_text",
            placeholder="/path/to/folder",
            help="A folder on this machine: Carvana's layout, images/ and masks/, COCO or VOC.",
        )
        st.button("Open", key="open_folder", icon=":material/folder_open:", on_click=_add)
        if opened is not None:
            if opened.dataset.all_classes or opened.dataset.layout in UNNAMED:
                _ask_classes(opened)
            _ask_inverted(opened)
        st.session_state["rule_text"] = reading.car_rule
        st.text_input(
            "Car rule",
            key="rule_text",
            placeholder="(?P<car>[^_]+)_",
            help="How a photo's name says its car: a regular expression with a group called car. "
            "Empty takes the part before the first _.",
            on_change=_set_rule,
        )


def show_way_on() -> None:
    """Draws what to do where a folder could not be opened."""
    st.markdown(
        "Choose another folder, open one in **Settings**, or draw a set of cars with "
        "`python -m training synthetic --out data/synthetic`."
    )


def _add() -> None:
    open_folder(st.session_state["folder_text"])
    st.session_state["folder_text"] = ""


def _ask_classes(opened: Opened) -> None:
    chosen, named = list(opened.dataset.classes), opened.dataset.all_classes
    st.session_state["classes_choice"] = chosen
    st.multiselect(
        "Classes that are the car",
        named or chosen,
        key="classes_choice",
        accept_new_options=not named,
        placeholder="7, or 64,0,128, or all",
        help=None if named else "Where masks hold class numbers or colours: those of the car.",
        on_change=_set_classes,
    )


def _ask_inverted(opened: Opened) -> None:
    name = opened.dataset.name
    st.session_state["inverted_choice"] = name in opened.reading.inverted
    st.toggle(
        "Inverted masks",
        key="inverted_choice",
        help="Masks that are bright beside the car are read the other way round.",
        on_change=_set_inverted,
        args=(name,),
    )


def _set_inverted(name: str) -> None:
    if st.session_state["inverted_choice"]:
        st.query_params["inverted"] = name
    else:
        del st.query_params["inverted"]


def _set_classes() -> None:
    st.query_params["classes"] = st.session_state["classes_choice"]
    if not st.session_state["classes_choice"]:
        del st.query_params["classes"]


def _set_rule() -> None:
    rule = st.session_state["rule_text"].strip()
    if rule:
        st.query_params["rule"] = rule
    else:
        st.query_params.pop("rule", None)
