"""The photos of one list as small pictures, or as a table where the pictures aren't here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.names import unique
from dashboard.compare.choice import ChosenImages
from dashboard.compare.images_state import Pair, choose_photo
from dashboard.dataset.pictures import pictures
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.text import plain
from training.comparison.aligned import Order

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
    found = np.flatnonzero(places == photo)
    first = int(found[0]) // SHOWN * SHOWN if len(found) else 0
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
