"""What a recipe does to the masks of many photos, measured when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import CarmaskError
from dashboard.dataset.own_recipes import is_unsaved
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.augment.recipe import Recipe
from training.data.folder import Dataset

if TYPE_CHECKING:
    from training.augment.health import RecipeHealth

COUNT = 50
"""Photos that are tried."""
_ASKED = "health_of"


def show_health(dataset: Dataset, recipe: Recipe, seed: int) -> None:
    """Draws the button that measures a recipe, and what was measured of it."""
    this = f"{dataset.root}|{recipe.fingerprint()}|{seed}"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**Check masks after augmentation**", width="content")
            st.button(
                f"Try it on {COUNT} photos",
                key="health",
                icon=":material/fact_check:",
                help="Augments photos spread over the dataset and looks at their masks: is the "
                "car still there, is it cut off, how much of the picture does it take?",
                on_click=_ask,
                args=(this,),
            )
        if st.session_state.get(_ASKED) != this:
            return
        try:
            with waiting(f"Augmenting {COUNT} photos"):
                health = _measure(this, len(dataset.samples), dataset, recipe, seed)
        except CarmaskError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        for text in health.warnings:
            st.warning(plain(text), icon=":material/warning:")
        others = [text for text in health.sentences if text not in health.warnings]
        st.markdown("\n".join(f"- {plain(text)}" for text in others))
        if not health.warnings:
            name = "This recipe" if is_unsaved(recipe.name) else plain(recipe.name)
            st.caption(f"{name} keeps the masks well.")


def _ask(this: str) -> None:
    st.session_state[_ASKED] = this


@st.cache_data(max_entries=32, show_spinner=False)
def _measure(key: str, count: int, _dataset: Dataset, _recipe: Recipe, _seed: int) -> RecipeHealth:
    """Returns what a recipe does to the masks; `key` and `count` tell what is measured."""
    from training.augment.health import recipe_health

    return recipe_health(_recipe, _dataset.samples, _seed, COUNT)
