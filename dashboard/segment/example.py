"""What a page makes of a photo, shown before anybody brought one."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.checkpoint import CheckpointEntry
from core.errors import CarmaskError
from core.session import PredictionSession, Prepared, local_photo
from dashboard.ui.before_after import before_after
from dashboard.ui.checkpoints import open_session
from dashboard.ui.folders import samples_folder
from dashboard.ui.samples import list_samples, mixed_samples
from dashboard.ui.text import plain
from dashboard.ui.tiles import sample_jpeg

LONGEST = 960
"""Longest side of the example in px."""


def show_example(
    first: CheckpointEntry,
    fallback: CheckpointEntry | None,
    make: Callable[[PredictionSession, Prepared], tuple[bytes, bytes] | None],
    title: str,
) -> None:
    """Draws a sample before and after; what needs the network comes after the first picture.

    Args:
        first: The checkpoint.
        fallback: The one that predicts where the first one is uncertain.
        make: Returns the photo and what becomes of it, JPEG; None where there is nothing to show.
        title: What it becomes.
    """
    samples = mixed_samples(list_samples(samples_folder()))
    jpeg = sample_jpeg(samples[0], LONGEST) if samples else None
    if jpeg is None:
        return
    place = st.empty()
    place.image(jpeg, width="stretch", alt=samples[0].label)
    try:
        session = open_session(first, fallback)
        pair = make(session, session.prepare(local_photo(samples[0].photo), LONGEST))
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if pair is not None:
        with place:
            before_after(*pair, ("Photo", title), key="example_pair")
