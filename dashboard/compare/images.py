"""A against B photo by photo: all of them as points, lists of those to look at, and one large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.names import unique
from dashboard.compare.images_one import show_one
from dashboard.compare.images_state import (
    Pair,
    choose_box,
    choose_photo,
    chosen_box,
    chosen_photo,
    pick_order,
    pick_pair,
    place_on_list,
)
from dashboard.compare.rows import Chosen, ChosenImages
from dashboard.dataset.pictures import pictures
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.text import plain
from dashboard.ui.unreadable import show_unreadable
from training.comparison.aligned import Order, Pairs
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


SHOWN = 9
"""Small pictures at a time: the ones around the photo that is looked at."""
_NOBODY: dict[Order, str] = {
    "improved": "{b} is better on none of these photos.",
    "worsened": "{b} is worse on none of these photos.",
    "worst": "No photo lies in the box.",
}


def show_list(
    images: ChosenImages, pair: Pair, order: Order, places: NDArray[np.intp], photo: int | None
) -> None:
    """Draws the part of a list that the chosen photo stands in.

    Args:
        images: Where the pictures are.
        pair: A and B.
        order: Which list it is.
        places: Places of its photos.
        photo: The place of the chosen one, which may be on another list.
    """
    if not len(places):
        st.info(plain(_NOBODY[order].format(b=pair.b.title)))
        return
    first = max(place_on_list(places, photo), 0) // SHOWN * SHOWN
    here = places[first : first + SHOWN]
    if images.samples:
        _show_tiles(images, pair, here, photo)
    else:
        _show_table(pair, here)
    last = first + len(here)
    st.caption(
        f"{first + 1:,} to {last:,} of {len(places):,}: the arrow keys go through all of them."
    )


def _show_tiles(
    images: ChosenImages, pair: Pair, here: NDArray[np.intp], photo: int | None
) -> None:
    names = [pair.pairs.names[place] for place in here]
    known = {name: images.samples[name] for name in names if name in images.samples}
    thumbs = dict(zip(known, pictures().tiles(list(known.values()), masks=False), strict=True))
    tiles = [
        Tile(
            str(place),
            pair.pairs.text(place).partition(" →")[0] if pair.alone else pair.pairs.text(place),
            thumbs[name].jpeg if name in thumbs else b"",
            name[1],
        )
        for place, name in zip(here, names, strict=True)
    ]
    ratios = [thumb.ratio for thumb in thumbs.values()] or [1.5]
    picked = gallery(
        tiles,
        label="Photos to look at",
        chosen=str(photo),
        wrap=True,
        ratio=min(max(float(np.median(ratios)), 0.75), 2.0),
        key="photo_list",
    )
    if picked is not None:
        choose_photo(pair.pairs, int(picked))
        st.rerun()


def _show_table(pair: Pair, here: NDArray[np.intp]) -> None:
    pairs = pair.pairs
    *_, a, b = unique(["Photo", "Gain", pair.a.title, pair.b.title], "{} ({})")
    table = pd.DataFrame(
        {
            "Photo": [pairs.names[place][1] for place in here],
            a: pairs.a[here],
            b: pairs.b[here],
            "Gain": pairs.gain[here],
        }
    )

    def picked() -> None:
        rows = st.session_state["photo_table"].selection.rows
        if rows:
            choose_photo(pairs, int(here[rows[0]]))

    number = st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={a: number, b: number, "Gain": st.column_config.NumberColumn(format="%+.4f")},
        column_order=["Photo", a] if pair.alone else None,
        key="photo_table",
        on_select=picked,
        selection_mode="single-row",
        alt="Photos to look at",
    )
