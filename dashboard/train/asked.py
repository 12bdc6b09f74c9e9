"""The settings that a person asks for: in the URL, so that nothing is lost; read, checked, written.

The URL holds what differs from the chosen preset. A wrong value stays there too, to be corrected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from core.errors import CarmaskError, ConfigError
from core.names import shortened
from core.places import workspace
from dashboard.ui.access import visitor_path
from training.config import TrainConfig, field_kinds
from training.presets import PRESETS

USUAL_PRESET = next(iter(PRESETS))
NAMES = tuple(field.name for field in fields(TrainConfig))
PATHS = ("split", "cars", "start_from", "recipe")
"""Settings that name a file; a recipe that ships is no file."""
_WORDS = {"inverted_masks": "inverted", "car_rule": "rule"}
"""Words of the URL by which all pages say how data are read, where they are no setting's name."""
_OF_THE_DATA = ("data", "classes", "inverted_masks", "car_rule", "leave_out")
"""Settings that go with the data folders, whatever the preset."""
_LARGEST = 2**53
"""Whole numbers beyond it are not what they look like in a browser."""


@dataclass(frozen=True)
class Asked:
    """All settings of the form."""

    preset: str
    usual: TrainConfig
    """What the preset alone would give."""
    values: Mapping[str, Any]
    config: TrainConfig | None
    """The settings, where they are right."""
    errors: Mapping[str, str]
    """What is wrong, by the field; under "" what can't be told of one field alone."""

    def changed(self, name: str) -> bool:
        """Whether a setting differs from the preset's."""
        return bool(self.values[name] != getattr(self.usual, name))


def asked_settings(data: tuple[str, ...]) -> Asked:
    """Returns the settings that the URL holds, for the chosen data folders."""
    preset = chosen_preset()
    usual = PRESETS[preset].config({})
    values = {name: getattr(usual, name) for name in NAMES}
    errors: dict[str, str] = {}
    for name in NAMES:
        word = _word_of(name)
        if name != "data" and word in st.query_params:
            try:
                values[name] = _parsed(name, word)
            except (ValueError, OverflowError):
                text = st.query_params[word]
                errors[name] = (
                    f"{name} is {shortened(text)!r} in the link, which is no number that fits."
                )
    values["data"] = data
    config = None
    try:
        config = TrainConfig(**values)
    except CarmaskError as error:
        alone = {name: _error_alone(name, value) for name, value in values.items()}
        errors |= {name: text for name, text in alone.items() if text} or {"": str(error)}
    errors |= _missing_files(values)
    return Asked(preset, usual, values, None if errors else config, errors)


def chosen_preset() -> str:
    """Returns the preset's name that the URL holds."""
    wanted = st.query_params.get("preset", USUAL_PRESET)
    return wanted if wanted in PRESETS else USUAL_PRESET


def choose_preset(name: str) -> None:
    """Writes a preset to the URL; settings changed before it are dropped. A callback's work."""
    for each in NAMES:
        if each not in _OF_THE_DATA:
            st.query_params.pop(each, None)
    if name == USUAL_PRESET:
        st.query_params.pop("preset", None)
    else:
        st.query_params["preset"] = name


def write_setting(name: str, value: Any) -> None:
    """Writes a setting to the URL, where it differs from the preset's."""
    usual = getattr(PRESETS[chosen_preset()].config({}), name)
    st.query_params.pop(name, None)
    word = _WORDS.get(name, name)
    if value is None or value == usual or (isinstance(usual, tuple) and tuple(value) == usual):
        st.query_params.pop(word, None)
    elif isinstance(usual, tuple):
        st.query_params[word] = list(value)
    else:
        st.query_params[word] = f"{value:g}" if isinstance(value, float) else str(value)


def _word_of(name: str) -> str:
    """Returns the word of the URL that a setting has; its own name in older links."""
    word = _WORDS.get(name, name)
    return word if word in st.query_params else name


def _parsed(name: str, word: str) -> Any:
    kind, text = field_kinds()[name], st.query_params[word]
    if kind is tuple:
        return tuple(st.query_params.get_all(word))
    if kind is bool:
        return text.casefold() == "true"
    if kind is int and abs(number := int(text)) < _LARGEST:
        return number
    if kind is float and math.isfinite(decimal := float(text)):
        return decimal
    if kind is str:
        return text
    raise ValueError(text)


def _error_alone(name: str, value: Any) -> str:
    """Returns what is wrong with a value whatever the other settings are; "" if nothing is."""
    try:
        replace(TrainConfig(epochs=1, minutes=1.0), **{name: value})
    except ConfigError as error:
        return str(error)
    return ""


def _missing_files(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is wrong with settings that name a file; a trainer starts in the workspace."""
    places = {name: values[name] for name in PATHS if values[name]}
    if not str(values["recipe"]).endswith(".json"):
        places.pop("recipe", None)
    errors = {name: _why_missing(name, place) for name, place in places.items()}
    return {name: text for name, text in errors.items() if text}


def _why_missing(name: str, place: str) -> str:
    """Returns what is wrong with the path of a setting; "" if nothing is."""
    try:
        path = visitor_path(place, workspace())
    except ConfigError as error:
        return str(error)
    if path.is_file() or (name == "start_from" and path.is_dir()):
        return ""
    return f"There is no {shortened(place)} on this machine; give the path of a file that is there."
