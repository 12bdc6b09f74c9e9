"""One photo of a data folder, large, with its mask and its facts."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.drawing import OverlayStyle, overlay
from core.image import encode_jpeg, encode_png
from dashboard.dataset.known import Known
from dashboard.dataset.pictures import Pair, pictures
from dashboard.edit.editor import is_open, show_editor
from dashboard.edit.label_mask import label_subject, offer_repair
from dashboard.segment.controls import pick_opacity
from dashboard.ui.before_after import before_after
from dashboard.ui.reserved import set_ratio
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.data.folder import Sample, view_of
from training.health.facts import ImageFacts, measure

OVERLAY, BEFORE_AFTER, PHOTO, MASK = "Overlay", "Before / after", "Photo", "Mask"
_BORDERS = {"t": "top", "b": "bottom", "l": "left", "r": "right"}


def show_photo(
    known: Known,
    name: str,
    places: NDArray[np.intp],
    steps: DeltaGenerator,
    per_sheet: int,
) -> None:
    """Draws a photo, and the ways to the one before, the next, and back.

    Args:
        known: The data folder.
        name: The photo's name.
        places: Places of the photos that were wanted, in their order; next follows it.
        steps: Where the buttons go.
        per_sheet: Photos on a page of the grid, to which the way back leads.
    """
    samples = known.opened.dataset.samples
    place = bisect_left(samples, name, key=attrgetter("name"))
    if place == len(samples) or samples[place].name != name:
        with steps:
            _back(1)
        st.warning(f"There is no photo {plain(name)} with a mask in this folder.")
        return
    found = np.flatnonzero(places == place)
    if not len(found):
        places, found = np.arange(len(samples)), np.array([place])
    at = int(found[0])
    sample = samples[place]
    with steps:
        _back(at // per_sheet + 1)
        _step("Previous", "chevron_left", "Left", samples, places, at - 1)
        _step("Next", "chevron_right", "Right", samples, places, at + 1)
        st.markdown(f"**{plain(sample.name)}** · {at + 1:,} of {len(places):,}", width="content")
    reading = f"Reading {plain(sample.name)}"
    with waiting(reading, "measure a photo"):
        facts = known.survey.index.known([sample])[0] or measure(sample)
    shape = facts.height, facts.width
    subject = label_subject(sample, facts.digest if facts.mask_width else "", shape)
    if subject is not None and is_open(subject):
        show_editor(subject)
        return
    with waiting(reading, "read a photo"):
        pair = pictures().pair(sample)
    left, right = st.columns([5, 2], gap="large")
    with left, st.container(key="large", gap="small"):
        _show_picture(pair)
    with right:
        _show_facts(known, sample, facts)
        if subject is not None:
            offer_repair(subject, shape)


def _back(sheet: int) -> None:
    st.button("All photos", key="back", icon=":material/grid_view:", on_click=_close, args=(sheet,))


def _close(sheet: int) -> None:
    st.query_params.pop("photo", None)
    st.session_state["sheet"] = sheet


def _step(
    label: str,
    icon: str,
    shortcut: str,
    samples: tuple[Sample, ...],
    places: NDArray[np.intp],
    at: int,
) -> None:
    there = 0 <= at < len(places)
    st.button(
        label,
        key=f"{label.lower()}_photo",
        icon=f":material/{icon}:",
        shortcut=shortcut,
        disabled=not there,
        on_click=_open,
        args=(samples[places[at]].name if there else "",),
    )


def _open(name: str) -> None:
    st.query_params["photo"] = name


def _show_picture(pair: Pair) -> None:
    if pair.error:
        st.error(plain(pair.error), icon=":material/error:")
    if pair.image is None:
        return
    height, width = pair.image.shape[:2]
    set_ratio(width, height)
    if pair.mask is None:
        st.image(encode_jpeg(pair.image, 88), width="stretch", alt="Photo")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        look = st.segmented_control(
            "Show",
            (OVERLAY, BEFORE_AFTER, PHOTO, MASK),
            default=OVERLAY,
            required=True,
            key="look",
            bind="query-params",
            label_visibility="collapsed",
        )
        style = _ask_style(look)
    drawn = encode_jpeg(overlay(pair.image, pair.mask, style), 88)
    if look == BEFORE_AFTER:
        before_after(encode_jpeg(pair.image, 88), drawn, ("Photo", "Mask"), key="large_pair")
    elif look == MASK:
        st.image(encode_png(pair.mask), width="stretch", output_format="PNG", alt="Mask")
    else:
        shown = encode_jpeg(pair.image, 88) if look == PHOTO else drawn
        st.image(shown, width="stretch", alt=look)


def _ask_style(look: str) -> OverlayStyle:
    usual = OverlayStyle()
    if look not in (OVERLAY, BEFORE_AFTER):
        return usual
    return OverlayStyle(
        opacity=pick_opacity(usual.opacity, label_visibility="collapsed", width=200)
    )


def _show_facts(known: Known, sample: Sample, facts: ImageFacts) -> None:
    rows = _of_name(known, sample) | _of_facts(facts)
    st.table(
        {"Fact": [plain(key) for key in rows], "Value": [plain(text) for text in rows.values()]},
        border="horizontal",
        hide_header=True,
        hide_index=True,
    )
    found = known.report.findings if known.report else ()
    for each in found:
        if sample.name in each.names:
            st.warning(f"**{plain(each.title)}**  \n{plain(each.advice)}", icon=":material/flag:")


def _of_name(known: Known, sample: Sample) -> dict[str, str]:
    rows = {"Car": sample.car}
    if view_of(sample.name):
        rows["View"] = view_of(sample.name)
    if known.sides is not None:
        both = ("train", known.sides.train), ("validation", known.sides.val)
        rows["Split"] = " and ".join(word for word, names in both if sample.name in names) or "-"
    if sample.origin:
        rows["Made from"] = sample.origin
    rows["Photo"] = _below(known, sample.image_path)
    rows["Mask"] = _below(known, sample.mask.path)
    return rows


def _below(known: Known, path: Path) -> str:
    return str(path).removeprefix(f"{known.opened.dataset.root}/")


def _of_facts(facts: ImageFacts) -> dict[str, str]:
    rows = {}
    if facts.width:
        rows["Size"] = _size(facts.width, facts.height)
        rows["Brightness"] = f"{facts.brightness / 2.55:.0f} % of white"
        rows["Sharpness"] = f"{facts.sharpness:,.0f}"
    if facts.orientation != 1:
        rows["Turned"] = f"EXIF orientation {facts.orientation}, shown upright"
    if facts.mask_width:
        if (facts.mask_width, facts.mask_height) != (facts.width, facts.height):
            rows["Mask's size"] = _size(facts.mask_width, facts.mask_height)
        rows["Car share"] = f"{facts.share:.1%} of the photo"
        rows["Parts"] = _parts(facts)
        borders = [_BORDERS[each] for each in facts.touches if each in _BORDERS]
        rows["Touches"] = ", ".join(borders) or "no border"
        if facts.mask_values > 2:
            rows["Values in mask"] = f"{facts.mask_values}"
    return rows


def _parts(facts: ImageFacts) -> str:
    if facts.parts <= 1:
        return str(facts.parts)
    return f"{facts.parts}; the largest holds {facts.largest_part:.1%}"


def _size(width: int, height: int) -> str:
    return f"{width} \N{MULTIPLICATION SIGN} {height} px"
