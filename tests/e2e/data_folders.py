"""Writes the data folders that the Dataset page is looked at with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.faulty_folder import write_faulty_folder
from tests.training.layout_folders import (
    write_augmented,
    write_carvana,
    write_coco,
    write_paired,
    write_voc,
)
from training.config import TrainConfig
from training.data.folder import Sample, open_dataset
from training.data.splits import split_by_car
from training.health import index
from training.health.facts import measure_with_picture
from training.health.index import Measured

SIZE = (96, 128)
MANY = 100_000
_DIFFERENT = 50


def write_folders(root: Path) -> dict[str, set[str]]:
    """Writes a folder of each kind; returns what is wrong with faults/, names by finding."""
    write_carvana(root / "tiny_carvana", 8, 4, SIZE)
    write_coco(root / "tiny_coco", 3, 2, SIZE)
    write_voc(root / "tiny_voc", 3, 2, SIZE)
    write_augmented(root / "tiny_augmented", 8, 4, SIZE, versions=3, source="tiny_carvana")
    (root / "nothing").mkdir()
    return write_faulty_folder(root / "faults")


def write_run(folder: Path, data: Path, place: Path | None = None) -> None:
    """Writes as much of a run as tells what its network sees.

    Args:
        folder: The run's folder.
        data: What it is split on.
        place: Where the run thinks that the data are, if not there.
    """
    folder.mkdir(parents=True)
    config = TrainConfig(data=(str(place or data),), size=64, recipe="light", batch=4)
    (folder / "config.json").write_text(json.dumps(asdict(config)), encoding="utf-8")
    split_by_car([open_dataset(data)], 0.25, 0).save(folder / "split.json")


def write_many(root: Path) -> None:
    """Writes 100,000 tiny pairs: links to fifty different ones, as no more is to be shown."""
    write_paired(root / "few", _DIFFERENT // 2, 2, (32, 32))
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        files = sorted((root / "few" / kind).iterdir())
        (root / "many" / kind).mkdir(parents=True)
        for number in range(MANY):
            name = f"car{number // 16:05}_{number % 16 + 1:02}.{suffix}"
            os.link(files[number % _DIFFERENT], f"{root}/many/{kind}/{name}")


def fill_index(root: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes facts of all photos to an index; measures fifty, the others have theirs."""
    samples = open_dataset(root).samples
    known = [measure_with_picture(sample) for sample in samples[:_DIFFERENT]]
    random = np.random.default_rng(0).integers(0, 2**63, len(samples))

    def measured(missing: Sequence[Sample], *_: object) -> Iterator[list[tuple[Sample, Measured]]]:
        for start in range(0, len(missing), 5000):
            chunk = []
            for place, sample in enumerate(missing[start : start + 5000], start):
                facts, picture = known[place % _DIFFERENT]
                facts = replace(facts, digest=f"{place:064x}", phash=int(random[place]))
                chunk.append((sample, (facts, picture)))
            yield chunk

    with monkeypatch.context() as patched:
        patched.setattr(index, "measure_all", measured)
        filled = index.FactsIndex(file)
        filled.update(samples)
        filled.close()
