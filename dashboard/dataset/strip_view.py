"""One transform, from the lowest to the highest value of one of its parameters."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.dataset.applied_text import number
from dashboard.dataset.image_picker import pick_image
from dashboard.dataset.previews import draw, sample_key, square
from dashboard.dataset.step_widgets import parameter_title
from dashboard.dataset.studio_controls import pick_seed, pick_shown, pick_size
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.augment.step import TRANSFORMS
from training.augment.transform import GROUPS, Transform
from training.data.folder import Dataset, Sample

STEPS = 9


def show_strip(dataset: Dataset) -> None:
    """Draws the choices and the row of pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width=400):
            place = pick_image(dataset)
        transform, parameter = _pick_parameter()
        folders = _ask_folders(transform)
        seed = pick_seed()
        size = pick_size()
        shown = pick_shown()
    known = transform.parameter(parameter)
    unit = f" ({plain(known.unit)})" if known.unit else ""
    st.caption(
        f"**{plain(transform.title)}**: {plain(transform.summary)} "
        f"**{plain(parameter_title(known).lower())}**{unit}: {plain(known.help)} "
        "All other parameters stand at their defaults."
    )
    if not all(folders.values()):
        st.info("Name a folder of photos without cars: the car is put on one of them.")
        return
    sample = dataset.samples[place]
    try:
        key = sample_key(sample)
        with waiting("Drawing the strip"):
            pictures = _strip(key, transform.name, parameter, size, seed, shown, folders, sample)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with st.container(key="strip_row"):
        for value, jpeg in pictures:
            with st.container(gap="xsmall"):
                st.image(jpeg, width="stretch", alt=f"{parameter} {value}")
                st.caption(f"**{plain(value)}**", text_alignment="center")


def _pick_parameter() -> tuple[Transform, str]:
    """Draws the lists of transforms and of their names; returns both choices."""
    usable = {
        each.name: each
        for each in sorted(TRANSFORMS.values(), key=lambda each: GROUPS.index(each.group))
        if any(parameter.kind != "folder" for parameter in each.parameters)
    }
    titles = {name: each.title for name, each in usable.items()}
    chosen = st.selectbox(
        "Transform",
        list(usable),
        format_func=titles.__getitem__,
        key="transform",
        bind="query-params",
        width=260,
    )
    names = [each.name for each in usable[chosen].parameters if each.kind != "folder"]
    parameter = st.selectbox(
        "Parameter",
        names,
        format_func=lambda name: parameter_title(usable[chosen].parameter(name)),
        key="parameter",
        bind="query-params",
        width=190,
    )
    return usable[chosen], parameter if parameter in names else names[0]


def _ask_folders(transform: Transform) -> dict[str, str]:
    """Draws a field for each folder that a transform needs; returns what was typed."""
    asked = [each for each in transform.parameters if each.kind == "folder"]
    return {
        each.name: st.text_input(
            each.name.capitalize(), key=each.name, bind="query-params", help=each.help, width=260
        ).strip()
        for each in asked
    }


@st.cache_data(max_entries=24, show_spinner=False)
def _strip(
    key: str,
    transform: str,
    parameter: str,
    size: int,
    seed: int,
    shown: str,
    folders: dict[str, str],
    _sample: Sample,
) -> list[tuple[str, bytes]]:
    """Returns the values and pictures of a strip, lowest first."""
    from training.augment.compose import strip

    image, levels = (each.copy() for each in square(_sample, size))
    return [
        (_word(still.value), draw(shown, still.image, still.mask))
        for still in strip(transform, parameter, image, levels, STEPS, seed, folders)
    ]


def _word(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)
