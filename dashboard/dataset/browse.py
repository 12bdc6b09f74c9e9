"""The grid of photos with their masks laid over: filtered, sorted, paged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.names import counted
from dashboard.dataset.choice import ORDERS, Choice, select
from dashboard.dataset.filters import ask_choice, ask_choice_folded, needs_measuring, show_active
from dashboard.dataset.known import Known
from dashboard.dataset.photo_view import show_photo
from dashboard.dataset.pictures import Thumb, pictures
from dashboard.dataset.sources import Opened
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.waiting import waiting
from training.data.folder import Sample, view_of
from training.health.survey import Survey

if TYPE_CHECKING:
    import pandas as pd

PER_SHEET = 24
"""Photos on one page of the grid: full rows of 2, 3, 4, 6 and 8."""

_RATIOS = (0.75, 2.0)
"""Least and largest width over height of a picture's place in the grid."""


def show_browse(known: Known) -> None:
    """Draws the grid, or the photo that was opened in it."""
    wanted = st.query_params.get("photo")
    if wanted is not None:
        row = st.container(key="steps", horizontal=True, vertical_alignment="center", gap="small")
        steps = row.container(
            horizontal=True, vertical_alignment="center", gap="small", width="content"
        )
        with row:
            choice = ask_choice_folded(known)
        places = _places(known, choice)
        show_photo(known, wanted, places, steps, PER_SHEET)
        return
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom", gap="small"):
        choice = ask_choice(known)
        masks = st.toggle("Masks", True, key="masks", bind="query-params")
    show_active(choice, known)
    places = _places(known, choice)
    if needs_measuring(choice) and not known.survey.measured:
        st.caption(
            "This order and these filters wait until the photos are measured."
            if known.survey.table is None
            else "Photos that are not measured stand last and pass no filter."
        )
    _show_sheet(known, choice, places, masks=masks)


def _places(known: Known, choice: Choice) -> NDArray[np.intp]:
    """Returns the places of the wanted photos in the folder's list, in the wanted order."""
    if choice.plain:  # of a hundred thousand photos nothing but the shown ones is looked at
        return np.arange(len(known.opened.dataset.samples))
    only: list[Collection[str]] = []
    if choice.side and known.sides is not None:
        only.append(known.sides.val if choice.side == "val" else known.sides.train)
    if choice.finding:
        found = known.report.findings if known.report else ()
        only.append({name for each in found if each.kind == choice.finding for name in each.names})
    table = known.survey.table
    if table is None:
        table = _names(known.opened.key, known.opened)
    return select(table, choice, only)


@st.cache_resource(max_entries=2, show_spinner=False)
def _names(key: str, _opened: Opened) -> pd.DataFrame:
    """Returns name, car and view of each photo: what is known before anything is measured."""
    import pandas as pd

    samples = _opened.dataset.samples
    return pd.DataFrame(
        {
            "name": [sample.name for sample in samples],
            "car": [sample.car for sample in samples],
            "view": [view_of(sample.name) for sample in samples],
        }
    )


def _show_sheet(known: Known, choice: Choice, places: NDArray[np.intp], *, masks: bool) -> None:
    sheets = max(1, -(-len(places) // PER_SHEET))
    if st.session_state.get("sheet", 1) > sheets:
        st.session_state["sheet"] = sheets
    samples = known.opened.dataset.samples
    count = f"**{len(places):,}** of {counted(len(samples), 'photo')}"
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        whole = f"**{counted(len(samples), 'photo')}**"
        st.markdown(whole if choice.plain else count, width="content")
        sheet = (
            st.pagination(sheets, key="sheet", bind="query-params", width="stretch")
            if sheets > 1
            else 1
        )
    if not len(places):
        st.info(_why_none(choice, known), icon=":material/search_off:")
        return
    shown = places[(sheet - 1) * PER_SHEET : sheet * PER_SHEET]
    here = [samples[i] for i in shown]
    with waiting("Reading the photos", f"sheet of {known.opened.dataset.root}"):
        thumbs = pictures().tiles(here, masks=masks)
    tiles = _tiles(here, thumbs, shown, known.survey, choice)
    ratio = float(np.median([thumb.ratio for thumb in thumbs]))
    ratio = min(max(ratio, _RATIOS[0]), _RATIOS[1])
    picked = gallery(tiles, label="Photos", wrap=True, ratio=ratio, key="grid")
    if picked is not None:
        st.query_params["photo"] = picked
        st.rerun()
    if sheet < sheets:
        st.button("Next page", key="next_sheet", icon=":material/arrow_forward:", on_click=_turn)
        following = places[sheet * PER_SHEET : (sheet + 1) * PER_SHEET]
        pictures().prepare([samples[i] for i in following], masks=masks)


def _turn() -> None:
    st.session_state["sheet"] = st.session_state.get("sheet", 1) + 1


def _tiles(
    samples: Sequence[Sample],
    thumbs: Sequence[Thumb],
    places: NDArray[np.intp],
    survey: Survey,
    choice: Choice,
) -> list[Tile]:
    column = ORDERS.get(choice.order, "share")
    values = [_caption(survey, int(place), column) for place in places]
    return [
        Tile(sample.name, sample.name, thumb.jpeg, _fault(thumb.error) or value)
        for sample, thumb, value in zip(samples, thumbs, values, strict=True)
    ]


def _fault(error: str) -> str:
    return f"Can't be read: {error}" if error else ""


def _caption(survey: Survey, place: int, column: str) -> str:
    """Returns the figure that the grid is sorted by, else the car's share; empty if unknown."""
    if survey.table is None:
        return ""
    row = survey.table.iloc[place]
    if row["width"] != row["width"]:  # not measured
        return ""
    return {
        "brightness": f"Brightness {row['brightness'] / 2.55:.0f} %",
        "sharpness": f"Sharpness {row['sharpness']:.0f}",
        "parts": f"{row['parts']:.0f} part{'' if row['parts'] == 1 else 's'}",
        "pixels": f"{row['width']:.0f} \N{MULTIPLICATION SIGN} {row['height']:.0f} px",
    }.get(column, f"Car {row['share']:.1%}")


def _why_none(choice: Choice, known: Known) -> str:
    if choice.finding and known.report is None:
        return "The photos are still being looked through; these will appear by themselves."
    if choice.finding:
        return "No photo in the grid has this finding: its files have no photo, or no mask."
    return "No photo passes these filters; take one away."
