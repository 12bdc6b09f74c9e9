"""The Runs page: every training there is, its curves beside others', and one run whole."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from dashboard.runs.listed import Listed, choose, chosen_runs, listed_runs, open_run
from dashboard.ui.folders import runs_folder, short_path
from dashboard.ui.frame import RUNS, open_page
from dashboard.ui.text import code, plain
from dashboard.ui.unreadable import show_unreadable

EVERY, IDLE = 5.0, 15.0
"""Seconds between two looks: while a run is being trained, and while none is."""
_TRAIN = """python -m training synthetic --out data/synthetic
python -m training fit --data data/synthetic"""


def main() -> None:
    """Draws the page."""
    open_page(RUNS)
    alive = any(run.alive for run in _runs())
    st.fragment(_show, run_every=EVERY if alive else IDLE)(watched=alive)


def _runs() -> list[Listed]:
    try:
        return listed_runs()
    except CarmaskError:
        return []


def _show(*, watched: bool) -> None:
    """Draws everything below the menu; while a run is trained this alone is drawn again."""
    try:
        runs = listed_runs()
    except CarmaskError as error:
        st.title("Runs", anchor=False)
        st.error(plain(str(error)), icon=":material/error:")
        return
    if any(run.alive for run in runs) != watched:
        st.rerun()  # from now on to be looked at more often, or less
    tags = sorted({tag for run in runs for tag in run.notes.tags}, key=str.casefold)
    wanted = st.query_params.get("run")
    named = {run.name: run for run in runs}
    if wanted in named:
        from dashboard.runs.run_view import show_run

        show_run(named[wanted], tags)
        return
    st.title("Runs", anchor=False)
    st.markdown(
        f"Every training in {code(short_path(runs_folder()))}. Tick runs to see their curves "
        "together; click a name to open one."
    )
    if wanted is not None:
        st.warning(f"There is no run {plain(wanted)}; these are the runs that there are.")
    if not runs:
        _show_no_runs()
        return
    _show_list(runs, tags)


def _show_list(runs: Sequence[Listed], tags: Sequence[str]) -> None:
    from dashboard.compare.rows import link_comparison
    from dashboard.runs.actions import show_actions
    from dashboard.runs.curves_view import show_curves, show_difference
    from dashboard.runs.filters import ask_runs
    from dashboard.runs.table import show_table

    faulty = [(run.name, run.summary.error) for run in runs if run.summary.error]
    runs = [run for run in runs if run.summary.written_by]  # what is no run is named below
    listed = ask_runs(runs)
    chosen = chosen_runs(runs, listed)
    if listed:
        show_table(listed, chosen)
        st.caption(
            "Scores: each run's own validation photos, single pass, at its best epoch. Compare "
            "scores checkpoints on the same photos."
        )
    elif runs:
        st.info("No run passes these filters; take one away.", icon=":material/search_off:")
    with st.container(key="actions", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(_count(runs, listed, chosen), width="content")
        if chosen:
            if len(chosen) == 1:
                st.button(
                    "Open",
                    key="open_run",
                    icon=":material/open_in_full:",
                    on_click=open_run,
                    args=(chosen[0].name,),
                )
            link_comparison([run.summary.folder for run in chosen])
            show_actions(chosen, tags)
            st.button("Clear selection", key="none", type="tertiary", on_click=choose, args=([],))
    show_unreadable("folder", "can't be read in full", faulty)
    if not chosen:
        st.caption("Tick runs in the table to see their curves together.")
        return
    st.subheader("Curves", anchor=False)
    show_curves(chosen)
    show_difference(chosen)


def _count(runs: Sequence[Listed], listed: Sequence[Listed], chosen: Sequence[Listed]) -> str:
    shown = {run.name for run in listed}
    hidden = sum(run.name not in shown for run in chosen)
    of = f"**{len(listed)}** of {len(runs)} runs" if len(listed) < len(runs) else ""
    count = of or "**{}** {}".format(*counted(len(runs), "run").split())
    outside = f" ({hidden} not in this list)" if hidden else ""
    return f"{count} · **{len(chosen)}** chosen{outside}"


def _show_no_runs() -> None:
    with st.container(border=True):
        st.markdown("#### No run yet")
        st.markdown(
            "A run appears here as soon as it starts. These two commands, typed in the project's "
            "folder, draw a set of cars and train on it:"
        )
        st.code(_TRAIN, language="bash")
        st.caption(
            "Logs of other programs are read as well: put a folder with a CSV of Lightning, Keras, "
            "ultralytics or W&B, TensorBoard event files or a text log into "
            f"{code(short_path(runs_folder()))}."
        )


main()
