"""The table of transforms, and one step of a recipe: a transform with a probability.

Pages make their widgets from the table, recipes are checked against it. It knows nothing of
albumentations; `training.augment.build` makes a transform of a step. Where albumentations has a
transform, name and arguments are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from training.augment.table import LOOKS, MOVES
from training.augment.transform import Transform

TRANSFORMS: dict[str, Transform] = {transform.name: transform for transform in (*MOVES, *LOOKS)}
"""The transforms by their name, in the order in which a page shows them."""


def find_transform(name: str) -> Transform:
    """Returns the transform of a name.

    Raises:
        ConfigError: There is none; the message names those that there are.
    """
    if name not in TRANSFORMS:
        known = ", ".join(TRANSFORMS)
        raise ConfigError(f"There is no transform {name!r}; choose one of: {known}.")
    return TRANSFORMS[name]


ONE_OF = "OneOf"


@dataclass(frozen=True)
class Step:
    """One transform of a recipe; `OneOf` does one of its own steps instead."""

    transform: str
    """A name of the table of transforms, or "OneOf"."""
    probability: float = 1.0
    """How often it is done, 0 to 1; among the steps of a OneOf, its weight."""
    arguments: tuple[tuple[str, Any], ...] = ()
    """Name and value of each parameter that is not at its default. A mapping may be given."""
    steps: tuple[Step, ...] = ()
    """What a OneOf chooses from; empty for all others."""

    def __post_init__(self) -> None:
        given: Any = self.arguments
        pairs: Iterable[tuple[str, Any]] = given.items() if isinstance(given, Mapping) else given
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "probability", _probability(self.transform, self.probability))
        if self.transform == ONE_OF:
            _check_group(tuple(pairs), self.steps)
            object.__setattr__(self, "arguments", ())
            return
        if self.steps:
            raise ConfigError(f"{self.transform} can't hold other steps; only {ONE_OF} does.")
        object.__setattr__(self, "arguments", find_transform(self.transform).check(pairs))

    def values(self) -> dict[str, Any]:
        """Returns every parameter's value: the step's own, or the default."""
        if self.transform == ONE_OF:
            return {}
        return find_transform(self.transform).defaults() | dict(self.arguments)

    def to_json(self) -> dict[str, Any]:
        """Returns the step as JSON's kinds of values."""
        plain: dict[str, Any] = {"transform": self.transform, "probability": self.probability}
        if self.transform == ONE_OF:
            return plain | {"steps": [step.to_json() for step in self.steps]}
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in self.arguments}
        return plain | {"arguments": values}

    @classmethod
    def from_json(cls, plain: Any) -> Step:
        """Returns a step from JSON's kinds of values.

        Raises:
            ConfigError: A key or value is wrong; the message names it and what is allowed.
        """
        check_keys(plain, "a step", {"transform"}, {"probability", "arguments", "steps"})
        arguments, steps = plain.get("arguments", {}), plain.get("steps", [])
        if not isinstance(arguments, dict):
            raise ConfigError(f"arguments is {arguments!r}; it must be names with values.")
        if not isinstance(steps, list):
            raise ConfigError(f"steps is {steps!r}; it must be a list of steps.")
        return cls(
            transform=str(plain["transform"]),
            probability=plain.get("probability", 1.0),
            arguments=tuple(arguments.items()),
            steps=tuple(cls.from_json(step) for step in steps),
        )


def check_keys(plain: Any, what: str, needed: set[str], allowed: set[str]) -> None:
    """Refuses what is no JSON object, lacks a needed key or has one that is not allowed.

    Raises:
        ConfigError: Says which key, and which there are.
    """
    if not isinstance(plain, dict):
        raise ConfigError(f"{plain!r} is not {what}; it must be an object with {_listed(needed)}.")
    unknown, missing = sorted(plain.keys() - needed - allowed), sorted(needed - plain.keys())
    if missing:  # first: what lacks them may be any file, of which no word is to be repeated
        raise ConfigError(f"{what} lacks {missing[0]!r}; it needs {_listed(needed)}.")
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is not in {what}; it has: {_listed(needed | allowed)}.")


def _listed(keys: set[str]) -> str:
    return ", ".join(sorted(keys))


def _probability(transform: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ConfigError(f"{transform}: probability is {value!r}; it must be from 0 to 1.")
    return float(value)


def _check_group(arguments: tuple[tuple[str, Any], ...], steps: tuple[Step, ...]) -> None:
    if arguments:
        raise ConfigError(f"{ONE_OF} has no parameters, but got {arguments[0][0]!r}; remove it.")
    if sum(step.probability for step in steps) <= 0:
        raise ConfigError(f"{ONE_OF} needs a step whose probability is above 0 to choose from.")
