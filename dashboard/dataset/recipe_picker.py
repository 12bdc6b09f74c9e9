"""The list of recipes: those that ship, those that were saved, those being edited."""

from __future__ import annotations

import streamlit as st

from dashboard.dataset.own_recipes import KEY, drafts, is_unsaved, saved_recipes
from dashboard.ui.text import plain
from training.augment.recipe import RECIPES, Recipe

_USUAL = "light"


def pick_recipe() -> Recipe:
    """Draws the list of recipes and returns the chosen one as it stands."""
    saved, _ = saved_recipes()
    own = {name: draft.recipe for name, draft in drafts().items()}
    known = RECIPES | saved | own
    wanted = st.session_state.get(KEY) or st.query_params.get(KEY)
    if wanted and wanted not in known:
        st.session_state["recipe_missing"] = wanted
    chosen = st.selectbox(
        "Recipe",
        list(known),
        index=list(known).index(_USUAL),
        key=KEY,
        bind="query-params",
        help="What is done to a photo, with which limits, how often.",
        width=220,
    )
    return known[chosen]


def explain_recipe(recipe: Recipe) -> None:
    """Draws the chosen recipe's reason, and what is wrong with others."""
    missing = st.session_state.pop("recipe_missing", None)
    if missing:
        st.warning(
            f"There is no recipe {plain(missing)} here: it was not saved, or its file is gone. "
            f"This is {plain(recipe.name)}.",
            icon=":material/warning:",
        )
    mark = " · not saved yet" if is_unsaved(recipe.name) else ""
    st.caption(f"**{plain(recipe.name)}**{mark}: {plain(recipe.reason or 'no reason given.')}")
