"""The scenes of a training, by kind, and the masks that networks made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.errors import DataError
from core.predict import load_predictor
from training.augment.composite import Backgrounds
from training.clicks.config import ClickConfig
from training.clicks.scenes import Scene, composite_scene, photo_scene
from training.data.folder import Sample, open_datasets
from training.data.sides import Part, Split, load_split

SHARES = {"photos": 0.45, "composites": 0.37, "cars": 0.13, "empty": 0.05}
"""Of the samples, by kind of scene."""
_GUESS_SIZE = 320
"""Grid of the networks whose masks are corrected: a coarse one makes the more mistakes."""
_EMPTY = 150
"""Most photos without a car that are held."""


def click_scenes(
    config: ClickConfig, part: Part, report: Callable[[str], None]
) -> list[tuple[float, list[Scene]]]:
    """Returns the scenes of one side of the split, by kind, with the share of each kind.

    Args:
        config: Folders and split.
        part: "train" or "val"; of the latter a tenth as many composites are made.
        report: Called with each line of progress.

    Raises:
        DataError: A folder or the split can't be read, or a kind has no photo.
    """
    split = load_split(Path(config.split))
    rng = np.random.default_rng([config.seed, part == "val"])
    instances = Path(config.instances) if config.instances else None
    scenes: dict[str, list[Scene]] = {name: [] for name in SHARES}
    for sample in _samples(config.data, split, part):
        scene = photo_scene(sample, instances)
        scenes["photos" if scene.numbers else "empty"].append(scene)
    kept = rng.permutation(len(scenes["empty"]))[:_EMPTY]
    scenes["empty"] = [scenes["empty"][place] for place in kept]
    whole = _samples(config.cars, split, part)
    if not whole or not scenes["photos"]:
        raise DataError(f"The split's side {part} has no photo of a car; choose other data.")
    backgrounds = Backgrounds(Path(config.backgrounds))
    count = config.composites if part == "train" else max(1, config.composites // 10)
    for _ in range(count):
        scenes["composites"].append(composite_scene(whole, backgrounds, rng))
    for place in rng.permutation(len(whole))[: count // 3]:
        scenes["cars"].append(photo_scene(whole[place]))
    every = [scene for kind in scenes.values() for scene in kind]
    report(f"{part}: {', '.join(f'{len(kind)} {name}' for name, kind in scenes.items())}")
    for run in config.masks_of:
        predictor = load_predictor(Path(run), "cpu").on_grid(_GUESS_SIZE)
        for scene in every:
            probability = predictor(scene.photo)
            scene.guesses.append(probability >= rng.uniform(0.25, 0.75))
        report(f"{part}: masks of {run}")
    return [(SHARES[name], kind) for name, kind in scenes.items()]


def _samples(folders: tuple[str, ...], split: Split, part: Part) -> list[Sample]:
    return split.select(open_datasets(Path(folder) for folder in folders), part)
