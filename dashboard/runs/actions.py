"""What a person can do to runs: name, tag and note them, archive them, delete them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import CarmaskError
from dashboard.runs.listed import Listed, choose, close_run
from dashboard.ui.access import local_only
from dashboard.ui.folders import runs_folder
from dashboard.ui.text import plain
from training.runs.notes import (
    LONGEST_NOTES,
    LONGEST_TITLE,
    change_notes,
    delete_run,
    why_not_deleted,
)

_FAULT = "run_fault"


@local_only
def show_actions(runs: Sequence[Listed], tags: Sequence[str]) -> None:
    """Draws the buttons for the chosen runs.

    Args:
        runs: The chosen runs.
        tags: Tags that any run has, to choose from.
    """
    fault = st.session_state.pop(_FAULT, "")
    if not runs:
        return
    if len(runs) == 1:
        _show_edit(runs[0], tags)
    else:
        _show_tagging(runs, tags)
    shown = [run for run in runs if not run.notes.archived]
    st.button(
        "Archive" if shown else "Take out of the archive",
        key="archive",
        icon=":material/archive:" if shown else ":material/unarchive:",
        help="An archived run keeps its files and leaves the list." if shown else None,
        on_click=_change_all,
        args=(shown or runs,),
        kwargs={"archived": bool(shown)},
    )
    _show_delete(runs)
    if fault:
        st.error(plain(fault), icon=":material/error:")


def _show_edit(run: Listed, tags: Sequence[str]) -> None:
    with st.popover("Name, tags, notes", icon=":material/edit:"):
        kept = {"title": run.notes.title, "tags": [*run.notes.tags], "notes": run.notes.notes}
        for word, value in kept.items():
            key = _edit_key(run, word)
            if st.session_state.get(key) != value:  # else a live page wipes what is typed
                st.session_state[key] = value
        st.text_input(
            "Name",
            key=_edit_key(run, "title"),
            placeholder=run.name,
            max_chars=LONGEST_TITLE,
            help="The folder keeps its name.",
            on_change=_edit,
            args=(run, "title"),
        )
        st.multiselect(
            "Tags",
            sorted({*tags, *run.notes.tags}, key=str.casefold),
            key=_edit_key(run, "tags"),
            accept_new_options=True,
            placeholder="Type a tag",
            on_change=_edit,
            args=(run, "tags"),
        )
        st.text_area(
            "Notes",
            key=_edit_key(run, "notes"),
            max_chars=LONGEST_NOTES,
            height=140,
            placeholder="What was tried, what came of it",
            on_change=_edit,
            args=(run, "notes"),
        )


def _show_tagging(runs: Sequence[Listed], tags: Sequence[str]) -> None:
    with st.popover("Tag", icon=":material/sell:"):
        word = st.selectbox(
            f"Tag for {len(runs)} runs",
            tags,
            index=None,
            key="tag_for_all",
            accept_new_options=True,
            placeholder="Choose or type a tag",
        )
        with st.container(horizontal=True):
            for title, away in (("Add", False), ("Take away", True)):
                st.button(
                    title,
                    key=f"tag_{title.lower().replace(' ', '_')}",
                    disabled=not word,
                    on_click=_tag_all,
                    args=(runs, word or ""),
                    kwargs={"away": away},
                )


def _show_delete(runs: Sequence[Listed]) -> None:
    with st.popover("Delete", icon=":material/delete:", key="delete"):
        folder = runs_folder()
        why = {run.name: why_not_deleted(folder, run.name) for run in runs}
        free = [run for run in runs if not why[run.name]]
        for run in runs:
            if why[run.name]:
                st.markdown(f"**{plain(run.name)}** stays. {plain(why[run.name])}")
        if not free:
            return
        names = ", ".join(f"**{plain(_both_names(run))}**" for run in free[:8])
        more = f" and {len(free) - 8} more" if len(free) > 8 else ""
        st.markdown(f"Delete {names}{more} with checkpoints, log and notes? This cannot be undone.")
        if any(run.ships for run in free):
            st.warning("Among them is a run that came with Carmask: its checkpoint is what Segment "
                       "uses. Archive it instead.")  # fmt: skip
        st.button(
            "Delete for good",
            key="delete_for_good",
            type="primary",
            icon=":material/delete_forever:",
            on_click=_delete_all,
            args=([run.name for run in free],),
        )


def _both_names(run: Listed) -> str:
    return run.name if run.title == run.name else f"{run.title} ({run.name})"


def _edit_key(run: Listed, word: str) -> str:
    return f"edit_{word}_{run.name}"  # one a run: no run ever gets another's words


def _edit(run: Listed, word: str) -> None:
    value = st.session_state[_edit_key(run, word)]
    _change_all([run], **{word: tuple(value) if word == "tags" else value})


def _tag_all(runs: Sequence[Listed], tag: str, *, away: bool) -> None:
    for run in runs:
        tags = {*run.notes.tags} - {tag} if away else {*run.notes.tags, tag}
        _change_all([run], tags=tuple(tags))


@local_only
def _change_all(runs: Sequence[Listed], **changes: Any) -> None:
    try:
        for run in runs:
            change_notes(run.summary.folder, **changes)
    except CarmaskError as error:
        st.session_state[_FAULT] = str(error)


@local_only
def _delete_all(names: Sequence[str]) -> None:
    try:
        for name in names:
            delete_run(runs_folder(), name)
    except CarmaskError as error:
        st.session_state[_FAULT] = str(error)
    if st.query_params.get("run") in names:
        close_run()
    kept = [name for name in st.query_params.get_all("show") if name not in names]
    if "show" in st.query_params:
        choose(kept)
