"""What a page shows before anybody brought a photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import streamlit as st

from core.checkpoint import CheckpointEntry
from core.errors import CarmaskError
from core.session import PredictionSession, Prepared, local_photo
from dashboard.segment.intake import show_intake, show_samples
from dashboard.segment.model_choice import pick_model, warn_of_missing
from dashboard.ui.before_after import before_after
from dashboard.ui.checkpoints import open_session
from dashboard.ui.folders import samples_folder
from dashboard.ui.reserved import reserved
from dashboard.ui.samples import list_samples, mixed_samples
from dashboard.ui.text import plain
from dashboard.ui.tiles import sample_jpeg

LONGEST = 960
"""Longest side of the example in px."""


Make: TypeAlias = Callable[[PredictionSession, Prepared], tuple[bytes, bytes] | None]
"""Returns a photo and what becomes of it, JPEG; None where there is nothing to show."""


def show_start(
    title: str,
    words: str,
    make: Make,
    made: str,
    good: list[CheckpointEntry],
    broken: list[CheckpointEntry],
) -> None:
    """Draws what there is before any photo: what to do, the samples, and an example.

    Args:
        title: The page's.
        words: What the page does, Markdown.
        make: What the page makes of the example.
        made: What that is called.
        good: The checkpoints that can be read.
        broken: Those that can't.
    """
    about, example = st.columns([6, 5], gap="large", vertical_alignment="top")
    with about:
        st.title(title, anchor=False)
        st.markdown(words)
        show_intake()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            first, fallback = pick_model(good, broken)
    warn_of_missing(good)
    with example:
        picture = reserved("example")
    show_samples("No photo at hand? Try a sample")
    with picture:
        _show_example(first, fallback, make, made)


def _show_example(
    first: CheckpointEntry, fallback: CheckpointEntry | None, make: Make, made: str
) -> None:
    """Draws a sample before and after; what needs the network comes after the first picture."""
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
            before_after(*pair, ("Photo", made), key="example_pair")
