"""Checkpoints with evaluations that no network made, for pages that compare them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.checkpoint import read_info, save_checkpoint
from core.model import UNet
from core.split_verdict import SplitVerdict
from tests.pages.untrained import write_checkpoint
from training.evaluation.images import EvaluationSettings
from training.evaluation.measure import Histograms, ImageRow
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    write_evaluation,
)
from training.evaluation.subjects import Subject, subject_of

FACTS = EvaluationFacts(
    key="",
    title="",
    fingerprints=(),
    flips=False,
    settings=EvaluationSettings(threshold=0.5),
    data="cars",
    data_fingerprint="d" * 64,
    part="val",
    split_fingerprint="s" * 64,
    verdict=SplitVerdict("clean", 0, 12, "car"),
    device="cpu",
    created="2026-01-02T03:04:05+00:00",
)
"""What a generated evaluation is of, where nothing else is said."""


def write_measured(
    runs: Path,
    run: str,
    *,
    dice: float = 0.9,
    name: str = "best",
    cars: int = 12,
    views: int = 3,
    seed: int = 0,
    **facts: object,
) -> Path:
    """Writes a checkpoint and what was measured of it; returns the checkpoint.

    Args:
        runs: The folder of runs.
        run: The run's name.
        dice: About its mean Dice; cars differ more than the views of one do.
        name: The checkpoint's.
        cars: Cars of the images.
        views: Images of each car.
        seed: Decides its own share in the figures; what cars and images add is always the same.
        facts: Changes `FACTS`.
    """
    path = runs / run / "checkpoints" / f"{name}.safetensors"
    if not path.parent.is_dir():
        path = write_checkpoint(runs, run, dice=dice)
    if path.stem != name or not path.is_file():
        path = path.with_name(f"{name}.safetensors")
    best = runs / run / "checkpoints" / "best.safetensors"
    info = replace(read_info(best), run=run, title=f"{run} {name}", epoch=seed + 1)
    torch.manual_seed(zlib.crc32(f"{run} {name} {seed}".encode()))  # other weights than all others
    save_checkpoint(path, UNet(info.model), info)
    rows = rows_of(dice, cars, views, seed)
    write_rows(subject_of(path), rows, **facts)
    return path


def write_rows(subject: Subject, rows: list[ImageRow], **facts: object) -> Path:
    """Writes rows as the evaluation of a subject and returns its file."""
    marks = [f"{subject.flips} {subject.cascade}", str(facts.get("data", FACTS.data))]
    about = {
        "key": "-".join([each[:8] for each in [*subject.fingerprints, *marks]]),
        "title": subject.title,
        "fingerprints": subject.fingerprints,
        "flips": subject.flips,
        "cascade": subject.cascade,
        "images": len(rows),
        "cars": len({(row.source, row.car) for row in rows}),
        "failed": sum(bool(row.error) for row in rows),
    }
    changed = replace(FACTS, **about | facts)  # type: ignore[arg-type]
    path = evaluation_path(subject, changed.key)
    write_evaluation(path, StoredEvaluation(changed, tuple(rows), histograms_of(rows)))
    return path


def rows_of(dice: float, cars: int, views: int, seed: int = 0) -> list[ImageRow]:
    """Returns rows with figures about a mean Dice."""
    shared, own = np.random.default_rng(99), np.random.default_rng(seed)
    rows = []
    for car in range(cars):
        of_car = shared.normal(0, 0.01)
        for view in range(1, views + 1):
            value = dice + of_car + shared.normal(0, 0.004) + own.normal(0, 0.002)
            value = min(max(value, 0.0), 1.0)
            rows.append(
                ImageRow(
                    source="cars",
                    image=f"car{car:02}_{view:02}",
                    car=f"car{car:02}",
                    view=f"{view:02}",
                    width=480,
                    height=320,
                    **_scores(value),
                    share=0.2 + 0.01 * car,
                    predicted_share=0.2 + 0.01 * car,
                    parts=1,
                    touches_border=view == 1,
                    brightness=0.3 + 0.02 * car,
                    true_positive=round(30_000 * value),
                    false_positive=round(30_000 * (1 - value)),
                    false_negative=round(30_000 * (1 - value)),
                    seconds=0.05,
                )
            )
    return rows


def histograms_of(rows: list[ImageRow]) -> Histograms:
    """Returns histograms of networks that are too sure; those of better rows less so."""
    bins = np.arange(101)
    sure = np.exp(-bins / 2.0) + 1e-3
    counts = np.zeros((len(rows), 2, 2, 101), np.int64)
    for place, row in enumerate(rows):
        spread = 0.0 if row.error else row.dice
        for region, pixels in ((0, 90_000), (1, 20_000)):
            for car, shape in ((0, sure), (1, sure[::-1])):
                mixed = spread * shape / shape.sum() + (1 - spread) / 101
                counts[place, region, car] = np.rint(pixels * mixed) * (not row.error)
    middle = np.minimum(bins / 100 + 0.005, 1.0)
    groups = np.minimum(bins // 5, 19)
    weights = counts.sum(axis=2) * middle
    sums = np.stack([weights[..., groups == each].sum(axis=-1) for each in range(20)], axis=-1)
    return Histograms(counts, np.round(sums, 2))


def _scores(dice: float) -> dict[str, float]:
    edge = max(0.0, 1 - 8 * (1 - dice))
    return {
        "dice": dice,
        "iou": dice / (2 - dice),
        "precision": dice,
        "recall": dice,
        "boundary_iou": max(0.0, 1 - 2 * (1 - dice)),
        "boundary_iou_3px": edge,
        "boundary_f1": edge,
        "boundary_f1_1px": 0.6 * edge,
        "boundary_f1_2px": 0.8 * edge,
        "hd95": 100 * (1 - dice),
        "assd": 20 * (1 - dice),
    }
