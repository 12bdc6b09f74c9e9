"""The widget of one setting, made from what TrainConfig says of it."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import streamlit as st

from core.checkpoint import SUFFIX
from core.errors import ConfigError
from dashboard.dataset.own_recipes import recipe_file, saved_recipes
from dashboard.train.asked import PATHS, Asked, write_setting
from dashboard.ui.access import visitor_path
from dashboard.ui.folders import run_files, short_path
from dashboard.ui.named_choice import distinct
from dashboard.ui.text import plain
from training.augment.recipe import RECIPES
from training.config import field_choices, field_help, field_kinds, field_limits

WIDTH = 152
"""Of a setting in px: two fit side by side on a phone, folded in a group too."""
_DEVICES = ("auto", "cpu", "cuda", "mps")
_TITLES = {
    "val_share": "Validation share",
    "split": "Split file",
    "split_by": "Split by",
    "cars": "Table of cars",
    "size": "Size, px",
    "minutes": "Time limit, min (0 = none)",
    "images": "Image limit (0 = none)",
    "patience": "Stop after N epochs without gain (0 = never)",
    "ema": "EMA of the weights",
    "best_by": "Best by",
}


def show_fields(asked: Asked, names: tuple[str, ...]) -> None:
    """Draws the widgets of some settings side by side, each with what is wrong with it."""
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        for name in names:
            with st.container(width=WIDTH, gap="xsmall"):
                show_field(asked, name)


def show_field(asked: Asked, name: str) -> None:
    """Draws the widget of one setting; what is typed goes to the URL."""
    key, value = f"set_{name}", asked.values[name]
    st.session_state[key] = list(value) if isinstance(value, tuple) else value
    title = title_of(name)
    common: dict[str, Any] = {"key": key, "help": _help(name), "on_change": _write, "args": (name,)}
    options, kind = _options(name), field_kinds()[name]
    if options is not None:
        known = list(dict.fromkeys([*options, str(value)]))
        free = name not in field_choices()
        labels = distinct({option: _short(option) for option in known})
        st.selectbox(
            title,
            known,
            format_func=lambda option: labels.get(option, option),
            accept_new_options=free,
            **common,
        )
    elif kind is tuple:
        st.multiselect(title, sorted(value), accept_new_options=True, **common)
    elif kind is int:
        # Without limits: a browser would drop a wrong number without a word.
        st.number_input(title, step=max(1, _step(getattr(asked.usual, name))), **common)
    elif kind is float:
        step = float(_step(getattr(asked.usual, name)))
        st.number_input(title, step=step, format="%g", **common)
    elif kind is bool:
        st.toggle(title, **common)
    else:
        st.text_input(title, **common)
    if name in asked.errors:
        st.markdown(f":red[{plain(asked.errors[name])}]")


def title_of(name: str) -> str:
    """Returns a setting's name as a person reads it."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def _options(name: str) -> tuple[str, ...] | None:
    if name == "recipe":
        saved, _ = saved_recipes()
        return (*RECIPES, *(str(recipe_file(each)) for each in saved))
    if name == "start_from":
        best = run_files(f"*/checkpoints/best{SUFFIX}")
        return ("", *(short_path(each.parent.parent) for each in best))
    return _DEVICES if name == "device" else field_choices().get(name)


def _short(option: str) -> str:
    """Returns an option as it is listed: of a file or a folder its name alone."""
    return option.rsplit("/", 1)[-1].removesuffix(".json") or "none"


def _help(name: str) -> str:
    limits = field_limits().get(name)
    span = f" From {limits.low:g} to {limits.high:g}." if limits else ""
    return plain(f"{field_help().get(name, '')}{span}") + f"  \n`--{name.replace('_', '-')}`"


def _step(usual: float) -> Any:
    """Returns how much + and - change a number: a tenth of its usual size."""
    if not usual:
        return 1
    step = 10.0 ** math.floor(math.log10(abs(usual)))
    return int(step) if isinstance(usual, int) else step


def _write(name: str) -> None:
    value = st.session_state[f"set_{name}"]
    if isinstance(value, str):
        value = value.strip()
        if name in PATHS and value.startswith("~"):
            with suppress(ConfigError):  # told beside the field
                value = str(visitor_path(value))
    write_setting(name, value)
