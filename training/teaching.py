"""Teaching: a network goes on with corrected photos and a replay of its own data.

Always from the base and on all corrected photos, never from a taught network: small steps from one
to the next would drift away from what it could do. Corrected photos make half of what the network
sees; the photos to check on, and the base's validation cars, are never learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from core.checkpoint import SUFFIX, find_checkpoint, read_info
from core.errors import CarmaskError, ConfigError, RunError
from core.files import Facts, read_facts, write_bytes_atomically
from core.names import composed, first_few
from training.config import TrainConfig
from training.data.folder import Dataset, Reading, Sample, open_datasets
from training.data.portions import epoch_samples, read_portion
from training.data.sides import Sides, Split, load_split, photo_digests
from training.presets import fast_precision
from training.runs.runlog import create_run, read_config, usual_name

FILE = "teach.json"
"""In a taught run's folder: what it learnt from, and what it is checked on."""
RECIPE = "robust"
"""How corrected photos are augmented: there are few of them."""
MINUTES = 15.0
LEARNING_RATE = 3e-4
EMA = 0.99
START_SHARE = 0.3
"""Of the base's weights in the taught ones; docs/editing.md has what was measured."""
_MOST = 10_000
"""Times that an epoch can see a photo."""


class Teaching(Facts):
    """What is stored of a taught run; data folders by their names."""

    corrected: tuple[str, ...] = ()
    """The data folders of corrected photos."""
    photos: int = 0
    """Corrected photos that it learnt from."""
    replay: tuple[str, ...] = ()
    """Those of the base that were replayed."""
    check: tuple[str, ...] = ()
    """Those that it is checked on and never learnt from."""


@dataclass(frozen=True)
class TeachPlan:
    """A taught run before it begins."""

    config: TrainConfig
    split: Split
    facts: Teaching
    notes: tuple[str, ...] = ()
    """What a person should know, a sentence each."""


@dataclass(frozen=True)
class CheckSet:
    """Photos that neither the base nor a taught run may have learnt from."""

    title: str
    folders: tuple[Path, ...]
    reading: Reading
    split: Path
    """The taught run's; its side "val" has the photos."""


def base_of(start: Path, workspace: Path = Path()) -> Path:
    """Returns the checkpoint or run to teach: of a taught one the base that it came from.

    Args:
        start: A checkpoint or a run's folder.
        workspace: Folder from which runs' relative paths are counted.
    """
    passed: set[Path] = set()
    while (run := _run_of(start)) is not None and read_teaching(run) and run not in passed:
        passed.add(run)
        start = workspace / read_config(run).start_from
    return start


def read_teaching(run: Path) -> Teaching | None:
    """Returns what a taught run learnt from; None of any other run."""
    return read_facts(run / FILE, Teaching).facts if (run / FILE).is_file() else None


def plan_teaching(
    start: Path,
    corrected: Sequence[Path],
    *,
    check: Sequence[Path] = (),
    replay: Sequence[Path] | None = None,
    photos: int = 0,
    **settings: Any,
) -> TeachPlan:
    """Returns how a network is taught corrected photos; nothing is written.

    Args:
        start: A checkpoint or a run's folder; of a taught one the base is taken.
        corrected: Data folders with corrected photos; all of their photos are learnt from, but for
            cars that the base or `check` holds out.
        check: Data folders with photos to check on.
        replay: Data folders of the base, whose split stays; None for those that are still there.
        photos: Learn from so many of the corrected photos alone; 0 takes all.
        settings: Fields of TrainConfig, such as minutes.

    Raises:
        CheckpointError: There is no such checkpoint.
        DataError: A data folder can't be used.
        ConfigError: No corrected photo is left, or no photo to check on.
    """
    base = base_of(start)
    own, held = _settings_of(base), _split_of(base)
    notes = [] if base == start else [f"{start} was taught itself, so its base {base} is taught."]
    if replay is None:
        here = [Path(each) for each in own.data if held.train_cars and Path(each).is_dir()]
        learning = {folder.resolve() for folder in corrected}
        replay = [folder for folder in here if folder.resolve() not in learning]
    if not replay:
        notes.append("Nothing of what the base knows is replayed: it may forget some of it.")
    known = {folder.resolve() for folder in replay}
    check = [folder for folder in check if folder.resolve() not in known]  # its split has a side
    config = _teaching_settings(own, base, (corrected, replay, check), settings)
    datasets = iter(open_datasets(map(Path, config.data), config.reading()))
    learnt, replayed, checked = (
        [next(datasets) for _ in folders] for folders in (corrected, replay, check)
    )
    split = _divided(learnt, replayed, checked, held)
    if not any(split.val_cars.values()):
        raise ConfigError(
            "There is no photo to check the taught network on: give --check DIR, labelled photos "
            "that it is not to learn from, or --replay DIR, data of the base."
        )
    taught, kept = (split.select(learnt, part) for part in ("train", "val"))
    if kept:
        shown = first_few([sample.name for sample in kept], 3)
        notes.append(f"Not learnt from, as their cars are held out: {shown}")
    if not taught:
        raise ConfigError("No corrected photo is left to learn from: all show held-out cars.")
    if 0 < photos < len(taught):
        order = np.random.default_rng(config.seed).permutation(len(taught))
        kept += [taught[place] for place in order[photos:]]
        taught = [taught[place] for place in sorted(order[:photos])]
    dropped = ["/".join(sample.key) for sample in kept]
    config = replace(config, leave_out=(*config.leave_out, *dropped))
    names = [each.name for each in replayed]
    portions = [each for each in own.repeat if read_portion(each).name in names]
    repeat = _halves(taught, split.select(replayed, "train"), portions)
    facts = Teaching(
        corrected=tuple(each.name for each in learnt),
        photos=len(taught),
        replay=tuple(each.name for each in replayed),
        check=tuple(each.name for each in checked),
    )
    return TeachPlan(replace(config, repeat=repeat), split, facts, tuple(notes))


def create_taught_run(plan: TeachPlan, runs: Path, name: str | None) -> Path:
    """Returns the folder of a new run that `fit --resume` trains.

    Raises:
        ConfigError: The name can't be a folder's.
        RunError: A run of this name exists, or the folder of runs can't be written.
    """
    folder = runs / (name or f"taught-{usual_name()}")
    config = replace(plan.config, split=str(folder / "split.json"))
    with create_run(runs, folder.name, config):
        plan.split.save(folder / "split.json")
        write_bytes_atomically(folder / FILE, to_json(plan.facts, indent=1) + b"\n")
    return folder


def check_sets(run: Path, config: TrainConfig, workspace: Path = Path()) -> list[CheckSet]:
    """Returns what a taught run is compared with its base on: new photos, and the base's data.

    Args:
        run: The taught run's folder.
        config: Its settings.
        workspace: Folder from which their relative paths are counted.
    """
    teaching = read_teaching(run) or Teaching()
    folders = {_name(workspace / folder): workspace / folder for folder in config.data}
    found = []
    for title, names in (("new photos", teaching.check), ("its own data", teaching.replay)):
        here = [name for name in names if name in folders]
        if here:
            reading = _of_these(config, here).reading(workspace)
            places = tuple(folders[name] for name in here)
            found.append(CheckSet(title, places, reading, run / "split.json"))
    return found


def _teaching_settings(
    own: TrainConfig, base: Path, folders: Sequence[Sequence[Path]], settings: Mapping[str, Any]
) -> TrainConfig:
    """Returns the base's settings with those of a short training at a low learning rate.

    Args:
        own: How the base was trained.
        base: The base.
        folders: Corrected photos, the base's data, and photos to check on.
        settings: What a person chose.
    """
    usual: dict[str, Any] = {
        "data": tuple(str(folder) for group in folders for folder in group),
        "split": "",
        "split_by": "car",
        "start_from": str(base),
        "repeat": (),
        "epochs": 0,
        "images": 0,
        "minutes": MINUTES,
        "patience": 0,
        "learning_rate": LEARNING_RATE,
        "schedule": "cosine",
        "warmup_steps": 20,
        "ema": EMA,
        "start_share": START_SHARE,
        "validate_every": 100_000,  # the last epoch is always validated
        "checkpoint_every": 0,
        "precision": fast_precision(),
        "seed": 0,
        "threads": 0,
        "device": "auto",
    }
    config = _of_these(own, [_name(folder) for folder in folders[1]])
    return replace(config, **usual | dict(settings))


def _of_these(config: TrainConfig, names: Sequence[str]) -> TrainConfig:
    """Returns settings in which only these data folders are named as read in a special way."""
    return replace(
        config,
        inverted_masks=tuple(each for each in config.inverted_masks if each in names),
        leave_out=tuple(each for each in config.leave_out if each.partition("/")[0] in names),
    )


def _run_of(start: Path) -> Path | None:
    """Returns the run of a checkpoint; None of a file that lies in no run."""
    run = start.resolve().parent.parent if start.suffix == SUFFIX else start
    return run if (run / "config.json").is_file() else None


def _settings_of(base: Path) -> TrainConfig:
    """Returns the settings that a base was trained with; of a loose file its architecture."""
    info = read_info(find_checkpoint(base))
    run = _run_of(base)
    try:
        own = read_config(run) if run is not None else TrainConfig()
    except RunError:  # written by another version
        own = TrainConfig()
    model = info.model
    return replace(
        own,
        size=info.preprocessing.size,
        width=model.width,
        depth=model.depth,
        widest=model.widest,
        padding=model.padding,
        norm=model.norm,
        stem=model.stem,
        dropout=model.dropout,
    )


def _split_of(base: Path) -> Split:
    """Returns the split of a base's run; an empty one where there is none."""
    run = _run_of(base)
    try:
        split = load_split(run / "split.json") if run is not None else Split({}, {})
    except CarmaskError:
        return Split({}, {})
    if split.by != "car":
        raise ConfigError(
            f"{base} was trained with a split by photo, so its held-out photos show cars that it "
            "knows; teach a network with a split by car."
        )
    return split


def _divided(
    learnt: Sequence[Dataset], replayed: Sequence[Dataset], checked: Sequence[Dataset], held: Split
) -> Split:
    """Returns the split of a taught run: what is held out by the base or checked on stays so."""
    held.select(replayed, "val")  # refuses cars that the base's split does not know
    kept = {car for cars in held.val_cars.values() for car in cars}
    kept |= {car for dataset in checked for car in dataset.cars}
    outside = [sample for dataset in (*replayed, *checked) for sample in dataset.samples]
    digests = photo_digests(sample for sample in outside if sample.car in kept)
    photos = {digest for car in digests.values() for digest in car}
    own = photo_digests(sample for dataset in learnt for sample in dataset.samples)
    val: dict[str, set[str]] = {}
    train: dict[str, set[str]] = {}
    for dataset in (*learnt, *replayed, *checked):
        known = set(held.val_cars.get(dataset.family, ()))
        for car in dataset.cars:
            if dataset in checked:
                is_kept = True
            elif dataset in replayed:
                is_kept = car in known
            else:
                is_kept = car in kept or not photos.isdisjoint(own.get(car, ()))
            (val if is_kept else train).setdefault(dataset.family, set()).add(car)
    return Split(_sides(val), _sides(train))


def _sides(cars: dict[str, set[str]]) -> Sides:
    return {family: tuple(sorted(names)) for family, names in sorted(cars.items())}


def _halves(
    taught: Sequence[Sample], replayed: Sequence[Sample], portions: Sequence[str]
) -> tuple[str, ...]:
    """Returns portions by which corrected photos are about half of what an epoch sees.

    Args:
        taught: The corrected photos.
        replayed: The base's training photos.
        portions: In which the base saw them.
    """
    config = TrainConfig(repeat=tuple(portions))
    many = len(epoch_samples(replayed, config.portions, ())) if replayed else len(taught)
    times = min(_MOST, max(1, round(many / len(taught))))
    often = min(_MOST, max(1, round(len(taught) / many)))
    sources = dict.fromkeys(sample.source for sample in taught)
    found = [f"{name}={times}:{RECIPE}" for name in sources]
    if often == 1:
        return (*found, *portions)
    again = dict.fromkeys(sample.source for sample in replayed)
    return (*found, *(f"{name}={often}" for name in again))


def _name(folder: Path) -> str:
    return composed(folder.resolve().name)
