"""Recipes of augmentation as data: what is done to a photo, how often; those that ship."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConfigError, reason
from core.files import read_json, write_bytes_atomically
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


_LIGHT_COLOUR = (
    Step("RandomBrightnessContrast", 0.5),
    Step("RandomGamma", 0.3),
)
_LIGHT_NOISE = (
    Step("GaussNoise", 0.2),
    Step("GaussianBlur", 0.2),
)


def _shift_scale_rotate(shift: float, scale: float, degrees: float) -> Step:
    return Step(
        "Affine",
        0.5,
        (
            ("scale_x", (1 - scale, 1 + scale)),
            ("scale_y", (1 - scale, 1 + scale)),
            ("translate_x", (-shift, shift)),
            ("translate_y", (-shift, shift)),
            ("rotate", (-degrees, degrees)),
        ),
    )


_LIGHT = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.0625, 0.1, 15),
    *_LIGHT_COLOUR,
    *_LIGHT_NOISE,
)

_HEAVY = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.1, 0.2, 30),
    Step("ElasticTransform", 0.3),
    *_LIGHT_COLOUR,
    Step("HueSaturationValue", 0.5),
    *_LIGHT_NOISE,
    Step("CoarseDropout", 0.3),
)

_PAPER = (
    Step("CoarseElastic", 1.0, (("displacement", (10, 10)), ("grid", 3))),
    Step(
        "Affine",
        1.0,
        (
            ("scale_x", (1, 1)),
            ("scale_y", (1, 1)),
            ("translate_x", (-0.1, 0.1)),
            ("translate_y", (-0.1, 0.1)),
            ("rotate", (-15, 15)),
            ("border", "reflect"),
        ),
    ),
    Step("RandomBrightnessContrast", 1.0),
)

_ROBUST = (
    Step("HorizontalFlip", 0.5),
    Step(
        "Affine",
        0.5,
        (
            ("scale_x", (0.7, 1.3)),
            ("scale_y", (0.55, 1.15)),
            ("keep_ratio", False),
            ("translate_x", (-0.06, 0.06)),
            ("translate_y", (-0.06, 0.06)),
            ("rotate", (-7, 7)),
            ("shear", (-4, 4)),
        ),
    ),
    Step(
        "RandomBrightnessContrast",
        0.5,
        (("brightness_limit", (-0.25, 0.25)), ("contrast_limit", (-0.25, 0.25))),
    ),
    Step("RandomGamma", 0.25, (("gamma_limit", (70, 140)),)),
    Step(
        "HueSaturationValue",
        0.25,
        (
            ("hue_shift_limit", (-15, 15)),
            ("sat_shift_limit", (-30, 30)),
            ("val_shift_limit", (0, 0)),
        ),
    ),
    Step("ToGray", 0.05),
    Step(
        ONE_OF,
        0.15,
        steps=(
            Step("GaussianBlur", 0.5, (("blur_limit", (3, 5)),)),
            Step("GaussNoise", 0.5, (("std_range", (0.02, 0.06)),)),
            Step("ImageCompression", 0.5, (("quality_range", (50, 90)),)),
        ),
    ),
)

_STUDIO = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.05, 0.1, 5),
    Step("RandomBrightnessContrast", 0.5),
)

SHIPPED: dict[str, tuple[str, tuple[Step, ...]]] = {
    "none": ("The photo as it is; the others are compared with it.", ()),
    "light": (
        "Small changes after which a car still looks like one in a photo. A first choice where "
        "there are many photos.",
        _LIGHT,
    ),
    "heavy": (
        "The light recipe with larger moves, other colours, bends and holes. "
        "For few photos and long trainings; the network must not lean on any one cue.",
        _HEAVY,
    ),
    "studio": (
        "Mild changes: for photos like those of the training, and for the last epochs; measured to "
        "sharpen edges where the robust recipe does not.",
        _STUDIO,
    ),
    "paper": (
        "What the U-Net's paper did (Ronneberger 2015, section 3.1): smooth random bends from "
        "displacements of 10 px on a coarse 3 x 3 grid, shifts, turns and grey values. Its cells "
        "under a microscope have no up and down; cars do, so they turn by 15 degrees at most.",
        _PAPER,
    ),
    "robust": (
        "For photos of any shape and light. The square squeezes a 3:2 photo; half of the samples "
        "are stretched again by unequal scales in x and y, so that a photo that keeps its shape "
        "later is nothing new.",
        _ROBUST,
    ),
}
"""Reason and steps of each recipe, by its name."""

RECIPES: dict[str, Recipe] = {
    name: Recipe(name, reason, steps) for name, (reason, steps) in SHIPPED.items()
}
"""The recipes that ship, by their name."""
