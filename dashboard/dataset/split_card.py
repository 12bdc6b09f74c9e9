"""The split of a data folder: how, how much, and whether it can be trusted."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import CarmaskError
from core.names import counted, safe_stem
from dashboard.dataset.filters import jump
from dashboard.dataset.known import Known
from dashboard.dataset.split_choice import (
    HIGHEST_SEED,
    VAL_SHARES,
    WAYS,
    Sides,
    SplitChoice,
    runs_with_split,
    split_file,
    write_split,
)
from dashboard.ui.badges import show_verdict
from dashboard.ui.text import plain


def show_split(known: Known) -> None:
    """Draws the split with its settings, its sides and its verdict."""
    with st.container(border=True, height="stretch", key="split_card"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader("Split", anchor=False, width="content")
            badge = st.container(width="content")
        _ask(known.split)
        sides = known.split_or_error
        if isinstance(sides, CarmaskError):
            st.info(plain(str(sides)), icon=":material/info:")
            return
        with badge:
            show_verdict(sides.split.verdict())
        _show_sides(sides)
        st.download_button(
            "Split file",
            partial(split_file, sides.split),
            f"{safe_stem(known.opened.dataset.name + '.json')}_split.json",
            "application/json",
            key="split_file",
            on_click="ignore",
            icon=":material/download:",
            help="For python -m training fit --split FILE: the same sides, with a fingerprint.",
        )


def _ask(choice: SplitChoice) -> None:
    """Draws the settings; a widget that changes writes to the URL before the page is drawn."""
    runs = runs_with_split()
    ways = WAYS if runs else WAYS[:-1]
    _hold("split", choice.split if choice.split in ways else WAYS[0])
    way = st.segmented_control(
        "How",
        ways,
        required=True,
        key="split_choice",
        on_change=write_split,
        args=("split",),
        label_visibility="collapsed",
    )
    if way == WAYS[2]:
        _hold("run", choice.run if choice.run in runs else runs[0])
        st.selectbox("Run", runs, key="run_choice", on_change=write_split, args=("run",))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _hold("val_share", choice.val_share)
        st.slider(
            "Validation share",
            *VAL_SHARES,
            step=0.05,
            format="percent",
            key="val_share_choice",
            on_change=write_split,
            args=("val_share",),
            width=200,
        )
        _hold("split_seed", choice.split_seed)
        st.number_input(
            "Seed",
            0,
            HIGHEST_SEED,
            step=1,
            key="split_seed_choice",
            on_change=write_split,
            args=("split_seed",),
            width=120,
        )
        if way == WAYS[0]:
            _hold("stratify", choice.stratify)
            st.toggle(
                "Balance car sizes",
                key="stratify_choice",
                on_change=write_split,
                args=("stratify",),
                help="Small and large cars stand on both sides.",
            )


def _hold(word: str, value: object) -> None:
    """Gives a widget what the URL says."""
    st.session_state[f"{word}_choice"] = value


def _show_sides(sides: Sides) -> None:
    verdict = sides.split.verdict()
    if verdict.kind == "leaky":
        st.markdown(f":red[{plain(verdict.sentence())}.] Scores of such a split flatter.")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        for label, word, names, cars in (
            ("Train", "train", sides.train, sides.train_cars),
            ("Validation", "val", sides.val, sides.val_cars),
        ):
            photos = counted(len(names), "photo")
            text = f"**{label}** · {photos} of {counted(cars, 'car')}"
            st.button(
                text,
                key=f"show_{word}",
                icon=":material/grid_view:",
                type="tertiary",
                on_click=jump,
                kwargs={"side": word},
                help="See these photos in the grid",
            )
