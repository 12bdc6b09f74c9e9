"""Settings as a dataclass: help texts, limits and choices are read from the fields themselves.

A field's docstring is its help text, `Annotated[int, Limits(1, 8)]` gives its limits and
`Literal["a", "b"]` its choices. Command line and form are made of these, and `check` holds them.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the largest value of a number, both allowed."""

    low: float
    high: float


@cache
def help_of(settings: type) -> dict[str, str]:
    """Returns each field's docstring by its name."""
    body = ast.parse(inspect.getsource(settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for declared, doc in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(declared, ast.AnnAssign)
            and isinstance(declared.target, ast.Name)
            and isinstance(doc, ast.Expr)
            and isinstance(doc.value, ast.Constant)
        ):
            texts[declared.target.id] = inspect.cleandoc(str(doc.value.value))
    return texts


@cache
def limits_of(settings: type) -> dict[str, Limits]:
    """Returns the limits of every field that is a number."""
    return {
        name: mark
        for name, kind in get_type_hints(settings, include_extras=True).items()
        if get_origin(kind) is Annotated
        for mark in get_args(kind)[1:]
        if isinstance(mark, Limits)
    }


@cache
def choices_of(settings: type) -> dict[str, tuple[str, ...]]:
    """Returns the choices of every field that takes one of a few words."""
    return {
        name: get_args(kind)
        for name, kind in get_type_hints(settings).items()
        if get_origin(kind) is Literal
    }


@cache
def kinds_of(settings: type) -> dict[str, type]:
    """Returns what each field is: int, float, str or tuple; a field with choices is str."""
    kinds = {}
    for name, kind in get_type_hints(settings).items():
        origin = get_origin(kind)
        kinds[name] = str if origin is Literal else origin or kind
    return kinds


def check(settings: Any) -> None:
    """Raises a ConfigError for a value of a wrong type, beyond its limits or no choice."""
    kind: Any = type(settings)
    limits, choices, kinds = limits_of(kind), choices_of(kind), kinds_of(kind)
    for name in (field.name for field in fields(settings)):
        value = getattr(settings, name)
        if name in limits:
            _check_number(name, value, limits[name], kinds[name])
        elif name in choices and value not in choices[name]:
            wanted = ", ".join(choices[name])
            raise ConfigError(f"{name} is {value!r}; choose one of: {wanted}.")
        elif kinds[name] is str and not _is_word(value):
            raise ConfigError(f"{name} is {value!r}; it must be a text without NUL bytes.")
        elif kinds[name] is tuple and not (isinstance(value, tuple) and all(map(_is_word, value))):
            raise ConfigError(f"{name} is {value!r}; it must be a list of texts without NUL bytes.")


def _is_word(value: Any) -> bool:
    """Returns whether a value is a text that can stand in a command line."""
    return isinstance(value, str) and "\0" not in value


def _check_number(name: str, value: Any, limits: Limits, kind: type) -> None:
    whole = kind is int
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fits or not limits.low <= value <= limits.high:
        number = "a whole number" if whole else "a number"
        raise ConfigError(
            f"{name} is {value!r}; it must be {number} from {limits.low} to {limits.high}."
        )
