"""How far a batch of photos is, while it is being worked on."""

from __future__ import annotations

import streamlit as st

from core.batch import Progress
from dashboard.ui.words import duration


def show_batch_progress(progress: Progress, doing: str) -> None:
    """Draws a bar with the number of the photo of now and the time that is left.

    Args:
        progress: How far the work is; of at least one photo.
        doing: What is done with each photo, such as "Cutting out".
    """
    left = progress.seconds_left
    about = f" · about {duration(left)} left" if left is not None else ""
    number = min(progress.done + 1, progress.count)  # the ZIP ends after the last photo
    st.progress(progress.done / progress.count, f"{doing} {number} of {progress.count}{about}")
