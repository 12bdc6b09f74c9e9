"""One photo large: the truth, what A and B say, and where they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.drawing import OverlayStyle, error_picture, overlay
from core.errors import CarmaskError, reason
from core.image import encode_jpeg, thumbnail
from core.metric_table import METRICS
from core.names import unique
from dashboard.compare.images_predictions import Prediction, predictions, redraw_when_known
from dashboard.compare.images_state import Pair, choose_photo, place_on_list
from dashboard.compare.rows import ChosenImages
from dashboard.dataset.previews import sample_key
from dashboard.segment.pictures import show_errors_legend
from dashboard.ui.before_after import jpeg_url
from dashboard.ui.text import plain
from training.comparison.disagreement import (
    DISAGREEMENT_COLOURS,
    DisagreementColours,
    Spot,
    disagreement_of,
    disagreement_picture,
)
from training.comparison.figures import Side
from training.data.folder import Sample

_STEPS = (("Previous", "chevron_left", "Left", -1), ("Next", "chevron_right", "Right", 1))
_STEPPED = "stepped"


def show_one(images: ChosenImages, pair: Pair, places: NDArray[np.intp], photo: int) -> None:
    """Draws a photo with its figures and pictures, and the ways to the one before and the next.

    Args:
        images: Where the pictures are.
        pair: A and B.
        places: Places of the photos of the list, which previous and next follow.
        photo: The photo's place.
    """
    name = pair.pairs.names[photo]
    _show_steps(pair, places, photo)
    _show_figures(pair, photo)
    if name in images.samples:
        _show_pictures(images, pair, places, photo)
    elif images.samples:
        st.info(f"The photo {plain(name[1])} is not in the data folder on this machine.")


def _show_steps(pair: Pair, places: NDArray[np.intp], photo: int) -> None:
    st.session_state.pop(_STEPPED, None)
    at = place_on_list(places, photo)  # next is the list's first where it is not on it
    source, image = pair.pairs.names[photo]
    where = f"{at + 1:,} of {len(places):,}" if at >= 0 else "not on this list"
    with st.container(key="steps", horizontal=True, vertical_alignment="center", gap="small"):
        for label, icon, shortcut, by in _STEPS:
            st.button(
                label,
                key=f"{label.lower()}_compared",
                icon=f":material/{icon}:",
                shortcut=shortcut,
                disabled=not 0 <= at + by < len(places),
                on_click=_step,
                args=(pair, places, at, by),
            )
        st.markdown(f"**{plain(image)}** · {plain(source)} · {where}", width="content")


def _step(pair: Pair, places: NDArray[np.intp], at: int, by: int) -> None:
    """Goes on by one photo. A callback."""
    # A key that is pressed again before the page was drawn goes on from where the first one led.
    at = min(max(st.session_state.get(_STEPPED, at) + by, 0), len(places) - 1)
    st.session_state[_STEPPED] = at
    choose_photo(pair.pairs, int(places[at]))


def _show_figures(pair: Pair, photo: int) -> None:
    """Draws every metric of both, and what is known of the photo."""
    source, image = pair.pairs.names[photo]
    rows = [
        table[(table["source"] == source) & (table["image"] == image)].iloc[0]
        for table in pair.tables
    ]
    chosen = pair.pairs.metric
    metrics = [chosen, *(metric for metric in METRICS if metric is not chosen)]
    names = [side.title for side in pair.sides]
    values = [[row[metric.name] for metric in metrics] for row in rows]
    if pair.alone:
        names, values = names[:1], values[:1]
    else:
        names.append("Difference")
        values.append([b - a for a, b in zip(*values, strict=True)])
    # Each row its own name, also where a checkpoint is called Difference.
    figures = pd.DataFrame(values, unique(names, "{} ({})"), [metric.label for metric in metrics])
    texts: dict[Any, Any] = {metric.label: metric.text for metric in metrics}
    st.dataframe(figures.style.format(texts), height="content", alt="Figures of this photo")
    first = rows[0]
    facts = [f"car {first['car']}"] + [f"view {first['view']}"] * bool(first["view"])
    facts += [f"{first['width']} \N{MULTIPLICATION SIGN} {first['height']} px"]
    facts += [
        f"car covers {first['share']:.1%} of the photo",
        f"brightness {first['brightness']:.0%}",
    ]
    facts += ["the car touches the border"] * bool(first["touches_border"])
    st.caption(plain(" · ".join(facts)))


def _show_pictures(images: ChosenImages, pair: Pair, places: NDArray[np.intp], photo: int) -> None:
    sample = images.samples[pair.pairs.names[photo]]
    asked = [_ask(pair, sample, which) for which in (0, 1)]
    said = tuple(each.result() if each.done() and not each.cancelled() else None for each in asked)
    made = drawn(sample, pair.sides, (said[0], said[1]), alone=pair.alone)
    for error in made.errors:
        st.error(plain(error), icon=":material/error:")
    if made.panes:
        differs = made.counts is not None and sum(made.counts[:2]) > 0
        panes(
            made.panes,
            photo="/".join(pair.pairs.names[photo]),
            shape=made.shape,
            focus=made.spot,
            focus_label="Where they disagree most" if differs else "Where most is wrong",
            key="panes",
        )
        _show_legend(pair, made)
        redraw_when_known(asked)
        _prepare(images, pair, places, photo)


def _ask(pair: Pair, sample: Sample, which: int) -> Future[Prediction]:
    row = (pair.a, pair.b)[which]
    return predictions().ask(row, sample, pair.settings[which])


def _prepare(images: ChosenImages, pair: Pair, places: NDArray[np.intp], photo: int) -> None:
    """Has the next photo of the list looked at, before somebody asks for it."""
    following = place_on_list(places, photo) + 1
    for place in places[following : following + 1]:
        sample = images.samples.get(pair.pairs.names[place])
        if sample is not None:
            for which in (0, 1):
                _ask(pair, sample, which)


def _show_legend(pair: Pair, made: Drawn) -> None:
    """Draws what the colours of the large picture mean, with the pixels of each."""
    if pair.alone:
        show_errors_legend()
        return
    if made.counts is None:
        return
    a, b, both = made.counts
    kinds = (
        (f"{pair.a.title} alone is right", pair.a.colour, a),
        (f"{pair.b.title} alone is right", pair.b.colour, b),
        ("both are wrong", DISAGREEMENT_COLOURS.both, both),
    )
    entries = "".join(
        '<span style="display:inline-flex;align-items:center;gap:.4rem">'
        '<span style="width:.8rem;height:.8rem;border-radius:.2rem;box-sizing:border-box;'
        f'border:1px solid rgba(128,145,160,.7);background:{colour}"></span>'
        f"{escape(name)}: {pixels:,} px</span>"
        for name, colour, pixels in kinds
    )
    row = "display:flex;flex-wrap:wrap;gap:.4rem 1.1rem;font-size:.85rem"
    st.html(f'<div style="{row}">{entries}</div>')


LONGEST = 1920
"""Longest side of a picture in px: enough to zoom into."""
_QUALITY = 92
_OPACITY = 0.35
_TRUE = "#7BE04B"  # a green that no row has
_WAITS = "The network looks at this photo …"


@dataclass(frozen=True)
class Drawn:
    """One photo, ready for the browser."""

    panes: tuple[Pane, ...] = ()
    """The large picture first."""
    shape: tuple[int, int] = (2, 3)
    """Height and width of the photo in px."""
    spot: Spot | None = None
    """Where most differs, or where most is wrong."""
    counts: tuple[int, int, int] | None = None
    """Pixels in which A alone is right, B alone is right, both are wrong; None if not known yet."""
    errors: tuple[str, ...] = ()
    """What can't be read."""


def drawn(
    sample: Sample,
    sides: tuple[Side, Side],
    said: tuple[Prediction | None, Prediction | None],
    *,
    alone: bool,
) -> Drawn:
    """Returns the pictures of a photo; kept, for they are asked for at each redraw of the page.

    Args:
        sample: The photo and its true mask.
        sides: Titles and colours of A and B.
        said: What A and B say of it; None where that is not known yet.
        alone: Whether A and B are the same, so that there is nothing to disagree about.
    """
    keys = tuple(each.key if each else "" for each in said)
    return _drawn((sample_key(sample), keys, sides, alone), sample, sides, said, alone)


@st.cache_data(max_entries=48, show_spinner=False)
def _drawn(
    key: object,
    _sample: Sample,
    _sides: tuple[Side, Side],
    _said: tuple[Prediction | None, Prediction | None],
    _alone: bool,
) -> Drawn:
    try:
        image, truth = _sample.read_truth()
    except (CarmaskError, OSError) as error:
        return Drawn(errors=(reason(error),))
    errors = [each.error for each in _said if each and each.error]
    masks = [each.mask if each and not each.error else None for each in _said]
    lost = "There is no mask." if errors else _WAITS
    spot, counts, main = None, None, None
    if masks[0] is not None and masks[1] is not None:
        found = disagreement_of(truth.judged(masks[0]), truth.judged(masks[1]), truth.car)
        spot, counts = found.spot, found.counts
        if _alone:
            main = error_picture(image, truth.judged(masks[0]), truth.car)
        else:
            colours = DisagreementColours(_sides[0].colour, _sides[1].colour)
            main = disagreement_picture(image, found, colours)
    panes = [
        _pane("Errors" if _alone else "Where they disagree", main, lost),
        _pane("Photo", image),
        _pane("Truth", overlay(image, truth.car, OverlayStyle(_TRUE, _OPACITY))),
    ]
    for side, mask in list(zip(_sides, masks, strict=True))[: 1 if _alone else 2]:
        style = OverlayStyle(side.colour, _OPACITY)
        panes.append(_pane(side.title, None if mask is None else overlay(image, mask, style), lost))
    shape = image.shape[0], image.shape[1]
    return Drawn(tuple(panes), shape, spot, counts, tuple(dict.fromkeys(errors)))


def _pane(name: str, picture: NDArray[np.uint8] | None, lost: str = "") -> Pane:
    if picture is None:
        return Pane(name, lost=lost)
    return Pane(name, encode_jpeg(thumbnail(picture, LONGEST), _QUALITY))


_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_panes",
    html=(_PARTS / "images_panes.html").read_text(encoding="utf-8"),
    css=(_PARTS / "images_panes.css").read_text(encoding="utf-8"),
    js=(_PARTS / "images_panes.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Pane:
    """One of the pictures."""

    name: str
    """What it shows."""
    jpeg: bytes = b""
    """Empty where there is none yet, or none at all; then `lost` says why."""
    lost: str = ""
    """What stands in the picture's place."""


def panes(
    shown: Sequence[Pane],
    *,
    photo: str,
    shape: tuple[int, int],
    focus: Spot | None,
    focus_label: str,
    key: str,
) -> None:
    """Draws pictures of one size; the first one is as large as four of the others.

    Args:
        shown: The pictures.
        photo: What tells this photo from others: with another one the zoom starts anew.
        shape: Height and width of the photo in px.
        focus: The part of it that a button leads to; None draws no such button.
        focus_label: What that button says.
        key: Unique on the page.
    """
    height, width = shape
    centre = focus and {
        "x": (focus.left + focus.width / 2) / width,
        "y": (focus.top + focus.height / 2) / height,
        "scale": min(width / focus.width, height / focus.height),
    }
    data = {
        "panes": [
            {
                "name": pane.name,
                "src": jpeg_url(pane.jpeg) if pane.jpeg else "",
                "lost": pane.lost,
            }
            for pane in shown
        ],
        "photo": photo,
        "ratio": width / height,
        "focus": centre,
        "focus_label": focus_label,
    }
    _mount(key=key, data=data)
