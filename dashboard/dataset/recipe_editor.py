"""The recipe editor: what a recipe does, and a copy of it to change, save and load."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.errors import CarmaskError
from dashboard.dataset.own_recipes import (
    KEY,
    Draft,
    Entry,
    drafts,
    free_name,
    is_unsaved,
    new_entry,
    read_upload,
    recipe_json,
    recipes_folder,
    rename_draft,
    save_draft,
    saved_recipes,
    start_draft,
)
from dashboard.dataset.step_widgets import edit_step, probability_key, step_facts, step_title
from dashboard.ui.access import local_only
from dashboard.ui.redraw import choose
from dashboard.ui.text import plain
from training.augment.recipe import RECIPES, Recipe
from training.augment.step import ONE_OF, TRANSFORMS, Step
from training.augment.transform import GROUPS

_UPLOAD = "recipe_upload"
_ERROR = "recipe_error"


def show_recipe(recipe: Recipe) -> Recipe:
    """Draws what the chosen recipe does, with its editor if it is one's own.

    Returns:
        The recipe as the widgets say.
    """
    with st.container(key="recipe_panel"):
        problem = st.session_state.pop(_ERROR, None)
        if problem:
            st.error(plain(problem), icon=":material/error:")
        if recipe.name in RECIPES:
            _show_steps(recipe)
            edited = recipe
        else:
            draft = drafts().get(recipe.name) or start_draft(recipe, recipe.name)
            edited = _edit(draft)
        _show_load()
    return edited


def _show_steps(recipe: Recipe) -> None:
    """Draws the steps of a recipe that ships, which can't be changed."""
    st.markdown(f"**Steps of {plain(recipe.name)}**")
    lines = []
    for step in recipe.steps:
        facts = f"  \n:small[{plain(step_facts(step))}]" if step_facts(step) else ""
        lines.append(f"1. {plain(step_title(step))} · {step.probability:.0%}{facts}")
    st.markdown("\n".join(lines) or "It has no step.")
    st.button(
        "Change a copy",
        key="copy_recipe",
        icon=":material/edit:",
        help="Recipes that ship stay as they are; a copy is yours.",
        on_click=_copy,
        args=(recipe,),
    )


def _copy(recipe: Recipe) -> None:
    choose(KEY, start_draft(recipe, free_name(f"my_{recipe.name}")).name)


def _edit(draft: Draft) -> Recipe:
    """Draws a draft's widgets, keeps what they say, and returns it."""
    name_key = "recipe_name"
    if st.session_state.get("recipe_named") != draft.name:
        st.session_state["recipe_named"] = st.session_state[name_key] = draft.name
    st.text_input("Name", key=name_key, on_change=_rename, args=(draft.name,))
    reason = st.text_area(
        "Reason",
        draft.reason,
        key=f"recipe_reason_{draft.name}",
        height=80,
        placeholder="Why would one use it?",
    )
    save = st.container()  # above the steps, but drawn when they are known
    entries = []
    for place, entry in enumerate(draft.entries):
        step = entry.step
        often = st.session_state.get(probability_key(entry.key), step.probability)
        title = f"{place + 1}. {plain(step_title(step))} · {often:.0%}"
        with st.expander(title, key=f"{entry.key}_box"):
            entries.append(replace(entry, step=edit_step(step, entry.key)))
            _show_moves(draft.name, place, len(draft.entries), entry)
    if not draft.entries:
        st.caption("It has no step yet: photos stay as they are.")
    edited = replace(draft, reason=reason, entries=tuple(entries))
    drafts()[draft.name] = edited
    _show_add(edited)
    with save:
        _show_save(edited)
    return edited.recipe


def _rename(old: str) -> None:
    try:
        rename_draft(old, st.session_state["recipe_name"].strip())
    except CarmaskError as error:
        st.session_state[_ERROR] = str(error)
        st.session_state["recipe_name"] = old
    else:
        st.session_state["recipe_named"] = st.session_state["recipe_name"]
        choose(KEY, st.session_state["recipe_name"])


def _show_moves(name: str, place: int, count: int, entry: Entry) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for title, icon, to, possible in (
            ("Up", "arrow_upward", place - 1, place > 0),
            ("Down", "arrow_downward", place + 1, place < count - 1),
        ):
            st.button(
                title,
                key=f"{entry.key}_{title}",
                icon=f":material/{icon}:",
                disabled=not possible,
                on_click=_move,
                args=(name, place, to),
            )
        _show_join(name, place, count, entry)
        st.button(
            "Remove",
            key=f"{entry.key}_remove",
            icon=":material/delete:",
            on_click=_remove,
            args=(name, place),
        )


def _show_join(name: str, place: int, count: int, entry: Entry) -> None:
    """Draws the button that makes a group of which one step is done, or takes it apart."""
    if entry.step.transform == ONE_OF:
        st.button(
            "Take apart",
            key=f"{entry.key}_apart",
            help="Makes single steps of the group again.",
            on_click=_take_apart,
            args=(name, place),
        )
    elif place < count - 1:
        st.button(
            "Join next",
            key=f"{entry.key}_join",
            help="Makes a group of this step and the next: only one of the group is done.",
            on_click=_join,
            args=(name, place),
        )


def _join(name: str, place: int) -> None:
    entries = list(drafts()[name].entries)
    first, second = entries.pop(place).step, entries.pop(place).step
    inner = (first, *(second.steps or (second,)))
    entries.insert(place, new_entry(Step(ONE_OF, max(s.probability for s in inner), (), inner)))
    _keep(name, entries)


def _take_apart(name: str, place: int) -> None:
    entries = list(drafts()[name].entries)
    entries[place : place + 1] = [new_entry(step) for step in entries[place].step.steps]
    _keep(name, entries)


def _move(name: str, place: int, to: int) -> None:
    entries = list(drafts()[name].entries)
    entries.insert(to, entries.pop(place))
    _keep(name, entries)


def _remove(name: str, place: int) -> None:
    entries = list(drafts()[name].entries)
    entries.pop(place)
    _keep(name, entries)


def _keep(name: str, entries: list[Entry]) -> None:
    drafts()[name] = replace(drafts()[name], entries=tuple(entries))


def _show_add(draft: Draft) -> None:
    """Draws the list of transforms to add, by group."""
    ordered = sorted(TRANSFORMS.values(), key=lambda each: GROUPS.index(each.group))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        chosen = st.selectbox(
            "Add a transform",
            [each.name for each in ordered],
            format_func=lambda name: f"{TRANSFORMS[name].title} ({TRANSFORMS[name].group})",
            key="recipe_add",
            help=" ".join(f"**{each.title}**: {plain(each.summary)}  \n" for each in ordered),
        )
        st.button(
            "Add",
            key="recipe_add_button",
            icon=":material/add:",
            on_click=_add,
            args=(draft.name, chosen),
        )


def _add(name: str, transform: str) -> None:
    _keep(name, [*drafts()[name].entries, new_entry(Step(transform, 0.5))])


def _show_save(draft: Draft) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Save",
            key="recipe_save",
            type="primary",
            icon=":material/save:",
            disabled=not is_unsaved(draft.name),
            help=f"Writes {plain(str(recipes_folder()))}/{plain(draft.name)}.json.",
            on_click=_save,
            args=(draft.name,),
        )
        st.download_button(
            "Download",
            recipe_json(draft.recipe),
            f"{draft.name}.json",
            "application/json",
            key="recipe_download",
            icon=":material/download:",
            on_click="ignore",
        )
    if not is_unsaved(draft.name):
        st.caption(f"Saved as {plain(draft.name)}.json.")


@local_only
def _save(name: str) -> None:
    try:
        save_draft(name)
    except CarmaskError as error:
        st.session_state[_ERROR] = str(error)


def _show_load() -> None:
    """Draws the way to load a recipe from a file, and which saved ones can't be read."""
    with st.expander("Load a recipe", icon=":material/upload:"):
        st.file_uploader(
            "A recipe's .json file", ["json"], key=_UPLOAD, max_upload_size=1, on_change=_load
        )
    for problem in saved_recipes()[1]:
        st.warning(plain(problem), icon=":material/warning:")


def _load() -> None:
    upload = st.session_state[_UPLOAD]
    if upload is None:
        return
    try:
        recipe = read_upload(upload.getvalue(), upload.name)
        choose(KEY, start_draft(recipe, free_name(recipe.name)).name)
    except CarmaskError as error:
        st.session_state[_ERROR] = str(error)
