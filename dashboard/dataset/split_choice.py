"""The split that a person looks at: its settings in the URL, its sides, its verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from dashboard.dataset.sources import Opened
from dashboard.ui.folders import run_files, runs_folder
from training.config import TrainConfig
from training.data.sides import Split, load_split
from training.data.splits import split_at_random, split_by_car
from training.health.survey import Survey

WAYS = ("By car", "Random", "From a run")
"""How photos can be split; the first one is usual."""
VAL_SHARES = (0.05, 0.5)
"""Least and largest share that can be kept for validation."""
HIGHEST_SEED = 2**31 - 1
_USUAL = TrainConfig()


@dataclass(frozen=True)
class SplitChoice:
    """Every setting of a split; each is in the URL where it differs from the usual."""

    split: str = WAYS[0]
    val_share: float = _USUAL.val_share
    split_seed: int = _USUAL.seed
    stratify: bool = False
    """Whether both sides shall show cars of the same sizes."""
    run: str = ""
    """Name of the run whose split is shown."""


@dataclass(frozen=True)
class Sides:
    """What a split makes of one data folder."""

    split: Split
    train: frozenset[str]
    """Names of the photos that are trained on."""
    val: frozenset[str]
    """Names of the photos that are kept for validation."""
    train_cars: int
    val_cars: int


def chosen_split() -> SplitChoice:
    """Returns the settings that the URL holds; what makes no sense there is left out."""
    found: dict[str, object] = {}
    for each in fields(SplitChoice):
        text = st.query_params.get(each.name)
        if text is not None:
            try:
                found[each.name] = _READERS[each.name](text)
            except ValueError:
                continue
    choice = SplitChoice(**found)  # type: ignore[arg-type]
    if choice.split == WAYS[2]:
        runs = runs_with_split()
        if choice.run not in runs:
            return replace(choice, run=runs[0]) if runs else SplitChoice()
    return choice if choice.split in WAYS else SplitChoice()


def write_split(word: str) -> None:
    """Writes the widget of a setting to the URL; what is usual isn't written. A callback."""
    value = st.session_state[f"{word}_choice"]
    if value == getattr(SplitChoice(), word):
        st.query_params.pop(word, None)
    else:
        st.query_params[word] = str(value)


def runs_with_split() -> list[str]:
    """Returns the names of the runs that have a split, newest first."""
    found = run_files("*/split.json")
    return [path.parent.name for path in sorted(found, key=lambda p: -p.stat().st_mtime_ns)]


def sides_of(opened: Opened, survey: Survey, choice: SplitChoice) -> Sides:
    """Returns both sides of the folder.

    Raises:
        CarmaskError: The folder can't be split in this way; the message says why.
    """
    stamp = 0
    if choice.split == WAYS[2]:
        path = runs_folder() / choice.run / "split.json"
        stamp = path.stat().st_mtime_ns if path.is_file() else 0
    if choice.stratify and choice.split == WAYS[0] and not survey.measured:
        raise CarmaskError("Car sizes can be balanced once all photos are measured.")
    return _sides(f"{opened.key}\0{choice!r}\0{stamp}", opened, survey, choice)


def split_file(split: Split) -> bytes:
    """Returns the split's file, as `python -m training fit --split` takes it."""
    with tempfile.TemporaryDirectory(prefix="carmask-") as folder:
        path = Path(folder) / "split.json"
        split.save(path)
        return path.read_bytes()


@st.cache_resource(max_entries=16, show_spinner=False)
def _sides(key: str, _opened: Opened, _survey: Survey, _choice: SplitChoice) -> Sides:
    """Returns both sides; `key` changes when they would."""
    datasets = [_opened.dataset]
    split = _split(_opened, _survey, _choice)
    train, val = split.select(datasets, "train"), split.select(datasets, "val")
    return Sides(
        split,
        frozenset(sample.name for sample in train),
        frozenset(sample.name for sample in val),
        len({sample.car for sample in train}),
        len({sample.car for sample in val}),
    )


def _split(opened: Opened, survey: Survey, choice: SplitChoice) -> Split:
    if choice.split == WAYS[2]:
        return load_split(runs_folder() / choice.run / "split.json")
    datasets, share, seed = [opened.dataset], choice.val_share, choice.split_seed
    if choice.split == WAYS[1]:
        return split_at_random(datasets, share, seed)
    shares = None
    if choice.stratify and survey.table is not None:
        means = survey.table.groupby("car")["share"].mean()
        shares = {(opened.dataset.family, str(car)): float(mean) for car, mean in means.items()}
    return split_by_car(datasets, share, seed, shares)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value


_READERS: dict[str, Callable[[str], object]] = {
    "split": str,
    "val_share": lambda text: _within(float(text), *VAL_SHARES),
    "split_seed": lambda text: int(_within(int(text), 0, HIGHEST_SEED)),
    "stratify": lambda text: text == "True",
    "run": str,
}
