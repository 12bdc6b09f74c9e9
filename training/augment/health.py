"""What a recipe does to masks: whether it empties them, cuts cars off or changes their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from training.augment.compose import Augmenter
from training.augment.recipe import Recipe
from training.data.folder import Sample

_MUCH = 2.0
"""Factor, up or down, from which a car's share of the picture has changed by much."""
_MANY = 0.1
"""Part of the samples from which a change of share, or cutting off, deserves a warning."""


@dataclass(frozen=True)
class RecipeHealth:
    """What became of the masks of some samples."""

    recipe: str
    count: int
    """Samples with a car that were tried."""
    without_car: int
    """Samples left out since their mask was empty before."""
    emptied: tuple[str, ...]
    """Names of those whose mask became empty."""
    cut_off: tuple[str, ...]
    """Names of those whose car touches the border and did not before."""
    resized: tuple[str, ...]
    """Names of those whose car's share is less than half or more than twice of what it was."""
    shares: tuple[float, float, float]
    """5%, 50% and 95% quantile of share after / share before; 1 is unchanged."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at before training with it, one sentence each."""
        return tuple(text for text, warns in self._told() if warns)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that was found, one sentence each."""
        return tuple(text for text, _ in self._told())

    def _told(self) -> list[tuple[str, bool]]:
        if not self.count:
            return [("None of the samples has a car, so nothing can be said.", True)]
        low, middle, high = self.shares
        many = _MANY * self.count
        told = [
            (_counted(self.emptied, self.count, "lost the whole car"), bool(self.emptied)),
            (
                _counted(self.cut_off, self.count, "have a car that the border newly cuts"),
                len(self.cut_off) > many,
            ),
            (
                _counted(self.resized, self.count, "have a car below half or above twice its size"),
                len(self.resized) > many,
            ),
            (
                f"In nine of ten the car takes {low:.2f} to {high:.2f} times the part of the "
                f"picture that it took before (median {middle:.2f}).",
                False,
            ),
        ]
        if self.without_car:
            told.append((f"{self.without_car} samples without a car were left out.", False))
        return told


def recipe_health(
    recipe: str | Recipe, samples: Sequence[Sample], seed: int, count: int = 64, size: int = 256
) -> RecipeHealth:
    """Returns what a recipe does to the masks of evenly chosen samples.

    Args:
        recipe: The recipe, its name, or the path of its JSON file.
        samples: The samples of a training, in its order.
        seed: The training's seed; each sample becomes what it would in epoch 1 (and, if count is
            larger than the number of samples, in the epochs after).
        count: Augmented samples to look at, 1 or more.
        size: Side in px of the square that they become.

    Raises:
        ConfigError: There are no samples or count is below 1; or the recipe is wrong.
        ImageError: A photo can't be read.
        MaskError: A mask can't be read.
    """
    if not samples or count < 1:
        raise ConfigError(
            f"{count} of {len(samples)} samples can't be tried; both must be 1 or more."
        )
    augment = Augmenter(recipe, size)
    emptied, cut_off, resized, shares = [], [], [], []
    without_car = 0
    for epoch, index in _places(len(samples), count):
        sample = samples[index]
        image, mask = sample.read()
        if not mask.any():
            without_car += 1
            continue
        _, moved = augment(image, mask, seed=seed, epoch=epoch, index=index)
        shares.append(share := float(moved.mean() / mask.mean()))
        if share == 0:
            emptied.append(sample.name)
        elif not 1 / _MUCH <= share <= _MUCH:
            resized.append(sample.name)
        if _touches(moved) and not _touches(mask):
            cut_off.append(sample.name)
    low, middle, high = np.quantile(shares, (0.05, 0.5, 0.95)) if shares else (np.nan,) * 3
    return RecipeHealth(
        recipe=augment.recipe.name,
        count=len(shares),
        without_car=without_car,
        emptied=tuple(emptied),
        cut_off=tuple(cut_off),
        resized=tuple(resized),
        shares=(float(low), float(middle), float(high)),
    )


def _places(samples: int, count: int) -> list[tuple[int, int]]:
    """Returns epoch and index of each try: spread over the samples, then over the epochs."""
    if count <= samples:
        return [(1, number * samples // count) for number in range(count)]
    return [(1 + number // samples, number % samples) for number in range(count)]


def _touches(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _counted(names: tuple[str, ...], count: int, what: str) -> str:
    if not names:
        return f"None of {count} samples {what}."
    shown = ", ".join(dict.fromkeys(names[:3])) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} of {count} samples {what}: {shown}"
