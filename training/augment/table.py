"""The table of transforms: pages make their widgets from it, recipes are checked against it.

It knows nothing of albumentations; `training.augment.build` makes a transform of a step. Where
albumentations has a transform, name and arguments are its own.
"""

from __future__ import annotations

from core.errors import ConfigError
from training.augment.looks import LOOKS
from training.augment.moves import MOVES
from training.augment.transform import GROUPS, Group, Kind, Parameter, Transform

__all__ = ["GROUPS", "TRANSFORMS", "Group", "Kind", "Parameter", "Transform", "find_transform"]

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
