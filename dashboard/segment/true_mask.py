"""The true mask that a person gives for one photo, asked about where it leaves a choice."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import CarmaskError, UnclearMaskError
from core.image import read_truth
from core.mask_classes import MaskClasses
from core.truth import Truth, seems_inverted
from dashboard.ui.text import plain

_LISTED = 32
"""Values to choose from, the largest ones."""


def read_true_mask(file: Path | bytes, name: str, shape: tuple[int, int], key: str) -> Truth | None:
    """Returns a mask; None where it can't be read, which is drawn, or waits for an answer.

    Args:
        file: The mask's file, or the bytes of one.
        name: How messages call it.
        shape: (height, width) of the photo.
        key: What tells its widgets from those of other photos.
    """
    try:
        truth = _read(file, name, shape, key)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if truth is None or not seems_inverted(truth.car):
        return truth
    inverted = st.toggle(
        "Invert the mask",
        key=f"inverted_{key}",
        help="Most of the photo's border is car in it, so it may be inverted.",
    )
    return truth.inverted() if inverted else truth


def _read(file: Path | bytes, name: str, shape: tuple[int, int], key: str) -> Truth | None:
    try:
        return read_truth(file, name=name, shape=shape)
    except UnclearMaskError as error:
        if not error.values:
            raise
        shares = dict(sorted(error.values, key=lambda pair: -pair[1])[:_LISTED])
        listed = [value for value, _ in error.values if value in shares]
    chosen = st.multiselect(
        "Which of the mask's values is the car?",
        listed,
        format_func=lambda value: f"{value} ({shares[value]:.1%})",
        key=f"classes_{key}",
        help="Class numbers or colours, with their shares of the picture.",
    )
    if not chosen:
        st.info(
            f"{plain(name)} holds several values. Choose the car's to compare with it.",
            icon=":material/help:",
        )
        return None
    return read_truth(file, name=name, shape=shape, rule=MaskClasses.parsed(chosen).pixels)
