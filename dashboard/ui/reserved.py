"""Places that are there before what they show is known, so that nothing below them jumps."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def reserved(key: str, **options: Any) -> DeltaGenerator:
    """Returns a container that is drawn at once; style.css gives it its height by its key.

    Streamlit draws a container only when there is something in it.

    Args:
        key: Unique on the page.
        options: More arguments of `st.container`.
    """
    place = st.container(key=key, **options)
    place.empty()
    return place


def set_ratio(width: int, height: int) -> None:
    """Tells style.css the shape of the large picture: it has its height before it is loaded.

    Args:
        width: In px, or in any other unit.
        height: In the same unit.
    """
    st.html(f"<style>.stApp {{ --ratio: {width / height:.4f}; }}</style>")
