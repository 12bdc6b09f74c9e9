"""A finished review, written without a network: every prediction is the label, some are doubted."""

from __future__ import annotations

import json
from pathlib import Path

from core.edit_facts import mask_digest, photo_digest
from core.image import encode_png, read_image
from training.data.folder import Reading, open_dataset
from training.jobs.review import ReviewRequest
from training.review.rows import MASKS, Extent, ReviewRow, RowFile
from training.review.scores import Contradiction

FINGERPRINT = "f" * 64


def write_review(root: Path, checkpoint: Path, suspected: dict[str, float]) -> ReviewRequest:
    """Writes the review of a folder of labelled photos, in which some labels weigh so much."""
    request = ReviewRequest((root,), None, (checkpoint,), Reading())
    rows = RowFile(request.folder)
    (rows.folder / MASKS).mkdir(parents=True)
    for sample in open_dataset(root).samples:
        image, label = sample.read()
        weight = suspected.get(sample.name)
        gross = None
        if weight is not None:
            gross = Contradiction("missing", 120, 0.97, (10, 10, 20, 12), weight)
        row = ReviewRow(
            sample.source,
            sample.name,
            sample.car,
            photo=photo_digest(image),
            mask=mask_digest(label),
            network=FINGERPRINT,
            by="run/best",
            predicted=mask_digest(label),
            label=Extent(0.3, 0.5, 0.5, 0.5),
            gross=gross,
            soft_minimum=0.2,
        )
        rows.mask_path(row).write_bytes(encode_png(label))
        rows.add(row)
    _finish(request)
    return request


def write_photo_review(photos: Path, checkpoint: Path) -> ReviewRequest:
    """Writes the review of a folder of photos; the first is the most uncertain, all are so."""
    request = ReviewRequest(photos=photos, checkpoints=(checkpoint,))
    rows = RowFile(request.folder)
    (rows.folder / MASKS).mkdir(parents=True)
    for number, path in enumerate(sorted(photos.iterdir())):
        image = read_image(path)
        mask = image[..., 0] < 128
        row = ReviewRow(
            photos.name,
            path.name,
            photo=photo_digest(image),
            network=FINGERPRINT,
            by="run/best",
            predicted=mask_digest(mask),
            uncertainty=0.3 - number / 100,
            limit=0.02,
        )
        rows.mask_path(row).write_bytes(encode_png(mask))
        rows.add(row)
    _finish(request)
    return request


def _finish(request: ReviewRequest) -> None:
    (request.folder / "state.json").write_text(json.dumps({"status": "finished"}))
