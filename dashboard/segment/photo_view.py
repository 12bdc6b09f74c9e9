"""One photo's result: the picture, the download beside it, and everything that changes it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.errors import CarmaskError
from core.masks import MaskSettings, car_share
from core.metric_table import HEADLINE
from core.metrics import score
from core.session import Photo, PredictionSession, Prepared
from core.uncertainty import advice, mask_state
from dashboard.edit.editor import is_open, show_editor
from dashboard.edit.photo_mask import offer_edit, photo_subject, show_edit_state
from dashboard.segment import downloads, pictures
from dashboard.segment.controls import (
    CUT_OUT,
    HEAT_MAP,
    MASK,
    OVERLAY,
    SIDE_BY_SIDE,
    SLIDER,
    pick_background,
    pick_look,
    pick_view,
)
from dashboard.segment.pictures import LONGEST, Look
from dashboard.segment.states import show_state
from dashboard.segment.true_mask import read_true_mask
from dashboard.ui.before_after import before_after
from dashboard.ui.reserved import reserved, set_ratio
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting


def show_photo(session: PredictionSession, photo: Photo, threshold: float, first_view: str) -> None:
    """Draws a photo's result; predicts it where that has not happened yet.

    Args:
        session: What predicts.
        photo: The photo.
        threshold: The checkpoint's own.
        first_view: What is shown before anybody chose.
    """
    name = plain(photo.source.name)
    try:
        with waiting(f"Cutting out {name}", "cut out"):
            prepared = session.prepare(photo, LONGEST)
    except CarmaskError as error:
        with st.container(border=True):
            st.markdown(f"**:material/broken_image: {name}**")
            st.error(plain(str(error)), icon=":material/error:")
        return
    subject = photo_subject(prepared.photo, prepared.result, MaskSettings(threshold))
    if subject is not None and is_open(subject):
        show_editor(subject)
    else:
        _show(prepared, threshold, first_view)


@st.fragment
def _show(prepared: Prepared, threshold: float, first_view: str) -> None:
    """Draws the result; a setting that changes runs this function alone."""
    view = st.session_state.get("view") or st.query_params.get("view", first_view)
    height, width = prepared.picture.shape[:2]
    set_ratio(width, height)
    if view == SIDE_BY_SIDE:  # three pictures need the whole width
        picture = st.container()
        facts, panel = st.columns([3, 2], gap="large")
    else:
        picture, panel = st.columns([7, 3], gap="large")
        facts = None
    with picture:
        result = reserved("result_wide" if view == SIDE_BY_SIDE else "result")
        view = pick_view(first_view)
    with panel:
        state = reserved("state", horizontal=True, vertical_alignment="center", gap="small")
        save = reserved("save")
        background = pick_background()
        with st.container(horizontal=True, gap="small"):
            look = pick_look(threshold, background, ())
            truth = _pick_truth(prepared)
        others = st.container(horizontal=True, gap="small")
    mask = pictures.screen_mask(prepared, look)
    with result:
        _show_pictures(prepared, mask, view, look)
    with state:
        show_state(mask_state(*_judged(prepared, mask)))
        st.markdown(f"**:material/image: {plain(prepared.photo.source.name)}**", width="content")
    with facts or panel:
        _show_facts(prepared, mask)
    _offer_downloads(prepared, look, save, others, empty=not mask.any())
    subject = photo_subject(prepared.photo, prepared.result, look.settings)
    if subject is not None:
        with others:
            offer_edit(subject, prepared.result, "photo")
    if truth is not None:
        _show_comparison(prepared, mask, truth, look)


def _judged(prepared: Prepared, mask: NDArray[np.bool_]) -> tuple[float | None, float, float]:
    """Returns what tells whether a mask can be relied on: uncertainty, car share and limit."""
    result = prepared.result
    prediction = result.prediction
    return None if result.edited else prediction.uncertainty, car_share(mask), prediction.limit


def _show_facts(prepared: Prepared, mask: NDArray[np.bool_]) -> None:
    """Draws what this is and why it may not be relied on."""
    st.caption(plain(pictures.facts(prepared, mask)))
    if note := prepared.result.note:
        st.caption(plain(note))
    show_edit_state(prepared.result.edit)
    if advised := advice(*_judged(prepared, mask)):
        st.warning(plain(advised), icon=":material/visibility:")


def _show_pictures(prepared: Prepared, mask: NDArray[np.bool_], view: str, look: Look) -> None:
    if view == SLIDER:
        before, after = pictures.photo_jpeg(prepared), pictures.overlay_jpeg(prepared, mask, look)
        before_after(before, after, ("Photo", "Overlay"), key="slider")
    elif view == HEAT_MAP:
        st.caption("Probability of car")
        _picture("Probability of car", pictures.heatmap_jpeg(prepared))
        pictures.show_heatmap_legend()
    elif view == MASK:
        _picture(MASK, pictures.mask_png(mask))
    elif view == OVERLAY:
        _picture(OVERLAY, pictures.overlay_jpeg(prepared, mask, look))
    elif view == SIDE_BY_SIDE:
        shown = (
            ("Photo", pictures.photo_jpeg(prepared)),
            (MASK, pictures.mask_png(mask)),
            (OVERLAY, pictures.overlay_jpeg(prepared, mask, look)),
        )
        for column, (title, data) in zip(st.columns(len(shown)), shown, strict=True):
            with column, st.container(gap="xxsmall"):
                st.caption(title)
                _picture(title, data)
    else:
        _picture(CUT_OUT, pictures.cutout_jpeg(prepared, mask, look))


def _picture(title: str, data: bytes) -> None:
    st.image(data, width="stretch", alt=title)


def _offer_downloads(
    prepared: Prepared, look: Look, save: DeltaGenerator, others: DeltaGenerator, *, empty: bool
) -> None:
    """Draws the cut-out's download where it is at hand, and those of the other files.

    Args:
        prepared: The photo's result.
        look: Settings.
        save: Where the cut-out's goes.
        others: Where the others go.
        empty: Whether there is no car to be saved.
    """
    ending = downloads.cutout_end(look)
    kinds = (
        (save, "Download cut-out", ending, downloads.full_cutout),
        (others, "Mask", "_mask.png", downloads.full_mask),
        (others, "Mask, RLE", "_rle.json", downloads.full_rle),
        (others, "Overlay", "_overlay.jpg", downloads.full_overlay),
    )
    formats = {
        "png": ("image/png", "PNG"),
        "jpg": ("image/jpeg", "JPEG"),
        "json": ("application/json", "COCO RLE (JSON)"),
    }
    for place, label, end, make in kinds:
        mime, title = formats[end.rpartition(".")[2]]
        with place:
            st.download_button(
                label,
                partial(make, prepared, look),
                f"{prepared.photo.source.stem}{end}",
                mime,
                key=f"download_{end.strip('_').partition('.')[0]}",
                on_click="ignore",
                type="primary" if place is save else "secondary",
                width="stretch" if place is save else "content",
                disabled=empty and place is save,
                icon=":material/download:",
                help=f"{title} at the photo's full size",
            )


def _pick_truth(prepared: Prepared) -> tuple[str, Path | bytes] | None:
    """Returns name and file of the mask to compare with, or None."""
    known = prepared.photo.truth
    if known is not None:
        wanted = st.toggle("Compare with the true mask", key="truth", bind="query-params")
        return (known.name, known) if wanted else None
    with st.popover("Compare with your own mask", icon=":material/rule:"):
        file = st.file_uploader(
            "Your mask",
            key=f"truth_{prepared.photo.key}_{prepared.photo.copy}",
            help="A picture of the photo's size, bright where the car is.",
        )
    return (file.name, file.getvalue()) if file else None


def _show_comparison(
    prepared: Prepared, mask: NDArray[np.bool_], named: tuple[str, Path | bytes], look: Look
) -> None:
    name, file = named
    read = read_true_mask(file, name, prepared.result.shape, "photo")
    if read is None:
        return
    full, truth = read.judged(prepared.result.mask(look.settings)), read.car
    scores = score(full, truth)
    title = "Compared with your mask" if prepared.photo.truth is None else "Against the true mask"
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(gap="xxsmall"):
        st.caption(title)
        _picture(title, pictures.errors_jpeg(prepared, mask, read))
        pictures.show_errors_legend()
    with right, st.container(gap="xsmall"):
        st.caption("Scores; 1 is perfect")
        with st.container(horizontal=True, gap="small"):
            for metric in HEADLINE:
                value = metric.text(getattr(scores, metric.name))
                st.metric(metric.label, value, help=metric.help, width=150)
