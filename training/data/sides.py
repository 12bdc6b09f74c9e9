"""The sides of a split: which cars are trained on and which are kept, and the file of that.

Sides are listed by family: the data folder that the cars were photographed for; an augmented set is
of its source's family. Whether a car was trained on is told by the car's id over all families, and
by the digests of its photos, never by a folder's name: a folder can be renamed or copied. Drawn
sets say what they were drawn from, so that cars of two of them are two, although both count from 0.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError
from pydantic_core import to_json

from core.errors import DataError, reason
from core.files import Facts, read_json, write_bytes_atomically
from core.names import composed
from core.split_verdict import SplitVerdict
from training.data.folder import Dataset, Sample

_WHOLE = 1 << 20
"""Longest file in bytes that is read whole."""
_BLOCKS, _BLOCK = 16, 1 << 16
"""Of a longer file: how many blocks, evenly spread from its first byte to its last, of so many
bytes."""


def photo_digests(samples: Iterable[Sample]) -> dict[str, tuple[str, ...]]:
    """Returns the digests of photos by the cars that they show, sorted, each once.

    Equal files have equal digests. A copy that was encoded anew or resized has another one. A photo
    that can't be read has none.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        try:
            facts = sample.image_path.stat()
            digest = _digest(sample.image_path, facts.st_size, facts.st_mtime_ns)
        except OSError:
            continue
        found[sample.car].add(digest)
    return {car: tuple(sorted(digests)) for car, digests in sorted(found.items())}


@lru_cache(maxsize=200_000)
def _digest(path: Path, size: int, changed: int) -> str:
    """Returns the digest of a file, 16 hexadecimal digits; it is read again only once changed.

    Args:
        path: The file.
        size: Its size in bytes.
        changed: When it was last changed, in ns; part of the cache's key.
    """
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=8)
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(file.read())
        else:
            for block in range(_BLOCKS):
                file.seek((size - _BLOCK) * block // (_BLOCKS - 1), os.SEEK_SET)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


Part = Literal["train", "val"]
By = Literal["car", "random"]
Sides = dict[str, tuple[str, ...]]
"""Names (of cars, or of photos) by family."""
Digests = Mapping[str, Sequence[str]]
"""Digests of photos by the cars that they show; see `photo_digests`."""


@dataclass(frozen=True)
class TrainedCars:
    """The cars that a network was trained on."""

    cars: Sides = field(default_factory=dict)
    """Their ids, by family."""
    digests: frozenset[str] = frozenset()
    """Of their photos; empty of runs that did not record any."""
    drawings: Mapping[str, str] = field(default_factory=dict)
    """What the cars of a family were drawn from, where they are drawn; see `Dataset.drawing`."""
    complete: bool = True
    """Whether these are all; False where a checkpoint has no record of its training."""

    @cached_property
    def _drawings_of(self) -> Mapping[str, set[str]]:
        """What each car's id was drawn from, in all families; "" for what nobody knows."""
        drawings: dict[str, set[str]] = defaultdict(set)
        for family, cars in self.cars.items():
            for car in cars:
                drawings[car].add(self.drawings.get(family, ""))
        return dict(drawings)

    def has(self, car: str, digests: Iterable[str] = (), drawing: str = "") -> bool:
        """Tells whether a car is among them, by its id or by a digest of one of its photos.

        Args:
            car: Its id.
            digests: Of its photos.
            drawing: What it was drawn from; of two that are known and differ, the cars differ too.
        """
        known = self._drawings_of.get(car, set())
        by_id = bool(known and (not drawing or known & {"", drawing}))
        return by_id or not self.digests.isdisjoint(digests)

    def verdict_on(self, samples: Sequence[Sample]) -> SplitVerdict:
        """Returns the verdict on scores of these photos: how many of their cars were trained on."""
        cars: dict[str, str] = {}
        for sample in samples:  # one id in two drawn sets is two cars: either may be known
            known = cars.setdefault(sample.car, sample.drawing)
            cars[sample.car] = known if known == sample.drawing else ""
        digests = photo_digests(samples) if self.digests else {}
        shared = sum(self.has(car, digests.get(car, ()), cars[car]) for car in cars)
        kind = _kind(shared, complete=self.complete)
        return SplitVerdict(kind, shared, len(cars), "car")


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
    before: TrainedCars = field(default_factory=TrainedCars)
    """What the network had been trained on before: by the run whose weights were the start, and by
    those that it started from."""
    digests: Digests = field(default_factory=dict)
    """Of the photos of both sides; empty of a split that did not record any."""
    drawings: Mapping[str, str] = field(default_factory=dict)
    """What the cars of a family were drawn from, where they are drawn."""

    def fingerprint(self) -> str:
        """Returns a SHA-256 of both sides; what led there and what was before do not matter."""
        sides: dict[str, Any] = {"train": _plain(self.train_cars), "val": _plain(self.val_cars)}
        if self.by == "random":
            sides["train_images"] = _plain(self.train_images)
            sides["val_images"] = _plain(self.val_images)
        return hashlib.sha256(json.dumps(sides, sort_keys=True).encode()).hexdigest()

    def verdict(self) -> SplitVerdict:
        """Returns the verdict: validation cars that were trained on, counted."""
        now = self._trained_now()
        val = [
            (car, self.digests.get(car, ()), self.drawings.get(family, ""))
            for family, cars in self.val_cars.items()
            for car in cars
        ]
        in_train = sum(now.has(*each) for each in val)
        shared = sum(now.has(*each) or self.before.has(*each) for each in val)
        kind = _kind(shared, complete=self.before.complete)
        return SplitVerdict(kind, shared, len(val), self.by, before=shared - in_train)

    def with_digests(self, datasets: Sequence[Dataset]) -> Split:
        """Returns it with the digests of the data's photos; reads the files, decodes none."""
        samples = (sample for dataset in datasets for sample in dataset.samples)
        return replace(self, digests=photo_digests(samples))

    def select(self, datasets: Sequence[Dataset], part: Part) -> list[Sample]:
        """Returns the samples of one side, in the data folders' order.

        An augmented photo stands where the photo stands that it was made from.

        Raises:
            DataError: A car or photo of the data stands on neither side, so the split is of other
                data.
        """
        chosen = []
        for dataset in datasets:
            train, val = self.sides_of(dataset.family)
            strangers = sorted({self.divided(sample) for sample in dataset.samples} - train - val)
            if strangers:
                what = "cars" if self.by == "car" else "photos"
                raise DataError(
                    f"{len(strangers)} {what} of {dataset.name} are not in the split (first "
                    f"{strangers[0]!r}); it was made for other data. Use that data, or part 'all'."
                )
            here = val if part == "val" else train
            chosen += [sample for sample in dataset.samples if self.divided(sample) in here]
        return chosen

    def sides_of(self, family: str) -> tuple[set[str], set[str]]:
        """Returns the names of a family on the training side and on the validation side."""
        if self.by == "car":
            sides = self.train_cars, self.val_cars
        else:
            sides = self.train_images, self.val_images
        return set(sides[0].get(family, ())), set(sides[1].get(family, ()))

    def divided(self, sample: Sample) -> str:
        """Returns the name by which a sample is found on a side."""
        return sample.car if self.by == "car" else divided_photo(sample)

    def trained(self) -> TrainedCars:
        """Returns all cars that a network of this split was ever trained on."""
        now, before = self._trained_now(), self.before
        cars = {
            family: tuple(sorted({*now.cars.get(family, ()), *before.cars.get(family, ())}))
            for family in sorted({*now.cars, *before.cars})
        }
        both = {*now.drawings.items(), *before.drawings.items()}
        drawings = {  # where one side has cars of the family from elsewhere, none is known
            family: drawing
            for family, drawing in both
            if all(s.drawings.get(family) == drawing for s in (now, before) if family in s.cars)
        }
        return TrainedCars(cars, now.digests | before.digests, drawings, before.complete)

    def save(self, path: Path) -> None:
        """Writes the split with its fingerprint and verdict as JSON."""
        facts: dict[str, Any] = {
            "fingerprint": self.fingerprint(),
            "verdict": self.verdict().to_json(),
            "seed": self.seed,
            "by": self.by,
            "train_cars": _plain(self.train_cars),
            "val_cars": _plain(self.val_cars),
        }
        if self.by == "random":
            facts["train_images"] = _plain(self.train_images)
            facts["val_images"] = _plain(self.val_images)
        facts["before"] = _plain(self.before.cars)
        facts["before_complete"] = self.before.complete
        facts["before_digests"] = sorted(self.before.digests)
        facts["before_drawings"] = dict(self.before.drawings)
        facts["drawings"] = dict(self.drawings)
        facts["digests"] = _plain(self.digests)
        write_bytes_atomically(path, (json.dumps(facts, indent=1) + "\n").encode())

    def _trained_now(self) -> TrainedCars:
        cars = {car for side in self.train_cars.values() for car in side}
        digests = (digest for car in cars for digest in self.digests.get(car, ()))
        return TrainedCars(self.train_cars, frozenset(digests), self.drawings)


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
    before_digests: tuple[str, ...] = ()
    before_drawings: dict[str, str] = Field(default_factory=dict)
    before_complete: bool = True
    drawings: dict[str, str] = Field(default_factory=dict)
    digests: Sides = Field(default_factory=dict)


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
    split = Split(
        val_cars=facts.val_cars,
        train_cars=facts.train_cars,
        seed=facts.seed,
        by=facts.by,  # type: ignore[arg-type]  # checked above
        val_images=facts.val_images,
        train_images=facts.train_images,
        before=TrainedCars(
            _composed(facts.before),
            frozenset(facts.before_digests),
            facts.before_drawings,
            facts.before_complete,
        ),
        digests=facts.digests,
        drawings=facts.drawings,
    )
    if facts.fingerprint != split.fingerprint():
        raise DataError(f"The split {path} was changed by hand: its fingerprint does not fit.")
    return replace(
        split,
        val_cars=_composed(split.val_cars),
        train_cars=_composed(split.train_cars),
        val_images=_composed(split.val_images),
        train_images=_composed(split.train_images),
    )


def _composed(sides: Sides) -> Sides:
    """Returns sides with all names in NFC, as data folders have them."""
    return {composed(family): tuple(map(composed, names)) for family, names in sides.items()}


def _kind(shared: int, *, complete: bool) -> Literal["clean", "unknown", "leaky"]:
    if shared:
        return "leaky"
    return "clean" if complete else "unknown"


def _plain(sides: Digests) -> dict[str, list[str]]:
    return {family: sorted(names) for family, names in sides.items()}
