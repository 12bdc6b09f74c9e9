"""Small choices that several views of the studio share, each of them in the URL."""

from __future__ import annotations

import random

import streamlit as st

from dashboard.dataset.previews import MASK, SHOWN, SIZES
from dashboard.ui.redraw import choose

_SEED = "seed"
_HIGHEST_SEED = 2**31 - 1


def pick_seed() -> int:
    """Draws the seed with its dice and returns it."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", width=190):
        seed = st.number_input(
            "Seed",
            0,
            _HIGHEST_SEED,
            0,
            key=_SEED,
            bind="query-params",
            help="The start of all random numbers: the same seed gives the same pictures.",
        )
        st.button(
            "Another seed",
            key="dice",
            icon=":material/casino:",
            help="Another seed",
            on_click=_throw_dice,
        )
    return int(seed or 0)


def _throw_dice() -> None:
    choose(_SEED, random.randint(0, 9999))


def pick_epoch() -> int:
    """Draws the epoch and returns it, from 1."""
    epoch = st.number_input(
        "Epoch",
        1,
        100_000,
        1,
        key="epoch",
        bind="query-params",
        help="What a photo becomes depends on seed, epoch and photo alone.",
        width=130,
    )
    return int(epoch or 1)


def pick_size() -> int:
    """Draws the side of the square in px and returns it."""
    size = st.selectbox(
        "Square",
        SIZES,
        SIZES.index(512),
        format_func=lambda side: f"{side} px",
        key="square",
        bind="query-params",
        width=120,
        help="Side of the square that a training makes of a photo first. All that is counted in "
        "px acts on it.",
    )
    return int(size)


def pick_shown() -> str:
    """Draws how masks are shown and returns the choice."""
    shown = st.segmented_control(
        "Show", SHOWN, default=MASK, required=True, key="show", bind="query-params"
    )
    return str(shown)
