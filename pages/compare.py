"""The Compare page: which checkpoint is better, by how much, and how sure that is."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.compare.comparison import chosen_of, look_up
from dashboard.compare.images_choice import pick_images
from dashboard.compare.measured import (
    Facts,
    facts_by_checkpoint,
    sets_for,
    show_missing,
    usual_names,
)
from dashboard.compare.pick import pick_baseline, pick_metric, pick_rows, show_faulty, with_archived
from dashboard.compare.rows import Chosen, Row, chosen_names, known_checkpoints, rows_of
from dashboard.ui.checkpoints import find_checkpoints, show_no_checkpoint
from dashboard.ui.frame import COMPARE, open_page
from dashboard.ui.redraw import note_drawn
from dashboard.ui.reserved import reserved
from dashboard.ui.scores import by_score
from dashboard.ui.text import plain

TABS = ("Table", "Curves", "Cost", "Images", "Where it fails", "Film", "Report")


def main() -> None:
    """Draws the page."""
    open_page(COMPARE)
    headline = reserved("headline")
    chosen = _choose()
    with headline:
        from dashboard.compare.headline import show_headline

        show_headline(chosen)
    if chosen is not None:
        _show_tabs(chosen)
    note_drawn()


def _choose() -> Chosen | None:
    """Draws what can be chosen and returns the comparison; None where nothing can be compared."""
    good, broken = find_checkpoints(archived=with_archived())
    names = chosen_names()
    if not good and not names:
        show_no_checkpoint()
        return None
    known = known_checkpoints([*by_score(good), *broken], names or [])
    facts = facts_by_checkpoint(known.paths[name] for name in known.infos)
    names = usual_names(known, facts) if names is None else names
    rows, faulty = rows_of(names, known)
    with st.container(border=True):
        st.caption(
            "Which checkpoint is better, by how much, and how certain: choose two or more, and the "
            "images to score them on."
        )
        pick_rows(names, known)
        chosen = _choose_images(rows, facts, faulty)
    show_faulty(faulty, known)
    return chosen


def _choose_images(rows: list[Row], facts: Facts, faulty: list[tuple[str, str]]) -> Chosen | None:
    """Draws the choice of images, baseline and metric for rows; returns the comparison."""
    if not rows:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        paths = {path for row in rows for path in row.paths}
        wanted = pick_images(sets_for(paths, facts), rows[0].run)
        if wanted is None:
            return None
        found = look_up(rows, wanted, facts)
        faulty += found.faulty
        if found.measured:
            baseline = pick_baseline([row for row, _ in found.measured], found.ranked)
            metric = pick_metric()
    show_missing([row for row, _ in found.missing], wanted)
    if not found.measured:
        return None
    try:
        return chosen_of(found.measured, baseline, metric, wanted)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def _show_tabs(chosen: Chosen) -> None:
    """Draws the tab that is open; what it alone needs is imported then."""
    tabs = st.tabs(TABS, key="tab", bind="query-params", on_change="rerun")
    open_tab = next((name for name, tab in zip(TABS, tabs, strict=True) if tab.open), TABS[0])
    with tabs[TABS.index(open_tab)]:
        if open_tab == "Table":
            from dashboard.compare.table_view import show_table

            show_table(chosen)
        elif open_tab == "Curves":
            from dashboard.compare.curves_view import show_curves

            show_curves(chosen)
        elif open_tab == "Cost":
            from dashboard.compare.cost_view import show_cost

            show_cost(chosen)
        elif open_tab == "Images":
            from dashboard.compare.images import show_images

            show_images(chosen)
        elif open_tab == "Where it fails":
            from dashboard.compare.slices import show_slices

            show_slices(chosen)
        elif open_tab == "Film":
            from dashboard.compare.film import show_film

            show_film(chosen)
        else:
            from dashboard.compare.report import show_report

            show_report(chosen)


main()
