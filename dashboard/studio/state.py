"""The recipe that is being edited: in this session, and in the URL as what was changed.

Pictures of one's own and what is different for single photos are in the session alone; saved or
downloaded, the recipe holds all of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import CarmaskError, ConfigError
from core.files import parse_json
from core.listing.recipe import ListingRecipe, PhotoException, load_recipe, presets, read_recipe
from core.listing.steps import STEPS, Step
from core.photos import PHOTO_SUFFIXES
from dashboard.ui.access import local_only
from dashboard.ui.folders import data_folder

DEFAULT = "showroom"
_STATE, _LONGEST_CHANGES = "studio_recipe", 4000
_TOGETHER = {"kind": ("picture",), "cover": ("picture",)}
"""Settings that are valid only with another one."""


@dataclass
class Edited:
    """A recipe that is being edited."""

    base: ListingRecipe
    """The recipe as it was chosen."""
    recipe: ListingRecipe
    """As it is now."""
    turn: int = 0
    """Rises when widgets must start anew."""


def recipes_folder() -> Path:
    """Returns the folder of saved recipes: CARMASK_LISTINGS where it is set, else data/listings."""
    return Path(os.environ.get("CARMASK_LISTINGS") or data_folder() / "listings")


def pictures_folder() -> Path:
    """Returns the folder of one's own pictures: CARMASK_PICTURES, else data/pictures."""
    return Path(os.environ.get("CARMASK_PICTURES") or data_folder() / "pictures")


@local_only
def own_pictures() -> dict[str, Path]:
    """Returns one's own backgrounds and logos by the names of their files."""
    listed = sorted(pictures_folder().glob("*"))
    return {path.name: path for path in listed if path.suffix.lower() in PHOTO_SUFFIXES}


@local_only
def saved_recipes() -> tuple[dict[str, ListingRecipe], list[str]]:
    """Returns the saved recipes by name, and why others can't be read."""
    good: dict[str, ListingRecipe] = {}
    problems = []
    for path in sorted(recipes_folder().glob("*.json")):
        try:
            good[path.stem] = replace(_loaded(path, _changed(path)), name=path.stem)
        except CarmaskError as error:
            problems.append(str(error))
    return good, problems


def _changed(path: Path) -> int:
    """Returns when a file was changed, in ns; 0 where that can't be told."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=64, show_spinner=False)
def _loaded(path: Path, changed: int) -> ListingRecipe:
    """Returns a recipe from its file, for all sessions; one that was written anew, anew."""
    return load_recipe(path)


def choices() -> dict[str, ListingRecipe]:
    """Returns all recipes that can be chosen, by name: one's own, then those that ship."""
    own = (saved_recipes() or ({}, []))[0]
    return {name: each for name, each in own.items() if name not in presets()} | dict(presets())


def edited() -> Edited:
    """Returns the recipe of this session; at first the one that the URL names."""
    state: Edited | None = st.session_state.get(_STATE)
    if state is None:
        wanted = st.query_params.get("preset", DEFAULT)
        known = choices()
        if wanted not in known:
            st.session_state["studio_problem"] = f"There is no recipe {wanted}; this is {DEFAULT}."
        state = _start(known.get(wanted, known[DEFAULT]))
        try:
            state.recipe = _with_changes(state.base, st.query_params.get("changes", ""))
        except CarmaskError as error:
            st.session_state["studio_problem"] = f"The link's changes are left aside: {error}"
    return state


def choose(recipe: ListingRecipe) -> None:
    """Starts anew with a recipe; what is different for single photos stays where it fits."""
    photos = edited().recipe.photos
    state = _start(recipe)
    for name, exception in photos.items():
        try:
            kept = {name: exception, **state.recipe.photos}
            state.recipe = replace(state.recipe, photos=kept)
        except CarmaskError as error:
            st.session_state["studio_problem"] = f"Its own settings are dropped. {error}"
    note_in_url()


def _start(recipe: ListingRecipe) -> Edited:
    turn = st.session_state[_STATE].turn + 1 if _STATE in st.session_state else 0
    state = Edited(recipe, recipe, turn)
    st.session_state[_STATE] = state
    return state


def keep(recipe: ListingRecipe) -> None:
    """Takes a changed recipe over."""
    edited().recipe = recipe
    note_in_url()


def keep_exception(name: str, changed: ListingRecipe) -> None:
    """Takes a changed recipe over for one photo alone.

    Args:
        name: The photo's name.
        changed: The recipe as it is to be for that photo.
    """
    recipe = edited().recipe
    steps = []
    for step in changed.steps:
        usual = recipe.find(type(step))
        given = _differences(step, usual)
        if given or usual is None:
            steps.append(type(step).model_validate(given))
    _set_exception(name, replace(_exception(name), steps=tuple(steps)))


def skip(name: str, *, skipped: bool) -> None:
    """Says whether a picture is made of a photo."""
    if _exception(name).skip != skipped:
        _set_exception(name, replace(_exception(name), skip=skipped))


def forget_exception(name: str) -> None:
    """Makes a photo like all others; a button's callback."""
    _set_exception(name, PhotoException())
    edited().turn += 1


def _exception(name: str) -> PhotoException:
    return edited().recipe.photos.get(name, PhotoException())


def _set_exception(name: str, exception: PhotoException) -> None:
    recipe = edited().recipe
    photos = {key: each for key, each in recipe.photos.items() if key != name}
    if exception != PhotoException():
        photos[name] = exception
    edited().recipe = replace(recipe, photos=photos)


def _differences(step: Step, usual: Step | None) -> dict[str, Any]:
    """Returns the settings that differ from the usual ones, with those that they need."""
    values = step.settings()
    if usual is None:
        return {key: value for key, value in values.items() if key in step.model_fields_set}
    before = usual.settings()
    given = {key for key, value in values.items() if value != before[key]}
    for key in list(given):
        given |= {other for other in _TOGETHER.get(key, ()) if values.get(other)}
    return {key: values[key] for key in values if key in given}


def note_in_url() -> None:
    """Writes the recipe's name and what was changed of it to the URL."""
    state, url = edited(), st.query_params
    if state.base.name != DEFAULT or "preset" in url:
        url["preset"] = state.base.name
    changes: dict[str, Mapping[str, Any] | None] = {}
    for name, kind in STEPS.items():
        base, now = state.base.find(kind), state.recipe.find(kind)
        if now is None and base is not None:
            changes[name] = None
        elif now is not None and now != base:
            given = _differences(now, base or kind())
            changes[name] = {key: value for key, value in given.items() if key != "picture"}
    text = json.dumps(changes, separators=(",", ":")) if changes else ""
    if text and len(text) <= _LONGEST_CHANGES:
        if url.get("changes") != text:
            url["changes"] = text
    elif "changes" in url:
        del url["changes"]


def _with_changes(base: ListingRecipe, text: str) -> ListingRecipe:
    """Returns a recipe with the changes of a link; raises ConfigError."""
    if not text:
        return base
    try:
        changes = parse_json(text[: _LONGEST_CHANGES + 1].encode("utf-8", "replace"))
    except ValueError as error:
        raise ConfigError("they are no JSON.") from error
    if not isinstance(changes, dict):
        raise ConfigError("they are no object.")
    plain = base.to_json()
    steps = {each["step"]: each for each in plain["steps"]}
    for name, given in changes.items():
        if given is None:
            steps.pop(name, None)
        elif isinstance(given, dict):
            steps[name] = {"step": name, **steps.get(name, {}), **given}
        else:
            raise ConfigError(f"{name} holds no settings.")
    order = [*STEPS, *(name for name in steps if name not in STEPS)]
    plain["steps"] = [steps[name] for name in order if name in steps]
    return read_recipe(plain, None)
