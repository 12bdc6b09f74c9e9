"""Picking what is compared: checkpoints of runs, files, ensembles, flips and cascades."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.names import counted
from dashboard.compare.files import ask_file
from dashboard.compare.rows import (
    Known,
    cascade_name,
    choose_rows,
    members_of,
    row_name,
    title_of,
)
from dashboard.ui.badges import mark
from dashboard.ui.named_choice import distinct
from dashboard.ui.scores import score_text
from dashboard.ui.text import plain
from dashboard.ui.unreadable import show_unreadable

_ROWS, _MEMBERS, _FLIPPED, _TOGETHER = "rows_choice", "members", "flipped", "together"
_CASCADE = "cascade"
_USUAL, _ARCHIVED = "usual_members", "archived"


def pick_rows(names: Sequence[str], known: Known) -> None:
    """Draws what is compared, in order, and the ways to add to it; a change goes to the URL.

    Args:
        names: Names of the rows.
        known: Every checkpoint there is.
    """
    offered = [*dict.fromkeys([*names, *known.infos])]
    labels = distinct({name: _label(name, known) for name in offered})
    shown = [name for name in names if set(members_of(name)) <= known.infos.keys()]
    # Not bound: the labels would stand in the URL, and the Dice in them changes.
    st.session_state[_ROWS] = shown
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Checkpoints",
            offered,
            format_func=lambda name: labels.get(name, name),
            key=_ROWS,
            placeholder="Choose two or more",
            filter_mode="contains",  # what Enter takes then has the name in it
            help="Every checkpoint of every run, the highest Dice first. Type to find one.",
            on_change=_choose,
            args=(shown,),
            wrap=True,
        )
        with st.popover("Add", icon=":material/add:"):
            st.toggle(
                "Archived runs too",
                key=_ARCHIVED,
                bind="query-params",
                help="Earlier generations and the experiment's runs; also in the list.",
            )
            _ask_more(shown, known)
            st.divider()
            ask_file(shown)


def with_archived() -> bool:
    """Returns whether checkpoints of archived runs are offered, as the URL says."""
    return st.query_params.get(_ARCHIVED) == "true"


def show_faulty(faulty: Sequence[tuple[str, str]], known: Known) -> None:
    """Draws each chosen row that can't be compared with the reason; the others still are."""
    for name, why in faulty:
        st.warning(f"**{plain(title_of(name))}**: {plain(why)}", icon=":material/warning:")
    chosen = {name for name, _ in faulty}
    others = [(name, why) for name, why in known.errors.items() if name not in chosen]
    show_unreadable("checkpoint", "can't be read", others)


def _ask_more(shown: Sequence[str], known: Known) -> None:
    """Draws the way to flips, ensembles and cascades of checkpoints."""
    single = [name for name in known.infos if name not in known.errors]
    titles = distinct({name: title_of(name) for name in single})
    usual = [each for each in shown if members_of(each) == [each]]
    if st.session_state.get(_USUAL) != usual:  # other rows: a former choice means nothing now
        st.session_state[_USUAL] = st.session_state[_MEMBERS] = usual
    members = st.multiselect(
        "Of these",
        single,
        format_func=lambda name: titles.get(name, name),
        key=_MEMBERS,
        placeholder="Choose checkpoints",
    )
    flips = st.toggle(
        "Mirrored too",
        value=True,
        key=_FLIPPED,
        help="Each photo is also predicted mirrored, and the mean of both is taken: "
        "twice the time.",
    )
    together = st.toggle(
        "As an ensemble",
        key=_TOGETHER,
        help="The mean of what they all say; it takes as long as all of them together.",
    )
    cascade = st.toggle(
        "As a cascade",
        key=_CASCADE,
        help="What the Segment page and the command line do by default: the first checkpoint, and "
        "the second as its fallback where it is uncertain; both mirrored too.",
    )
    if cascade:
        added = [cascade_name(*members)] if len(members) == 2 else []
    elif together:
        added = [row_name(members, flips=flips)] if len(members) > 1 else []
    else:
        added = [row_name([each], flips=True) for each in members] if flips else list(members)
    added = [name for name in added if name not in shown]
    st.button(
        f"Add {counted(len(added), 'row')}",
        key="add_rows",
        disabled=not added,
        on_click=choose_rows,
        args=([*shown, *added],),
    )
    if cascade and len(members) != 2:
        st.caption("A cascade needs two checkpoints: the first, and its fallback.")
    elif together and len(members) < 2:
        st.caption("An ensemble needs two checkpoints or more.")


def _label(name: str, known: Known) -> str:
    members = members_of(name)
    title = title_of(name)
    info = known.infos.get(name)
    if info is None or name not in members:
        return title
    epoch = f" · epoch {info.epoch}" if info.epoch else ""
    return title + epoch + score_text(known.paths[name], info) + mark(info.verdict)


def _choose(shown: Sequence[str]) -> None:
    if st.session_state[_ROWS] != shown:  # else the browser only repeats it
        choose_rows(st.session_state[_ROWS])
