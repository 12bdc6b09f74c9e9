"""Write an augmented set: what is asked for, the command, how far it is, and the result."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.names import counted
from dashboard.dataset.applied_text import TIMES
from dashboard.dataset.own_recipes import is_unsaved, recipe_file, saved_recipes
from dashboard.dataset.recipe_picker import explain_recipe, pick_recipe
from dashboard.dataset.sources import chosen_reading
from dashboard.dataset.studio_controls import pick_seed
from dashboard.dataset.written_set import show_written
from dashboard.ui.access import local_only, visitor_path
from dashboard.ui.folders import data_folder
from dashboard.ui.text import plain
from training.augment.recipe import Recipe
from training.augment.written.settings import OWN_RECIPE, AugmentJob
from training.augment.written.status import augment_command, read_status, start_augment
from training.data.folder import Dataset

_OUT, _PROBLEM = "out", "augment_problem"
_SIZES = (0, 256, 384, 512, 640, 1024)


def show_write(dataset: Dataset) -> None:
    """Draws the form, the command, and the set that stands in the chosen folder."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        recipe = pick_recipe()
        per_image = st.number_input(
            "Versions of each photo", 1, 999, 4, key="per_image", bind="query-params", width=190
        )
        size = st.selectbox(
            "Size",
            _SIZES,
            _SIZES.index(512),
            format_func=lambda side: f"{side} px square" if side else "the photos' own",
            key="set_size",
            bind="query-params",
            width=190,
            help="A square loads fast in training; the photos' own size keeps every pixel.",
        )
        seed = pick_seed()
        workers = st.number_input(
            "Processes",
            0,
            256,
            0,
            key="workers",
            bind="query-params",
            width=130,
            help="0 takes one for each processor. The result is the same with any number.",
        )
        originals = st.toggle(
            "Photos themselves too",
            key="originals",
            bind="query-params",
            help="Writes each photo as it is (only resized) beside its versions.",
        )
    explain_recipe(recipe)
    usual = data_folder() / f"{dataset.name}_{recipe.name}x{per_image}"
    typed = st.text_input(
        "Folder of the set",
        key=_OUT,
        bind="query-params",
        placeholder=str(usual),
        help="A new or empty folder, or one with a set to go on with.",
    )
    try:
        out = visitor_path(typed) if typed and typed.strip() else usual
        job = AugmentJob(
            data=dataset.root,
            out=out,
            per_image=int(per_image),
            recipe=recipe,
            seed=seed,
            size=size or None,
            originals=originals,
            workers=int(workers),
            reading=chosen_reading(),
        )
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _show_start(job, dataset)
    show_written(out, dataset)


def _show_start(job: AugmentJob, dataset: Dataset) -> None:
    """Draws how much it will be, the command, and the button that starts it."""
    photos, each = len(dataset.samples), len(job.versions)
    text = (
        f"{counted(photos, 'photo')} {TIMES} {each} = **{counted(photos * each, 'picture')}** with "
        "their masks."
    )
    if job.size:
        text += (
            " Version 1 of a photo is what **Versions** shows for epoch 1 with the same seed and "
            "square."
        )
    st.markdown(text)
    command = augment_command(job, _recipe_argument(job.recipe, job.out))
    st.code(shlex.join(["python", *command[1:]]), language="bash", wrap_lines=True)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(plain(problem), icon=":material/error:")
    missing = read_status(job.out).status == "missing"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start",
            key="augment_start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not missing,
            on_click=start,
            args=(job,),
        )
        if missing:
            st.caption("Keeps running if you close this page.")
        else:
            st.caption(
                "There is a set in this folder already, see below. Name another folder to start "
                "a new one."
            )


@local_only
def start(job: AugmentJob) -> None:
    """Starts a job, or goes on with it, and writes its folder to the URL."""
    try:
        start_augment(job)
    except (CarmaskError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
    else:
        st.session_state[_OUT] = str(job.out)


def _recipe_argument(recipe: Recipe, out: Path) -> str:
    """Returns how the command names a recipe; one that is not saved is kept with the set."""
    if recipe.name not in saved_recipes()[0]:
        return recipe.name if not is_unsaved(recipe.name) else str(out.resolve() / OWN_RECIPE)
    path = out.resolve() / OWN_RECIPE if is_unsaved(recipe.name) else recipe_file(recipe.name)
    return str(path)
