"""The samples' small pictures, read once for all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.errors import ImageError
from core.image import encode_jpeg, read_image, thumbnail
from dashboard.ui.gallery import Tile
from dashboard.ui.samples import Sample

LONGEST = 320
"""Longest side of a small picture in px."""


def sample_tiles(samples: Sequence[Sample]) -> list[Tile]:
    """Returns the samples' small pictures; a sample that can't be read has none."""
    return [
        Tile(each.name, each.label, jpeg)
        for each in samples
        for jpeg in [sample_jpeg(each, LONGEST)]
        if jpeg is not None
    ]


def sample_jpeg(sample: Sample, longest: int) -> bytes | None:
    """Returns a sample's photo as JPEG with its longest side in px; None if it can't be read."""
    try:
        return _jpeg(str(sample.photo), sample.photo.stat().st_mtime_ns, longest)
    except (ImageError, OSError):
        return None


@st.cache_data(max_entries=128, show_spinner=False)
def _jpeg(path: str, changed: int, longest: int) -> bytes:
    """Returns a JPEG of the photo in a file as it was at a time (ns)."""
    return encode_jpeg(thumbnail(read_image(Path(path)), longest), 85)
