"""The recipe beside the picture: chosen, changed step by step, saved and shared as one file."""

from __future__ import annotations

import re
from dataclasses import replace

import streamlit as st

from core.errors import CarmaskError, ConfigError
from core.files import parse_json
from core.listing.recipe import ListingRecipe, PhotoException, presets, read_recipe
from core.listing.steps import STEPS, CutOut, Output, Plate, Step
from dashboard.studio import state
from dashboard.studio.fields import edit_box, edit_step
from dashboard.ui.access import local_only
from dashboard.ui.text import code, plain

ALL, ONE = "All photos", "This photo"
_ALWAYS = (CutOut, Output)
_NAME = re.compile(r"[\w-][\w .-]{0,59}")


def show_recipe(photo: str) -> ListingRecipe:
    """Draws the recipe and returns it for a photo, as the widgets say.

    Args:
        photo: Name of the photo that is shown.
    """
    _pick_recipe()
    if problem := st.session_state.pop("studio_problem", ""):
        st.warning(plain(problem), icon=":material/warning:")
    scope = st.segmented_control(
        "Changes are for",
        (ALL, ONE),
        default=ALL,
        required=True,
        key="studio_scope",
        help="What is changed for this photo alone stays so when all others change.",
    )
    alone = scope == ONE
    edited = state.edited()
    prefix = f"studio_{edited.turn}_{photo if alone else ''}"
    if alone:
        _show_exception(photo, prefix)
    recipe = edited.recipe.for_photo(photo) if alone else edited.recipe
    before = recipe
    for name, kind in STEPS.items():
        recipe = _show_step(recipe, name, kind, prefix, alone=alone)
        if kind is Plate:
            below_plate = st.empty()
    if recipe != before:
        try:
            if alone:
                state.keep_exception(photo, recipe)
            else:
                state.keep(recipe)
                recipe.for_photo(photo)
        except CarmaskError as error:
            st.error(plain(str(error)), icon=":material/error:")
    with below_plate:
        _show_box(photo, prefix)
    _show_file()
    return state.edited().recipe.for_photo(photo)


def _pick_recipe() -> None:
    known, edited = state.choices(), state.edited()
    if edited.base.name not in known:
        known = {edited.base.name: edited.base, **known}
    names = list(known)
    key = f"studio_preset_{edited.turn}"

    def changed() -> None:
        state.choose(known[st.session_state[key]])

    st.selectbox(
        "Recipe", names, names.index(edited.base.name), key=key, on_change=changed, width="stretch"
    )
    if note := edited.base.note:
        st.caption(plain(note))


def _show_exception(photo: str, prefix: str) -> None:
    """Draws what is said of one photo alone."""
    exception = state.edited().recipe.photos.get(photo, PhotoException())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        skipped = st.toggle("Skip it", exception.skip, key=f"{prefix}_skip")
        state.skip(photo, skipped=skipped)
        st.button(
            "Like all others",
            icon=":material/undo:",
            key=f"{prefix}_forget",
            disabled=exception == PhotoException(),
            on_click=state.forget_exception,
            args=(photo,),
        )


def _show_step(
    recipe: ListingRecipe, name: str, kind: type[Step], prefix: str, *, alone: bool
) -> ListingRecipe:
    """Draws a step and returns the recipe with it as the widgets say."""
    step, usual = recipe.find(kind), state.edited().recipe.find(kind)
    key = f"{prefix}_{name}"
    is_on = st.session_state.get(f"{key}_on", step is not None)  # the toggle is drawn below
    mark = "" if is_on or kind in _ALWAYS else " · off"
    with st.expander(f"{kind.title}{mark}", key=f"{key}_box"):
        st.caption(plain(str(kind.__doc__).partition("\n\n")[0]))
        if kind not in _ALWAYS:
            on = st.toggle(
                "On",
                step is not None,
                key=f"{key}_on",
                disabled=alone and usual is not None,
                help="A step that all photos have is turned off for all alone." if alone else None,
            )
            if not on:
                return recipe.without_step(name)
        changed = edit_step(step or kind(), key)
        if changed == step:
            return recipe
        try:
            return recipe.with_step(changed)
        except ConfigError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return recipe


def _show_box(photo: str, prefix: str) -> None:
    """Draws the box of the plate, which every photo has for itself."""
    recipe = state.edited().recipe.for_photo(photo)
    plate = recipe.find(Plate)
    if plate is None:
        return
    with st.container(border=True):
        st.markdown(f"**Plate in {plain(photo)}**")
        box = edit_box(plate.box, f"{prefix}_{photo}_box")
    if box != plate.box:
        changed = plate.model_copy(update={"box": box})
        state.keep_exception(photo, recipe.with_step(changed))


def _show_file() -> None:
    """Draws how the recipe is saved, shared and loaded."""
    recipe = state.edited().recipe
    with st.expander("Save and share", icon=":material/save:"):
        _save(recipe)
        try:
            data = recipe.to_bytes()
        except CarmaskError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            st.download_button(
                "Download the recipe",
                data,
                f"{recipe.name}.json",
                "application/json",
                key="studio_download_recipe",
                on_click="ignore",
                icon=":material/download:",
                help="One file with its pictures and all that is different for single photos.",
            )
        st.file_uploader(
            "Load a recipe", ["json"], key="studio_upload", max_upload_size=60, on_change=_load
        )
        st.caption("The same from a terminal:")
        named = recipe.name if recipe == presets().get(recipe.name) else f"{recipe.name}.json"
        st.code(f'carmask cutout photos/ --recipe "{named}" --out web/', language="bash")
    for problem in (state.saved_recipes() or ({}, []))[1]:
        st.warning(plain(problem), icon=":material/warning:")


@local_only
def _save(recipe: ListingRecipe) -> None:
    """Draws the way to save the recipe under a name."""
    with st.form("studio_save", border=False):
        name = st.text_input("Recipe name", "" if recipe.name in presets() else recipe.name)
        if not st.form_submit_button("Save", icon=":material/save:"):
            return
    path = state.recipes_folder() / f"{name.strip()}.json"
    try:
        if not _NAME.fullmatch(name.strip()) or name.strip() in presets():
            raise ConfigError(
                "A name has up to 60 letters, digits, blanks, '-' and '_', and is none of a recipe "
                "that ships."
            )
        named = replace(recipe, name=name.strip())
        named.save(path)
        state.choose(named)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        st.error(f"{code(str(path))} can't be written: {plain(str(error.strerror))}.")
    else:
        st.success(f"Saved as {code(str(path))}.", icon=":material/check:")


def _load() -> None:
    upload = st.session_state["studio_upload"]
    if upload is None:
        return
    try:
        state.choose(read_recipe(parse_json(upload.getvalue()), None))
    except ValueError as error:
        st.session_state["studio_problem"] = f"{upload.name} is no JSON: {error}."
    except CarmaskError as error:
        st.session_state["studio_problem"] = f"{upload.name}: {error}"
