"""What a transform is to pages and recipes: its parameters with limits, defaults, help texts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import ConfigError

Kind = Literal["range_int", "range_float", "float", "int", "choice", "bool", "folder"]
Group = Literal["geometry", "colour", "noise", "occlusion", "background"]
GROUPS: tuple[Group, ...] = ("geometry", "colour", "noise", "occlusion", "background")


@dataclass(frozen=True)
class Parameter:
    """One setting of a transform."""

    name: str
    kind: Kind
    default: Any
    help: str
    low: float = 0.0
    """Lowest value of a number, or of either end of a range."""
    high: float = 1.0
    """Highest value of a number, or of either end of a range."""
    step: float = 0.01
    """Step of the widget; a value of a recipe may lie between."""
    unit: str = ""
    choices: tuple[str, ...] = ()
    """The words that a choice may be."""
    needs: tuple[str, Any] | None = None
    """Another parameter and the value that it must have for this one to matter."""

    @property
    def is_range(self) -> bool:
        """Whether its value is a pair (from, to), of which each sample draws one number."""
        return self.kind in ("range_int", "range_float")

    @property
    def allowed(self) -> str:
        """What its value may be, in words."""
        if self.kind == "choice":
            return "one of: " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.kind == "folder":
            return "a folder's path"
        whole = "whole " if self.kind in ("range_int", "int") else ""
        limits = f"from {self.low:g} to {self.high:g}"
        if self.is_range:
            return f"two {whole}numbers [low, high] {limits}"
        return f"a {whole}number {limits}"

    def check(self, value: Any) -> Any:
        """Returns the value in its plain form (a range as a tuple).

        Raises:
            ConfigError: It is of another kind or outside the limits; the message says what came
                and what is allowed, the caller says where.
        """
        checked = self._convert(value)
        if checked is None:
            raise ConfigError(f"{self.name} is {value!r}; it must be {self.allowed}.")
        return checked

    def _convert(self, value: Any) -> Any:
        if self.kind == "choice":
            return value if value in self.choices else None
        if self.kind == "bool":
            return value if isinstance(value, bool) else None
        if self.kind == "folder":
            return value if isinstance(value, str) else None
        if not self.is_range:
            return self._number(value)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            return None
        low, high = self._number(value[0]), self._number(value[1])
        return None if low is None or high is None or low > high else (low, high)

    def _number(self, value: Any) -> float | int | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return None
        if self.kind in ("range_int", "int"):
            return int(value) if value == int(value) else None
        return float(value)


@dataclass(frozen=True)
class Transform:
    """One kind of change to a photo."""

    name: str
    title: str
    group: Group
    summary: str
    parameters: tuple[Parameter, ...] = ()
    moves_mask: bool = False
    """Whether the mask changes with the photo."""

    def parameter(self, name: str) -> Parameter:
        """Returns the parameter of a name.

        Raises:
            ConfigError: There is none; the message names those that there are.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(p.name for p in self.parameters) or "none"
        raise ConfigError(f"{self.name} has no parameter {name!r}; it has: {known}.")

    def defaults(self) -> dict[str, Any]:
        """Returns every parameter's default."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def check(self, arguments: Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
        """Returns the arguments in their plain form, sorted by name.

        Raises:
            ConfigError: An argument is unknown, given twice or out of its limits.
        """
        checked: dict[str, Any] = {}
        for name, value in arguments:
            if name in checked:
                raise ConfigError(f"{self.name}: {name} is given twice; leave one.")
            parameter = self.parameter(name)
            try:
                checked[name] = parameter.check(value)
            except ConfigError as error:
                raise ConfigError(f"{self.name}: {error}") from error
        return tuple(sorted(checked.items()))


def floats(
    name: str, default: tuple[float, float], limits: tuple[float, float], text: str, unit: str = ""
) -> Parameter:
    """Returns a range of numbers; the widget's step follows from the limits."""
    return Parameter(name, "range_float", default, text, *limits, _step(*limits), unit)


def ints(
    name: str,
    default: tuple[int, int],
    limits: tuple[int, int],
    text: str,
    unit: str = "",
    step: int = 1,
) -> Parameter:
    """Returns a range of whole numbers."""
    return Parameter(name, "range_int", default, text, *limits, step, unit)


def number(
    name: str, default: float, limits: tuple[float, float], text: str, unit: str = ""
) -> Parameter:
    """Returns a single number; the widget's step follows from the limits."""
    return Parameter(name, "float", default, text, *limits, _step(*limits), unit)


def choice(name: str, choices: tuple[str, ...], text: str) -> Parameter:
    """Returns a choice of words, the first of which is the default."""
    return Parameter(name, "choice", choices[0], text, choices=choices)


def _step(low: float, high: float) -> float:
    return 0.01 if high - low <= 4 else 0.1 if high - low <= 40 else 1.0
