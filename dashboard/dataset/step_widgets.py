"""The widgets of one step of a recipe, made from the table of transforms."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import ConfigError
from dashboard.dataset.applied_text import number
from dashboard.ui.text import plain
from training.augment.step import ONE_OF, TRANSFORMS, Step
from training.augment.transform import Parameter


def probability_key(key: str) -> str:
    """Returns the key of a step's probability slider."""
    return f"{key}_probability"


def step_title(step: Step) -> str:
    """Returns what a step is called."""
    if step.transform == ONE_OF:
        return "One of: " + ", ".join(step_title(inner).lower() for inner in step.steps)
    return TRANSFORMS[step.transform].title


def step_facts(step: Step) -> str:
    """Returns the limits of a step in one line of plain text; nothing if it has none."""
    if step.transform == ONE_OF:
        return "; ".join(
            f"{step_title(inner)} ({step_facts(inner)})" if step_facts(inner) else step_title(inner)
            for inner in step.steps
        )
    values = step.values()
    return ", ".join(
        f"{parameter_title(each).lower()} {_plain_value(each, values[each.name])}"
        for each in TRANSFORMS[step.transform].parameters
    )


def edit_step(step: Step, key: str, *, weight: bool = False) -> Step:
    """Draws a step's widgets and returns the step as they say.

    Args:
        step: The step as it stands.
        key: Names the widgets.
        weight: It is one of several of which one is done; its probability is then a weight.
    """
    probability = st.slider(
        "Weight" if weight else "How often",
        0.0,
        1.0,
        step.probability,
        0.01,
        format="%.2f" if weight else "percent",
        key=probability_key(key),
        help="How likely it is the one that is done, against the others."
        if weight
        else "Share of the photos that it is done to.",
    )
    try:
        if step.transform == ONE_OF:
            return Step(ONE_OF, probability, (), _edit_inner(step, key))
        transform = TRANSFORMS[step.transform]
        values = step.values()
        given = {
            parameter.name: edit_parameter(
                parameter, values[parameter.name], key, disabled=_is_idle(parameter, values, key)
            )
            for parameter in transform.parameters
        }
        changed = {n: v for n, v in given.items() if v != transform.parameter(n).default}
        return Step(step.transform, probability, tuple(changed.items()))
    except ConfigError as error:
        st.error(f"{plain(str(error))} The last good setting is kept.", icon=":material/error:")
        return step


def _is_idle(parameter: Parameter, values: dict[str, Any], key: str) -> bool:
    """Whether a parameter does nothing, since another one has not the value that it needs."""
    if parameter.needs is None:
        return False
    name, needed = parameter.needs
    return bool(st.session_state.get(f"{key}_{name}", values[name]) != needed)


def edit_parameter(parameter: Parameter, value: Any, key: str, *, disabled: bool = False) -> Any:
    """Draws the widget of one parameter and returns its value."""
    title = parameter_title(parameter)
    name = f"{key}_{parameter.name}"
    text = parameter.help
    if parameter.kind == "bool":
        return st.toggle(title, value, key=name, help=text, disabled=disabled)
    if parameter.kind == "choice":
        place = parameter.choices.index(value)
        return st.selectbox(title, parameter.choices, place, key=name, help=text, disabled=disabled)
    if parameter.kind == "folder":
        typed = st.text_input(title, value, key=name, help=text, placeholder="folder of photos")
        return typed.strip()
    whole = parameter.kind in ("range_int", "int")
    kind: Any = int if whole else float
    start = tuple(kind(each) for each in value) if parameter.is_range else kind(value)
    if parameter.unit:
        title = f"{title}, {parameter.unit}"
    got = st.slider(
        title,
        kind(parameter.low),
        kind(parameter.high),
        start,
        kind(parameter.step),
        key=name,
        help=text,
        disabled=disabled,
    )
    return tuple(got) if parameter.is_range else got


def _edit_inner(step: Step, key: str) -> tuple[Step, ...]:
    """Draws the steps of which one is done, each in its own frame."""
    edited = []
    for place, inner in enumerate(step.steps):
        with st.container(border=True):
            st.markdown(f"**{plain(step_title(inner))}**")
            edited.append(edit_step(inner, f"{key}_{place}", weight=True))
    return tuple(edited)


def parameter_title(parameter: Parameter) -> str:
    """Returns a parameter's name as words: "brightness_limit" becomes "Brightness"."""
    words = parameter.name.removesuffix("_limit").removesuffix("_range")
    return words.replace("_", " ").capitalize()


def _plain_value(parameter: Parameter, value: Any) -> str:
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.is_range:
        return f"{number(value[0])} to {number(value[1])}{unit}"
    if parameter.kind == "bool":
        return "yes" if value else "no"
    if parameter.kind in ("choice", "folder"):
        return str(value) or "none"
    return f"{number(value)}{unit}"
