"""Recipes of augmentation as data: what is done to a photo, with which limits, how often."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConfigError, reason
from core.files import read_json, write_bytes_atomically
from training.augment.shipped import SHIPPED
from training.augment.step import ONE_OF, Step, check_keys

__all__ = ["ONE_OF", "RECIPES", "Recipe", "Step", "find_recipe", "load_recipe"]


@dataclass(frozen=True)
class Recipe:
    """A named list of steps, done one after the other."""

    name: str
    reason: str
    """Why one would use it, in a sentence or two."""
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.name.strip():
            raise ConfigError("The recipe has no name; give it one.")

    def to_json(self) -> dict[str, Any]:
        """Returns the recipe as JSON's kinds of values."""
        steps = [step.to_json() for step in self.steps]
        return {"name": self.name, "reason": self.reason, "steps": steps}

    @classmethod
    def from_json(cls, plain: Any) -> Recipe:
        """Returns a recipe from JSON's kinds of values.

        Raises:
            ConfigError: A key or value is wrong; the message names the step and what is allowed.
        """
        if not isinstance(plain, dict):
            raise ConfigError("It is not a recipe; it must be an object with name and steps.")
        check_keys(plain, "a recipe", {"name", "steps"}, {"reason"})
        for key in ("name", "reason"):
            if not isinstance(plain.get(key, ""), str):
                raise ConfigError(f"{key} is {plain[key]!r}; it must be a text.")
        if not isinstance(plain["steps"], list):
            raise ConfigError(f"steps is {plain['steps']!r}; it must be a list of steps.")
        steps = []
        for number, step in enumerate(plain["steps"], start=1):
            try:
                steps.append(Step.from_json(step))
            except ConfigError as error:
                raise ConfigError(f"Step {number}: {error}") from error
        return cls(plain["name"], plain.get("reason", ""), tuple(steps))

    def save(self, path: Path) -> None:
        """Writes the recipe as JSON, for `load_recipe`."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        write_bytes_atomically(path, (text + "\n").encode())

    def fingerprint(self) -> str:
        """Returns a SHA-256 of all that the steps do, defaults too: what does the same is equal."""
        steps = [_complete(step) for step in self.steps]
        return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """Returns a recipe from its JSON file.

    Raises:
        ConfigError: The file can't be read, is no JSON, or holds a wrong step.
    """
    try:
        plain = read_json(path)
    except OSError as error:
        raise ConfigError(f"The recipe {path} can't be read: {reason(error)}.") from error
    except ValueError as error:
        raise ConfigError(f"The recipe {path} is no JSON: {reason(error)}.") from error
    try:
        return Recipe.from_json(plain)
    except ConfigError as error:
        raise ConfigError(f"The recipe {path}: {error}") from error


def find_recipe(name_or_path: str) -> Recipe:
    """Returns a recipe by its name, or from its JSON file.

    Raises:
        ConfigError: There is no such recipe (the message names the choices), or its file is wrong.
    """
    if name_or_path in RECIPES:
        return RECIPES[name_or_path]
    if name_or_path.endswith(".json"):
        return load_recipe(Path(name_or_path))
    raise ConfigError(
        f"recipe is {name_or_path!r}; choose one of: {', '.join(RECIPES)}; or give the path of a "
        "recipe's .json file."
    )


def _complete(step: Step) -> list[Any]:
    inner = [_complete(other) for other in step.steps]
    return [step.transform, step.probability, step.values(), inner]


RECIPES: dict[str, Recipe] = {
    name: Recipe(name, reason, steps) for name, (reason, steps) in SHIPPED.items()
}
"""The recipes that ship, by their name."""
