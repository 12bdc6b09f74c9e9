"""One setting of one transform from its lowest to its highest limit, for the eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from training.augment.compose import Augmenter
from training.augment.recipe import Recipe
from training.augment.step import Step
from training.augment.table import find_transform
from training.augment.transform import Parameter


class Still(NamedTuple):
    """One picture of a strip."""

    value: Any
    """The setting's value; of a range, both of its ends."""
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def strip(
    transform: str,
    parameter: str,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_ | np.uint8],
    steps: int,
    seed: int,
    arguments: Mapping[str, Any] | None = None,
) -> list[Still]:
    """Returns the photo with one setting at evenly spaced values, lowest to highest limit.

    All else is at its default and draws the same numbers each time.

    Args:
        transform: Name of the table.
        parameter: Name of one of its parameters that is no folder.
        image: (H, W, 3) uint8.
        mask: (H, W) bool, or levels that `resized` returned.
        steps: Pictures, 2 or more; choices and whole numbers may give fewer.
        seed: Of what is drawn besides.
        arguments: Values to take in place of defaults, as the folder of backgrounds.

    Raises:
        ConfigError: A name is unknown, or the parameter is a folder.
        DataError: A folder is missing or empty.
    """
    known = find_transform(transform)
    setting = known.parameter(parameter)
    fixed = dict(arguments or {})
    if setting.needs is not None:
        fixed[setting.needs[0]] = setting.needs[1]
    stills = []
    for value in strip_values(setting, steps):
        values = fixed | {parameter: (value, value) if setting.is_range else value}
        step = Step(transform, 1.0, tuple(values.items()))
        augment = Augmenter(Recipe("strip", "", (step,)), None)
        stills.append(Still(value, *augment(image, mask, seed=seed, epoch=1, index=0)))
    return stills


def strip_values(parameter: Parameter, steps: int) -> list[Any]:
    """Returns the values of a strip: every choice, or evenly spaced numbers with both limits.

    Raises:
        ConfigError: The parameter is a folder, or steps is below 2.
    """
    if parameter.kind == "folder":
        raise ConfigError(f"{parameter.name} is a folder; a strip needs a number or a choice.")
    if parameter.kind == "bool":
        return [False, True]
    if parameter.kind == "choice":
        return list(parameter.choices)
    if steps < 2:
        raise ConfigError(f"A strip of {steps} pictures has no lowest and highest; take 2 or more.")
    numbers = np.linspace(parameter.low, parameter.high, steps)
    if parameter.kind in ("int", "range_int"):
        return [int(number) for number in np.unique(np.rint(numbers).astype(int))]
    return [float(f"{number:.6g}") for number in numbers]
