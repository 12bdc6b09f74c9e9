"""One photo beside what a recipe makes of it."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from core.masks import car_share
from core.preprocess import HALF_LEVEL
from dashboard.dataset.health_view import show_health
from dashboard.dataset.image_picker import pick_image
from dashboard.dataset.previews import draw, square, versions
from dashboard.dataset.recipe_editor import show_recipe
from dashboard.dataset.recipe_picker import explain_recipe, pick_recipe
from dashboard.dataset.studio_controls import pick_epoch, pick_seed, pick_shown, pick_size
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.augment.recipe import Recipe
from training.data.folder import Dataset, Sample


def show_versions(dataset: Dataset) -> None:
    """Draws the choices, the recipe's panel where it is open, and the pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width=400):
            place = pick_image(dataset)
        recipe = pick_recipe()
        seed = pick_seed()
        epoch = pick_epoch()
        count = st.slider("Versions", 4, 16, 8, key="count", bind="query-params", width=150)
        size = pick_size()
        shown = pick_shown()
        open_panel = st.toggle(
            "Edit the recipe",
            key="edit",
            bind="query-params",
            help="Shows the recipe's steps, to look at or to change.",
        )
    explain_recipe(recipe)
    beside = st.container()
    if open_panel:
        panel, beside = st.columns([2, 3], gap="large")
        with panel:
            recipe = show_recipe(recipe)
    with beside, st.container(key="preview"):
        _show_grid(
            dataset.samples[place], place, recipe, size, seed, range(epoch, epoch + count), shown
        )
        show_health(dataset, recipe, seed)


def _show_grid(
    sample: Sample, place: int, recipe: Recipe, size: int, seed: int, epochs: range, shown: str
) -> None:
    """Draws the photo and its versions, each with what was done to it."""
    try:
        with waiting("Augmenting the photo", f"{len(epochs)} versions at {size} px"):
            image, levels = square(sample, size)
            made = versions(sample, place, recipe, size, seed, epochs, shown)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    mask = levels >= HALF_LEVEL
    with st.container(key="versions"):
        with st.container(gap="xsmall"):
            st.image(draw(shown, image, mask), width="stretch", alt="The photo")
            st.caption(f"**Photo** · car {car_share(mask):.0%}  \nas a {size} px square")
        for each in made:
            with st.container(gap="xsmall"):
                st.image(each.jpeg, width="stretch", alt=f"Epoch {each.epoch}")
                lines = "  \n".join(plain(line) for line in each.lines)
                st.caption(f"**Epoch {each.epoch}** · car {each.share:.0%}  \n{lines}")
