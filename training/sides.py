"""The sides of a split: which cars are trained on and which are kept, and the file of that.

A car belongs to a family: the data folder that it was photographed for. An augmented set is of its
source's family, so a car and its augmented versions always stand on the same side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError
from pydantic_core import to_json

from core.errors import DataError, reason
from core.files import Facts, read_json, write_bytes_atomically
from core.names import composed
from training.data import Dataset, Sample

Part = Literal["train", "val"]
By = Literal["car", "random"]
Sides = dict[str, tuple[str, ...]]
"""Names (of cars, or of photos) by family."""


@dataclass(frozen=True)
class Split:
    """Which cars of which family are trained on and which are kept for validation."""

    val_cars: Sides
    """Cars kept for validation, by family."""
    train_cars: Sides
    """Cars trained on, by family."""
    seed: int = 0
    by: By = "car"
    """What was divided: "car", or "random" for single photos, which lets cars leak."""
    val_images: Sides = field(default_factory=dict)
    """Of a random split: photos kept for validation, by family."""
    train_images: Sides = field(default_factory=dict)
    """Of a random split: photos trained on, by family."""
    before: Sides = field(default_factory=dict)
    """Cars, by family, that the network had been trained on before: by the run whose weights were
    the start, and by those that it started from. Known where these runs have their split file."""

    def fingerprint(self) -> str:
        """Returns a SHA-256 of both sides; what led there and what was before do not matter."""
        sides: dict[str, Any] = {"train": _plain(self.train_cars), "val": _plain(self.val_cars)}
        if self.by == "random":
            sides["train_images"] = _plain(self.train_images)
            sides["val_images"] = _plain(self.val_images)
        return hashlib.sha256(json.dumps(sides, sort_keys=True).encode()).hexdigest()

    def verdict(self) -> str:
        """Returns a sentence on leaks: cars that stand on both sides, counted."""
        total = sum(len(cars) for cars in self.val_cars.values())
        shared, known = self._kept_of(self.train_cars), self._kept_of(self.before)
        if shared:
            return f"LEAKY: {shared} of {total} validation cars are also in train"
        if known:
            return (
                f"LEAKY: {known} of {total} validation cars were trained on by the checkpoint that "
                "was the start"
            )
        how = "by car" if self.by == "car" else "at random"
        return f"{how}: {total} validation cars, none of them in train"

    def select(self, datasets: Sequence[Dataset], part: Part) -> list[Sample]:
        """Returns the samples of one side, in the data folders' order.

        An augmented photo stands where the photo stands that it was made from.

        Raises:
            DataError: A car or photo of the data stands on neither side, so the split is of other
                data.
        """
        chosen = []
        for dataset in datasets:
            train, val = self._sides_of(dataset.family)
            strangers = sorted({self._divided(sample) for sample in dataset.samples} - train - val)
            if strangers:
                what = "cars" if self.by == "car" else "photos"
                raise DataError(
                    f"{len(strangers)} {what} of {dataset.name} are not in the split (first "
                    f"{strangers[0]!r}); it was made for other data. Use that data, or part 'all'."
                )
            here = val if part == "val" else train
            chosen += [sample for sample in dataset.samples if self._divided(sample) in here]
        return chosen

    def trained_on(self, samples: Sequence[Sample], datasets: Sequence[Dataset]) -> tuple[int, int]:
        """Returns how many cars of the samples were trained on, and how many cars they show.

        Args:
            samples: Photos that are to be scored.
            datasets: The data folders that they are of.
        """
        families = {dataset.name: dataset.family for dataset in datasets}
        cars = {(families[sample.source], sample.car) for sample in samples}
        trained = {(family, car) for family, side in self.trained().items() for car in side}
        return len(cars & trained), len(cars)

    def trained(self) -> Sides:
        """Returns all cars, by family, that a network of this split was ever trained on."""
        families = sorted({*self.train_cars, *self.before})
        sides = (self.train_cars, self.before)
        return {
            family: tuple(sorted({car for side in sides for car in side.get(family, ())}))
            for family in families
        }

    def save(self, path: Path) -> None:
        """Writes the split with its fingerprint and verdict as JSON."""
        facts: dict[str, Any] = {
            "fingerprint": self.fingerprint(),
            "verdict": self.verdict(),
            "seed": self.seed,
            "by": self.by,
            "train_cars": _plain(self.train_cars),
            "val_cars": _plain(self.val_cars),
        }
        if self.by == "random":
            facts["train_images"] = _plain(self.train_images)
            facts["val_images"] = _plain(self.val_images)
        if self.before:
            facts["before"] = _plain(self.before)
        write_bytes_atomically(path, (json.dumps(facts, indent=1) + "\n").encode())

    def _kept_of(self, side: Sides) -> int:
        """Returns how many of the validation cars are among others."""
        return sum(len(set(cars) & set(side.get(f, ()))) for f, cars in self.val_cars.items())

    def _sides_of(self, family: str) -> tuple[set[str], set[str]]:
        if self.by == "car":
            sides = self.train_cars, self.val_cars
        else:
            sides = self.train_images, self.val_images
        return set(sides[0].get(family, ())), set(sides[1].get(family, ()))

    def _divided(self, sample: Sample) -> str:
        """Returns the name by which a sample is found on a side."""
        return sample.car if self.by == "car" else divided_photo(sample)


def divided_photo(sample: Sample) -> str:
    """Returns the photo that a random split divides: of an augmented one, what it was made from."""
    return sample.origin or sample.name


class _SplitFile(Facts):
    """A split's file as it is read; here every field is needed that has no default."""

    fingerprint: str
    seed: int
    by: str = "car"
    train_cars: Sides
    val_cars: Sides
    train_images: Sides = Field(default_factory=dict)
    val_images: Sides = Field(default_factory=dict)
    before: Sides = Field(default_factory=dict)


def load_split(path: Path) -> Split:
    """Returns a split from its file.

    Raises:
        DataError: The file is missing, damaged, or was changed after it was written.
    """
    try:
        facts = _SplitFile.model_validate_json(to_json(read_json(path)))
        if facts.by not in get_args(By):
            raise ValueError("a split is by car or random")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ": ".join(map(str, first["loc"][:1]))
        raise DataError(f"The split {path} can't be read: {place}: {first['msg']}.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"The split {path} can't be read: {reason(error)}.") from error
    split = Split(**facts.model_dump(exclude={"fingerprint"}))
    if facts.fingerprint != split.fingerprint():
        raise DataError(f"The split {path} was changed by hand: its fingerprint does not fit.")
    return replace(
        split,
        val_cars=_composed(split.val_cars),
        train_cars=_composed(split.train_cars),
        val_images=_composed(split.val_images),
        train_images=_composed(split.train_images),
        before=_composed(split.before),
    )


def _composed(sides: Sides) -> Sides:
    """Returns sides with all names in NFC, as data folders have them."""
    return {composed(family): tuple(map(composed, names)) for family, names in sides.items()}


def _plain(sides: Sides) -> dict[str, list[str]]:
    return {family: sorted(names) for family, names in sides.items()}
