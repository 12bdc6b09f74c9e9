"""One photo's result on a page: pictures, figures, downloads, and the true mask if there is one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.doubt import advice
from core.errors import CarmaskError
from core.masks import car_share
from core.metric_table import HEADLINE
from core.metrics import score
from dashboard.segment import downloads, pictures
from dashboard.segment.controls import HEAT_MAP, SLIDER
from dashboard.segment.pictures import Look
from dashboard.segment.segmenter import Prepared
from dashboard.segment.true_mask import read_true_mask
from dashboard.ui.before_after import before_after
from dashboard.ui.text import plain


def show_result(prepared: Prepared, view: str, look: Look, place: int) -> None:
    """Draws a result.

    Args:
        prepared: The photo and what the network says of it.
        view: Which pictures to show, one of `controls.VIEWS`.
        look: Settings.
        place: Number of the photo on the page, for the widgets' keys.
    """
    mask = pictures.screen_mask(prepared, look)
    with st.container(border=True):
        st.markdown(f"**:material/image: {plain(prepared.photo.source.name)}**")
        _show_pictures(prepared, mask, view, look, place)
        st.caption(pictures.facts(prepared, mask))
        if note := prepared.result.note:
            st.caption(plain(note))
        if opinion := pictures.second_opinion(prepared):
            st.caption(plain(opinion))
        if told := advice(prepared.result.answer.doubt, car_share(mask)):
            st.warning(told, icon=":material/visibility:")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _offer_downloads(prepared, look, place)
            truth = _ask_truth(prepared)
        if truth is not None:
            _show_comparison(prepared, mask, truth, look, place)


def show_failure(name: str, error: CarmaskError) -> None:
    """Draws why a photo has no result."""
    with st.container(border=True):
        st.markdown(f"**:material/broken_image: {plain(name)}**")
        st.error(plain(str(error)), icon=":material/error:")


def _show_pictures(
    prepared: Prepared, mask: NDArray[np.bool_], view: str, look: Look, place: int
) -> None:
    photo = pictures.photo_jpeg(prepared)
    if view == SLIDER:
        after = pictures.overlay_jpeg(prepared, mask, look)
        before_after(photo, after, ("Photo", "Overlay"), key=f"slider_{place}")
    elif view == HEAT_MAP:
        left, right = st.columns(2)
        _picture(left, "Photo", photo)
        _picture(right, "Probability of car", pictures.heatmap_jpeg(prepared))
        with right:
            pictures.show_heatmap_legend()
    else:
        left, middle, right = st.columns(3)
        _picture(left, "Photo", photo)
        _picture(middle, "Mask", pictures.mask_png(mask))
        _picture(right, "Overlay", pictures.overlay_jpeg(prepared, mask, look))


def _picture(column: DeltaGenerator, title: str, data: bytes) -> None:
    with column, st.container(gap="xxsmall"):
        st.caption(title)
        st.image(data, width="stretch", alt=title)


def _offer_downloads(prepared: Prepared, look: Look, place: int) -> None:
    kinds = (
        ("Mask", "mask.png", "image/png", downloads.full_mask),
        ("Overlay", "overlay.jpg", "image/jpeg", downloads.full_overlay),
        ("Cut-out", "cutout.png", "image/png", downloads.full_cutout),
    )
    for label, ending, mime, make in kinds:
        st.download_button(
            label,
            partial(make, prepared, look),
            f"{prepared.photo.source.stem}_{ending}",
            mime,
            key=f"download_{label}_{place}",
            on_click="ignore",
            icon=":material/download:",
            help=f"{ending.rpartition('.')[2].upper()} at the photo's full size",
        )


def _ask_truth(prepared: Prepared) -> tuple[str, Path | bytes] | None:
    """Returns name and file of the true mask to compare with, or None."""
    known = prepared.photo.truth
    if known is not None:
        wanted = st.toggle("Compare with the true mask", key="truth", bind="query-params")
        return (known.name, known) if wanted else None
    with st.popover("True mask", icon=":material/rule:"):
        file = st.file_uploader(
            "Compare with a true mask",
            key=f"truth_{prepared.photo.key}_{prepared.photo.copy}",
            help="A picture of the photo's size, bright where the car is.",
        )
    return (file.name, file.getvalue()) if file else None


def _show_comparison(
    prepared: Prepared,
    mask: NDArray[np.bool_],
    named: tuple[str, Path | bytes],
    look: Look,
    place: int,
) -> None:
    name, file = named
    read = read_true_mask(file, name, prepared.result.shape, str(place))
    if read is None:
        return
    full, truth = read.judged(prepared.result.mask(look.settings)), read.car
    scores = score(full, truth)
    left, right = st.columns([3, 2], gap="medium")
    _picture(left, "Against the true mask", pictures.errors_jpeg(prepared, mask, read))
    with left:
        pictures.show_errors_legend()
    with right, st.container(gap="xsmall"):
        st.caption("Scores; 1 is perfect")
        with st.container(horizontal=True, gap="small"):
            for metric in HEADLINE:
                value = metric.text(getattr(scores, metric.name))
                st.metric(metric.label, value, help=metric.help, width=150)
