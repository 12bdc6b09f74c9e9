"""What a checkpoint was trained on, and the split of a new run, which keeps no car of that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.checkpoint import SUFFIX, find_checkpoint, read_info
from core.errors import CarmaskError, CheckpointError
from training.config import TrainConfig
from training.data.folder import Dataset
from training.data.sides import Split, TrainedCars, load_split, photo_digests
from training.data.splits import split_at_random, split_by_car
from training.runs.runlog import read_config

NO_RECORD = TrainedCars(complete=False)
"""What is known of a checkpoint outside a run, or of an imported one: nothing."""


def trained_before(start: Path) -> TrainedCars:
    """Returns the cars that a checkpoint and those before it were trained on.

    Args:
        start: A checkpoint file or a run's folder. A file outside its run has no record.

    Raises:
        CheckpointError: There is no checkpoint.
        DataError: The run's split file can't be read.
    """
    path = find_checkpoint(start).resolve()
    own = None
    with suppress(CheckpointError):  # whoever loads it says so
        own = str(read_info(path).split.get("fingerprint", ""))
    run = path.parent.parent
    if not (run / "split.json").is_file():
        return NO_RECORD
    split = load_split(run / "split.json")
    if own is not None and own != split.fingerprint():  # it was put into another run's folder
        return NO_RECORD
    return _with_starts(split, run, {run})


def split_of(
    config: TrainConfig,
    datasets: Sequence[Dataset],
    base: Path = Path(),
    *,
    record: bool = True,
) -> Split:
    """Returns the split of a new run: its file's, else one that is made here.

    Args:
        config: What the run is told.
        datasets: Its data folders, opened.
        base: Folder from which the run's relative paths are counted.
        record: Whether to take the digests of all photos, for which each file is read. Else they
            are taken only where the start recorded its own.

    Raises:
        ConfigError: The data can't be split as the settings ask.
        CheckpointError: There is no checkpoint to start from.
        DataError: A split file can't be read.
    """
    before = trained_before(base / config.start_from) if config.start_from else TrainedCars()
    samples = [sample for dataset in datasets for sample in dataset.samples]
    digests = photo_digests(samples) if record or before.digests else {}
    if config.split:
        split = load_split(base / config.split)
    elif config.split_by == "random":
        split = split_at_random(
            datasets, config.val_share, config.seed, keep_anchored=config.anchored == "any"
        )
    else:
        split = split_by_car(
            datasets,
            config.val_share,
            config.seed,
            before=before,
            digests=digests,
            keep_anchored=config.anchored == "any",
        )
    drawings = {each.family: each.drawing for each in datasets if each.drawing}
    return replace(split, before=before, digests=digests, drawings=drawings)


def _with_starts(split: Split, run: Path, passed: set[Path]) -> TrainedCars:
    """Returns what a run's network was trained on, with the runs that it goes back to.

    A run from before split files recorded that names its start in its settings.

    Args:
        split: The run's.
        run: Its folder.
        passed: The folders on the way here.
    """
    trained = split.trained()
    if split.before != TrainedCars():
        return trained
    try:
        start = read_config(run).start_from
    except CarmaskError:
        start = ""
    if not start:
        return trained
    earlier = _earlier(run, start, passed)
    return replace(split, before=earlier).trained()


def _earlier(run: Path, start: str, passed: set[Path]) -> TrainedCars:
    """Returns what a run's start was trained on; runs may have lost their weights meanwhile."""
    for base in (Path(), run.parent.parent):
        path = (base / start).resolve()
        folder = path.parent.parent if path.suffix == SUFFIX else path
        if folder in passed or not (folder / "split.json").is_file():
            continue
        with suppress(CarmaskError):
            split = load_split(folder / "split.json")
            return _with_starts(split, folder, passed | {folder})
    return NO_RECORD
