"""The Studio page: left the photos, in the middle the picture, right its recipe."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from core.errors import CarmaskError
from core.listing.place import Series
from core.listing.recipe import ListingRecipe
from core.masks import MaskSettings, car_share
from core.names import counted
from core.session import Photo, PredictionSession, Prepared
from core.uncertainty import advice
from dashboard.segment.intake import show_photo_actions
from dashboard.segment.model_choice import find_models, pick_model, warn_of_missing
from dashboard.segment.photos import (
    chosen_sample,
    leave,
    photo_index,
    remember_uploads,
    show_left_out,
    visitor_uploads,
)
from dashboard.segment.start import show_start
from dashboard.segment.states import STATES
from dashboard.studio import state
from dashboard.studio.make import made, offer_all, tile_key
from dashboard.studio.preview import LONGEST, draw_preview, known_series, photo_tile
from dashboard.studio.recipe_panel import show_recipe
from dashboard.ui.before_after import before_after
from dashboard.ui.checkpoints import open_session
from dashboard.ui.frame import SEGMENT, STUDIO
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.reserved import reserved, set_ratio
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting

_PER_PAGE = 24
_WORDS = (
    "From photos of cars to listing photos: background, shadow, size and place by one recipe, for "
    "one photo or for all."
)
RESULT, BOTH, PHOTO = "Picture", "Before / after", "Photo"


def show_page() -> None:
    """Draws the page."""
    found = find_models(STUDIO.title)
    if found is None:
        return
    good, broken = found
    sample, uploads = chosen_sample(), visitor_uploads()
    photos = [sample] if sample else list(uploads.photos) if uploads else []
    if not photos:
        show_start(STUDIO.title, _WORDS, _finish, "Picture", good, broken)
        return
    with st.container(key="head", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"# {STUDIO.title}", width="content")
        if sample is not None:
            st.button(
                "Use your own photos",
                icon=":material/arrow_back:",
                on_click=leave,
                args=("sample",),
            )
        else:
            show_photo_actions(len(photos))
        first, fallback = pick_model(good, broken)
    warn_of_missing(good)
    try:
        session = open_session(first, fallback)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _show_studio(session, photos)
    if uploads is not None and sample is None:
        show_left_out(uploads)
    remember_uploads(uploads)


def _finish(session: PredictionSession, prepared: Prepared) -> tuple[bytes, bytes] | None:
    """Returns the example in the picture's frame, and the picture by the recipe of now, JPEG."""
    preview = draw_preview(session, prepared, state.edited().recipe, Series())
    return None if preview is None else (preview.before, preview.after)


@st.fragment
def _show_studio(session: PredictionSession, photos: list[Photo]) -> None:
    """Draws photos, picture and recipe; a setting that changes runs this function alone."""
    with st.container(key="studio"):
        many = len(photos) > 1
        widths = [1.1, 3.3, 1.8] if many else [3.3, 1.8]
        columns = st.columns(widths, gap="medium")
        index = photo_index(len(photos))
        photo = photos[index]
        # Each part has its place before what it shows is known, so that nothing jumps.
        tiles = _tiles(photos, state.edited().recipe) if many else []
        with columns[-2]:
            picture = reserved("studio_picture", gap="small")
        if many:
            with columns[0], st.container(key="studio_photos"):
                _pick_photo(tiles, photos, index)
        with columns[-1], st.container(key="studio_recipe_panel", gap="xsmall"):
            making = st.empty()
            making.button("Make pictures", key="studio_wait", disabled=True, width="stretch")
            recipe = show_recipe(photo.source.name)
            whole = state.edited().recipe
        if many and _tiles(photos, whole) != tiles:
            _redraw()
        series = _series(session, photos, whole, making)
        with picture:
            _show_picture(session, photo, recipe, series)
        if series is not None:
            with making.container():
                offer_all(session, photos, whole, series)


def _series(
    session: PredictionSession, photos: list[Photo], recipe: ListingRecipe, place: DeltaGenerator
) -> Series | None:
    """Returns what the photos share; draws how to measure it where that is to be done."""
    wanted = [photo for photo in photos if not recipe.skips(photo.source.name)]
    try:
        series = known_series(wanted, recipe, session=session, measure=False)
        if series is None:
            with place.container():
                st.caption("These photos are placed as a series, which must be measured first.")
                if st.button(
                    f"Measure {counted(len(wanted), 'photo')}",
                    key="studio_measure",
                    type="primary",
                    icon=":material/straighten:",
                    width="stretch",
                ):
                    series = known_series(wanted, recipe, session=session, measure=True)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    return series


def _tiles(photos: list[Photo], recipe: ListingRecipe) -> list[Tile]:
    """Returns a tile for each photo: what is made of it, or the photo."""
    done = made(photos)
    tiles = []
    for place, photo in enumerate(photos, start=1):
        result, name = done.get(tile_key(photo)), photo.source.name
        caption, kind = ("Own settings" if name in recipe.photos else ""), ""
        if recipe.skips(name):
            caption = "Skipped"
        elif result is not None:
            kind = result.row.state
            caption = "No picture" if result.row.error else STATES[result.row.state].title
        jpeg = result.tile if result is not None else b""
        tiles.append(Tile(str(place), name, jpeg, caption, kind))
    return tiles


def _pick_photo(tiles: list[Tile], photos: list[Photo], index: int) -> None:
    """Draws the photos; one that is chosen is shown."""
    pages, page = -(-len(tiles) // _PER_PAGE), 1
    if pages > 1:
        page = st.pagination(pages, key="studio_page", default=index // _PER_PAGE + 1)
    shown = slice((page - 1) * _PER_PAGE, page * _PER_PAGE)
    with_photos = [
        tile if tile.jpeg else replace(tile, jpeg=photo_tile(photo))
        for tile, photo in zip(tiles[shown], photos[shown], strict=True)
    ]
    chosen = str(index + 1)
    picked = gallery(with_photos, label="Photos", chosen=chosen, wrap=True, key="studio_gallery")
    if picked is not None and picked != chosen:
        st.query_params["photo"] = picked
        _redraw()


def _redraw() -> None:
    """Draws the studio anew: alone where a change in it ran it alone, else with its page."""
    with suppress(StreamlitAPIException):
        st.rerun(scope="fragment")
    st.rerun()


def _show_picture(
    session: PredictionSession, photo: Photo, recipe: ListingRecipe, series: Series | None
) -> None:
    """Draws the picture that is made of a photo, and what should be known of it."""
    name = photo.source.name
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(name)}**", width="stretch")
        view = st.segmented_control(
            "View",
            (RESULT, BOTH, PHOTO),
            default=RESULT,
            required=True,
            key="studio_view",
            bind="query-params",
            label_visibility="collapsed",
        )
    try:
        with waiting("Finding the car"):
            prepared = session.prepare(photo, LONGEST)
        preview = draw_preview(session, prepared, recipe, series or Series())
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if preview is None:
        st.warning("No car was found in this photo, so there is no picture.")
        return
    if view == BOTH:
        before_after(preview.before, preview.after, ("Photo", "Picture"), key="studio_pair")
    else:
        shown = preview.before if view == PHOTO else preview.after
        height, width = preview.picture.pixels.shape[:2]
        set_ratio(width, height)
        st.image(shown, width="stretch", alt=f"{view}: {name}")
    _show_advice(session, prepared)
    if series is None:
        st.caption("Placed by itself until the series is measured.")
    for note in preview.picture.notes:
        st.caption(f":material/info: {plain(note)}")


def _show_advice(session: PredictionSession, prepared: Prepared) -> None:
    """Draws that a mask should be looked at, and the way there; nothing of one that was edited."""
    result = prepared.result
    if result.edited:
        return
    mask = result.mask(MaskSettings(session.model.threshold), prepared.picture.shape[:2])
    prediction, share = result.prediction, car_share(mask)
    if advised := advice(prediction.uncertainty, share, prediction.limit):
        st.warning(advised, icon=":material/visibility:")
        url = {key: st.query_params[key] for key in ("photo", "sample") if key in st.query_params}
        st.page_link(
            SEGMENT.path,
            label="Look at the mask",
            icon=":material/arrow_forward:",
            query_params=url or {"photo": "1"},
        )
