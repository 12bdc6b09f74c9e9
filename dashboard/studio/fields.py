"""The widgets of a step, made from its settings, their limits and their help."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import ValidationError

from core.errors import CarmaskError
from core.image import read_image
from core.listing.pictures import data_url
from core.listing.steps import Background, Output, Plate, Step
from dashboard.studio.state import own_pictures, pictures_folder
from dashboard.ui.folders import short_path
from dashboard.ui.text import plain

_PICTURE_MB = 25
_TITLES = {"name": "File name", "most_mb": "Largest file, MB", "dpi": "DPI"}


def edit_step(step: Step, key: str) -> Step:
    """Draws a step's widgets and returns the step as they say.

    Args:
        step: The step as it stands.
        key: Names the widgets.
    """
    values = step.settings()
    for name in values:
        if name != "box" and _counts(name, values, step):
            values[name] = _edit(type(step), name, values[name], f"{key}_{name}")
    try:
        return type(step).model_validate(values)
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        st.caption(f":orange[{plain(why)}]")
        return step


def _counts(name: str, values: dict[str, Any], step: Step) -> bool:
    """Whether a setting does anything beside the others as they are."""
    if isinstance(step, Background):
        needs = {
            "colour": ("colour", "gradient", "room"),
            "floor": ("gradient", "room"),
            "horizon": ("room",),
            "picture": ("picture",),
        }
        return name not in needs or values["kind"] in needs[name]
    if isinstance(step, Plate):
        needs = {"colour": ("colour", "picture"), "picture": ("picture",)}
        return name not in needs or values["cover"] in needs[name]
    if isinstance(step, Output):
        unused = {"quality": "png", "most_mb": "png", "dpi": "webp"}
        return bool(values["format"] != unused.get(name))
    return True


def _edit(kind: type[Step], name: str, value: Any, key: str) -> Any:
    """Draws the widget of one setting and returns its value."""
    field = kind.model_fields[name]
    title, text = _TITLES.get(name) or name.replace("_", " ").capitalize(), field.description
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return st.selectbox(title, choices, choices.index(value), key=key, help=text)
    if isinstance(value, bool):
        return st.toggle(title, value, key=key, help=text)
    if name in ("colour", "floor"):
        return st.color_picker(title, value, key=key, help=text).upper()
    if name == "picture":
        return _edit_picture(title, value, key, text)
    if name == "threshold":
        typed = st.number_input(title, 0.01, 0.99, value, 0.01, key=key, help=text)
        return None if typed is None else float(typed)
    if isinstance(value, str):
        return st.text_input(title, value, key=key, help=text, max_chars=80)
    low, high = _limits(field.metadata)
    if name in ("width", "height") and kind is Output:
        return int(st.number_input(title, int(low), int(high), value, 10, key=key, help=text))
    if name in ("dpi", "most_mb"):
        step = 1 if isinstance(value, int) else 0.5
        whole = type(value)
        got = st.number_input(title, whole(low), whole(high), value, step, key=key, help=text)
        return whole(got)
    if isinstance(value, int):
        return int(st.slider(title, int(low), int(high), value, key=key, help=text))
    steps = {"angle": 0.5, "direction": 5.0}.get(name, 0.01)
    shown = {"angle": "%.1f°", "direction": "%.0f°"}.get(name, "percent")
    return float(st.slider(title, low, high, value, steps, format=shown, key=key, help=text))


def _limits(metadata: list[Any]) -> tuple[float, float]:
    """Returns the least and the largest value of a number."""
    low = next(each.ge for each in metadata if hasattr(each, "ge"))
    high = next(each.le for each in metadata if hasattr(each, "le"))
    return float(low), float(high)


def _edit_picture(title: str, value: str, key: str, text: str | None) -> str:
    """Draws the way to bring a picture; it becomes part of the recipe."""
    if folder := own_pictures():
        names = ["", *folder]
        chosen = next((name for name, path in folder.items() if str(path) == value), "")
        picked = st.selectbox(
            f"From {plain(short_path(pictures_folder()))}",
            names,
            names.index(chosen),
            format_func=lambda name: name or "None of these",
            key=f"{key}_own",
        )
        if picked:
            return str(folder[picked])
        value = "" if chosen else value
    upload = st.file_uploader(
        "Change the picture" if value else title,
        ["jpg", "jpeg", "png", "webp"],
        key=key,
        help=text,
        max_upload_size=_PICTURE_MB,
    )
    if upload is None:
        return value
    known: tuple[str, str] | None = st.session_state.get(f"{key}_read")
    if known is None or known[0] != upload.file_id:
        try:
            known = (upload.file_id, data_url(read_image(upload.getvalue(), name=upload.name)))
        except CarmaskError as error:
            st.error(plain(str(error)), icon=":material/broken_image:")
            return value
        st.session_state[f"{key}_read"] = known
    return known[1]


def edit_box(
    box: tuple[float, float, float, float] | None, key: str
) -> tuple[float, float, float, float] | None:
    """Draws the sliders of a plate's box and returns it; None where there is none.

    Args:
        box: Left, top, right and bottom as shares of the photo, or None.
        key: Names the widgets.
    """
    drawn = st.toggle("The plate is in this photo", box is not None, key=f"{key}_drawn")
    if not drawn:
        return None
    left, top, right, bottom = box or (0.4, 0.6, 0.6, 0.7)
    across = st.slider(
        "Left and right", 0.0, 1.0, (left, right), 0.005, format="percent", key=f"{key}_across"
    )
    down = st.slider(
        "Top and bottom", 0.0, 1.0, (top, bottom), 0.005, format="percent", key=f"{key}_down"
    )
    if across[0] >= across[1] or down[0] >= down[1]:
        return box
    return across[0], down[0], across[1], down[1]
