"""What a training learns from: its data, split in two, and the facts that checkpoints carry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.data.folder import Dataset, Sample, open_datasets
from training.data.lineage import split_of
from training.data.portions import epoch_samples
from training.data.sides import Split


@dataclass(frozen=True)
class Material:
    """Data and split of a run, read once: the files may change while it goes on."""

    datasets: tuple[Dataset, ...]
    split: Split
    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    epoch: tuple[Sample, ...]
    """What an epoch sees: `train`, the photos of repeated data folders more than once."""
    facts: dict[str, dict[str, Any]]
    """Fingerprint, layout and counts of each data folder by its name."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """What tells whether a folder's files are the same as before."""
        return {name: str(facts["fingerprint"]) for name, facts in self.facts.items()}

    @property
    def split_facts(self) -> dict[str, Any]:
        """The split as a checkpoint tells it."""
        return {
            "fingerprint": self.split.fingerprint(),
            "verdict": self.split.verdict().to_json(),
            "train_images": len(self.train),
            "val_images": len(self.val),
        }


def open_material(config: TrainConfig, split: Split | None) -> Material:
    """Returns the data of a run.

    Args:
        config: Folders and how they are read and split.
        split: The run's own, where it has one already.

    Raises:
        DataError: The data can't be used.
        ConfigError: They can't be split as the settings ask.
    """
    datasets = open_datasets([Path(folder) for folder in config.data], config.reading())
    split = split or split_of(config, datasets)
    train = split.select(datasets, "train")
    return Material(
        datasets=tuple(datasets),
        split=split,
        train=tuple(train),
        val=tuple(split.select(datasets, "val")),
        epoch=epoch_samples(train, config.portions, config.data),
        facts={dataset.name: _facts(dataset) for dataset in datasets},
    )


def _facts(dataset: Dataset) -> dict[str, Any]:
    return {
        "fingerprint": dataset.fingerprint(),
        "layout": dataset.layout,
        "images": len(dataset.samples),
        "cars": len(dataset.cars),
    }
