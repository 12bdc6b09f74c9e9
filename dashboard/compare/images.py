"""A against B photo by photo: all of them as points, lists of those to look at, and one large."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.compare.choice import Chosen
from dashboard.compare.images_list import show_list
from dashboard.compare.images_one import show_one
from dashboard.compare.images_state import (
    Pair,
    choose_box,
    choose_photo,
    chosen_box,
    chosen_photo,
    pick_order,
    pick_pair,
)
from dashboard.ui.text import plain
from dashboard.ui.unreadable import show_unreadable
from training.comparison.aligned import Pairs
from training.comparison.figures import scatter_figure

_ZOOM, _CHOOSE = "Zoom", "Choose photos"


def show_images(chosen: Chosen) -> None:
    """Draws the photos of a comparison; is to be the last part of a page that is drawn.

    What the networks have to make first comes when everything else is there.
    """
    pair = pick_pair(chosen)
    pairs = pair.pairs
    if chosen.images.missing:
        st.info(plain(chosen.images.missing), icon=":material/hide_image:")
    show_unreadable("photo", "can't be read and is in no figure", _unreadable(chosen))
    left, right = st.columns(2, gap="medium")
    with right:
        order = pick_order(pair)
        places = pairs.ordered(order, chosen_box())
        photo = chosen_photo(pairs, places)
        show_list(chosen.images, pair, order, places, photo)
    with left:
        _show_points(pair, photo)
    if photo is not None:
        show_one(chosen.images, pair, places, photo)


def _unreadable(chosen: Chosen) -> list[tuple[str, str]]:
    """Returns name and reason of each photo that has no figures."""
    found: dict[str, str] = {}
    for evaluation in chosen.evaluations:
        rows = evaluation.rows
        faulty = rows[rows["error"] != ""]
        found |= dict(zip(faulty["source"] + "/" + faulty["image"], faulty["error"], strict=True))
    return list(found.items())


def _show_points(pair: Pair, photo: int | None) -> None:
    if pair.alone:
        st.info("Choose a second checkpoint to see both photo by photo.", icon=":material/add:")
        return
    if np.array_equal(pair.pairs.a, pair.pairs.b):
        st.info(f"Both have the same {pair.pairs.metric.title} on every photo.")
    drag = st.segmented_control(
        "Drag to",
        (_ZOOM, _CHOOSE),
        default=_ZOOM,
        required=True,
        key="drag",
        bind="query-params",
        help="A click on a point shows its photo while dragging zooms in; a double click shows "
        "all again. Or drag a box around the photos that the list is to keep.",
    )
    key = "scatter_box" if drag == _CHOOSE else "scatter"
    figure = scatter_figure(pair.pairs, *pair.sides, photo)
    figure.update_layout(dragmode="select" if drag == _CHOOSE else "zoom")
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _selected(pair.pairs, key),
        selection_mode=("points", "box"),
        config={"displayModeBar": False},
        alt=f"{pair.pairs.metric.title} of each photo: {pair.a.title} across, {pair.b.title} up",
    )
    box = chosen_box()
    if box is None:
        st.caption("A point is a photo: click one to see it.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        inside = int(pair.pairs.inside(box).sum())
        st.markdown(f"**{inside:,}** photos in the box", width="content")
        st.button("All photos", key="no_box", type="tertiary", on_click=choose_box, args=(None,))


def _selected(pairs: Pairs, key: str) -> None:
    """Takes what was clicked or dragged over to the URL. A callback."""
    selection: Any = st.session_state[key].selection
    if selection.box:
        across, up = selection.box[0]["x"], selection.box[0]["y"]
        choose_box((min(across), max(across), min(up), max(up)))
    elif selection.points:
        (place,) = np.ravel(selection.points[0]["customdata"])
        choose_photo(pairs, int(place))
