"""Splits by car: no car ever stands on both sides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import ConfigError, DataError
from core.files import write_bytes_atomically
from training.data import Dataset, Sample

Part = Literal["train", "val"]


@dataclass(frozen=True)
class Split:
    """Which cars of which data folder are trained on and which are kept for validation."""

    val_cars: dict[str, tuple[str, ...]]
    """Cars kept for validation, by data folder."""
    train_cars: dict[str, tuple[str, ...]]
    """Cars trained on, by data folder."""
    seed: int = 0

    def fingerprint(self) -> str:
        """Returns a SHA-256 of both sides; the seed that led there does not matter."""
        sides = {"train": _plain(self.train_cars), "val": _plain(self.val_cars)}
        return hashlib.sha256(json.dumps(sides, sort_keys=True).encode()).hexdigest()

    def verdict(self) -> str:
        """Returns a sentence on leaks: cars that stand on both sides, counted."""
        shared = total = 0
        for source, cars in self.val_cars.items():
            total += len(cars)
            shared += len(set(cars) & set(self.train_cars.get(source, ())))
        if shared:
            return f"LEAKY: {shared} of {total} validation cars are also in train"
        return f"by car: {total} validation cars, none of them in train"

    def select(self, datasets: Sequence[Dataset], part: Part) -> list[Sample]:
        """Returns the samples of one side, in the data folders' order.

        Raises:
            DataError: A car of the data stands on neither side, so the split is of other data.
        """
        wanted = self.val_cars if part == "val" else self.train_cars
        chosen = []
        for dataset in datasets:
            here = set(wanted.get(dataset.name, ()))
            known = here | set(self.val_cars.get(dataset.name, ()))
            known |= set(self.train_cars.get(dataset.name, ()))
            strangers = sorted(set(dataset.cars) - known)
            if strangers:
                raise DataError(
                    f"{len(strangers)} cars of {dataset.name} are not in the split (first "
                    f"{strangers[0]!r}); it was made for other data. Use that data, or part 'all'."
                )
            chosen += [sample for sample in dataset.samples if sample.car in here]
        return chosen

    def save(self, path: Path) -> None:
        """Writes the split with its fingerprint and verdict as JSON."""
        facts = {
            "fingerprint": self.fingerprint(),
            "verdict": self.verdict(),
            "seed": self.seed,
            "train_cars": _plain(self.train_cars),
            "val_cars": _plain(self.val_cars),
        }
        write_bytes_atomically(path, (json.dumps(facts, indent=1) + "\n").encode())


def split_by_car(datasets: Sequence[Dataset], val_share: float, seed: int) -> Split:
    """Returns a split of each data folder by its cars.

    Args:
        datasets: Data folders.
        val_share: Share of each folder's cars that is kept, rounded down, at least one.
        seed: Chooses which; each folder's choice depends on its own cars alone.

    Raises:
        ConfigError: A folder has fewer than two cars, so nothing could be kept.
    """
    val: dict[str, tuple[str, ...]] = {}
    train: dict[str, tuple[str, ...]] = {}
    for dataset in datasets:
        cars = dataset.cars
        if len(cars) < 2:
            raise ConfigError(
                f"{dataset.name} has {len(cars)} car; a split by car needs two or more. A car is "
                "the part of a photo's name before '_'."
            )
        order = np.random.default_rng(seed).permutation(len(cars))
        kept = max(1, int(len(cars) * val_share))
        val[dataset.name] = tuple(sorted(cars[i] for i in order[:kept]))
        train[dataset.name] = tuple(sorted(cars[i] for i in order[kept:]))
    return Split(val_cars=val, train_cars=train, seed=seed)


def load_split(path: Path) -> Split:
    """Returns a split from its file.

    Raises:
        DataError: The file is missing, damaged, or was changed after it was written.
    """
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        split = Split(
            val_cars={k: tuple(v) for k, v in facts["val_cars"].items()},
            train_cars={k: tuple(v) for k, v in facts["train_cars"].items()},
            seed=int(facts["seed"]),
        )
        written = facts["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The split {path} can't be read: {error}.") from error
    if written != split.fingerprint():
        raise DataError(f"The split {path} was changed by hand: its fingerprint does not fit.")
    return split


def _plain(sides: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {source: sorted(cars) for source, cars in sides.items()}
