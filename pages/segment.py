"""The Segment page: photos in; masks, overlays and cut-outs out."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from core.session import Photo, PredictionSession, Prepared
from dashboard.segment import controls, take_all
from dashboard.segment.intake import ask_photos, start_over
from dashboard.segment.pictures import LONGEST_ALONE, LONGEST_OF_MANY, USUAL_LOOK
from dashboard.segment.result_card import show_failure, show_result
from dashboard.ui.badges import show_verdict
from dashboard.ui.checkpoints import (
    find_checkpoints,
    open_session,
    pick_checkpoint,
    pick_fallback,
    show_broken,
    show_no_checkpoint,
)
from dashboard.ui.frame import SEGMENT, open_page
from dashboard.ui.text import plain

PER_PAGE = 12


def main() -> None:
    """Draws the page."""
    open_page(SEGMENT)
    good, broken = find_checkpoints()
    title, picker = st.columns([2, 3], vertical_alignment="bottom")
    title.title("Segment", anchor=False)
    if not good:
        show_no_checkpoint()
        show_broken(broken)
        return
    with picker:
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            chosen = pick_checkpoint(good)
            fallback = pick_fallback(good, chosen)
        if chosen.info is not None:
            show_verdict(chosen.info.verdict, quiet=True)
        show_broken(broken)
    photos = ask_photos()
    if not photos:
        return
    try:
        session = open_session(chosen, fallback)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    results = _prepare(session, _on_this_page(photos))
    assert chosen.info is not None
    _show_results(session, photos, results, chosen.info.threshold)


def _on_this_page(photos: list[Photo]) -> list[Photo]:
    """Draws how many photos there are and returns those of the chosen page."""
    if len(photos) == 1:
        return photos
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(photos)} photos**", width="content")
        pages = -(-len(photos) // PER_PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        st.button("Start over", icon=":material/restart_alt:", on_click=start_over)
    return photos[(page - 1) * PER_PAGE : page * PER_PAGE]


def _prepare(
    session: PredictionSession, photos: list[Photo]
) -> list[Prepared | tuple[Photo, CarmaskError]]:
    """Returns each photo with its result, or with the reason why there is none."""
    longest = LONGEST_ALONE if len(photos) == 1 else LONGEST_OF_MANY
    results: list[Prepared | tuple[Photo, CarmaskError]] = []
    line = st.empty()
    for done, photo in enumerate(photos):
        name = plain(photo.source.name)
        line.progress(done / len(photos), f"Segmenting {done + 1} of {len(photos)}: {name}")
        try:
            results.append(session.prepare(photo, longest))
        except CarmaskError as error:
            results.append((photo, error))
    line.empty()
    return results


@st.fragment
def _show_results(
    session: PredictionSession,
    photos: list[Photo],
    results: list[Prepared | tuple[Photo, CarmaskError]],
    threshold: float,
) -> None:
    """Draws settings and results; a setting that changes runs this function alone."""
    many = len(photos) > PER_PAGE
    if not many and not any(isinstance(result, Prepared) for result in results):
        view, look = controls.SIDE_BY_SIDE, USUAL_LOOK
    else:
        with controls.settings_row():
            view, look = controls.pick_look(threshold)
            if len(photos) > 1 and not many:
                take_all.offer_zip(session, photos, look)
    if many:
        take_all.offer_job(session, photos, look)
    for place, result in enumerate(results):
        if isinstance(result, Prepared):
            show_result(result, view, look, place)
        else:
            photo, error = result
            show_failure(photo.source.name, error)


main()
