"""Reviewing: each photo is predicted by networks that have not seen its car, and scored.

A review's folder holds a row a photo (`training.review.rows`) and the predicted masks. The same
review in the same folder goes on where it stopped, and scores only what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.edit_facts import mask_digest, photo_digest
from core.errors import CarmaskError, DataError, reason
from core.files import write_bytes_atomically
from core.image import encode_png
from core.masks import Mask, MaskSettings, mask_from_probability
from core.photos import PhotoSource
from core.truth import Truth
from core.uncertainty import disagreement
from training.data.cars import car_of
from training.data.folder import Sample, view_of
from training.data.sides import photo_digests
from training.health.facts import perceptual_hash
from training.review.judges import Judge, unseen
from training.review.rows import MASKS, Extent, ReviewRow, RowFile
from training.review.scores import label_scores

_THIN = 0.05
"""Of the widest row: rows with less of the car are an antenna, which some label and some don't."""
Progress = Callable[[int, int], None]
Photo = NDArray[np.uint8]
Item = TypeVar("Item")


def review_labels(
    samples: Sequence[Sample], judges: Sequence[Judge], folder: Path, progress: Progress
) -> list[ReviewRow]:
    """Returns a row for each labelled photo, in their order.

    A photo whose car every judge was trained on, or may have been, is not predicted. One that
    can't be read has a row that says why.

    Args:
        samples: The photos.
        judges: The networks; of those that a car is new to the first one predicts, and where there
            is a second one, the two are compared.
        folder: Of the review; made if it is missing.
        progress: Called with (photos done, photos in all).

    Raises:
        DataError: The folder can't be written.
        CheckpointError: A network's weights are damaged.
    """
    digests = photo_digests(samples)

    def begun(sample: Sample) -> ReviewRow:
        return ReviewRow(sample.source, sample.name, sample.car, view_of(sample.name))

    def scored(sample: Sample, known: ReviewRow | None, rows: RowFile) -> ReviewRow:
        photo, truth = sample.read_truth()
        label = truth.car
        row = replace(
            begun(sample),
            photo=photo_digest(photo),
            mask=mask_digest(label),
            label=extent_of(label),
        )
        return _predicted(row, known, photo, truth, unseen(judges, sample, digests)[:2], rows)

    return _row_by_row(samples, begun, scored, folder, progress)


def review_photos(
    photos: Sequence[PhotoSource],
    source: str,
    judges: Sequence[Judge],
    folder: Path,
    progress: Progress,
) -> list[ReviewRow]:
    """Returns a row for each photo without a label, in their order; see `review_labels`.

    Args:
        photos: The photos.
        source: What their folder is called.
        judges: The networks: the first one predicts, a second one is compared with it.
        folder: Of the review; made if it is missing.
        progress: Called with (photos done, photos in all).
    """

    def begun(photo: PhotoSource) -> ReviewRow:
        name = photo.name.rpartition(".")[0] or photo.name
        return ReviewRow(source, photo.name, car_of(name), view_of(name))

    def scored(photo: PhotoSource, known: ReviewRow | None, rows: RowFile) -> ReviewRow:
        pixels = photo.read()
        luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        row = replace(begun(photo), photo=photo_digest(pixels), hash=perceptual_hash(luma))
        return _predicted(row, known, pixels, None, judges[:2], rows)

    return _row_by_row(photos, begun, scored, folder, progress)


def _row_by_row(
    items: Sequence[Item],
    begun: Callable[[Item], ReviewRow],
    scored: Callable[[Item, ReviewRow | None, RowFile], ReviewRow],
    folder: Path,
    progress: Progress,
) -> list[ReviewRow]:
    """Returns the rows of photos; what is new is on the disk before the next one is begun."""
    rows = RowFile(folder)
    try:
        (folder / MASKS).mkdir(parents=True, exist_ok=True)
        known = {row.key: row for row in rows.read()}
        found = []
        for done, item in enumerate(items, start=1):
            start = begun(item)
            try:
                row = scored(item, known.get(start.key), rows)
            except CarmaskError as error:
                row = replace(start, error=str(error))
            if row != known.get(row.key):
                rows.add(row)
            found.append(row)
            progress(done, len(items))
        rows.write(found)
        _remove_old_masks(rows, found)
    except OSError as error:
        raise DataError(
            f"The review's folder {folder} can't be written ({reason(error)}). Make room, or give "
            "another one with --out; what is done is kept."
        ) from error
    return found


def _predicted(
    row: ReviewRow,
    known: ReviewRow | None,
    photo: Photo,
    truth: Truth | None,
    judges: Sequence[Judge],
    rows: RowFile,
) -> ReviewRow:
    """Returns a row with its prediction; what is known of the same pixels is taken over."""
    row = replace(
        row,
        network="+".join(judge.fingerprint for judge in judges),
        by=judges[0].name if judges else "",
    )
    if not judges:
        return row
    if known is not None and _is_same(row, known) and rows.mask_path(known).is_file():
        return replace(known, car=row.car, view=row.view, by=row.by)
    predictions = [judge.model.predict(photo) for judge in judges]
    first, whole = predictions[0], [each.at_size(*photo.shape[:2]) for each in predictions]
    threshold = judges[0].subject.threshold
    mask = mask_from_probability(whole[0], MaskSettings(threshold))
    row = replace(
        row,
        predicted=mask_digest(mask),
        uncertainty=first.uncertainty,
        limit=first.limit,
        disagreement=disagreement(*whole) if len(whole) == 2 else None,
    )
    if truth is not None:
        scores = label_scores(truth, first.probability, threshold)
        row = replace(row, gross=scores.gross, edge=scores.edge, soft_minimum=scores.soft_minimum)
    write_bytes_atomically(rows.mask_path(row), encode_png(mask))
    return row


def _is_same(row: ReviewRow, known: ReviewRow) -> bool:
    return (row.photo, row.mask, row.network) == (known.photo, known.mask, known.network)


def extent_of(mask: Mask) -> Extent | None:
    """Returns where a label lies; None where it is empty."""
    columns, rows = mask.sum(axis=0, dtype=np.int64), mask.sum(axis=1, dtype=np.int64)
    area = int(columns.sum())
    if not area:
        return None
    height, width = mask.shape
    tall = np.flatnonzero(rows >= _THIN * rows.max())
    return Extent(
        area=area / mask.size,
        height=float(tall[-1] + 1 - tall[0]) / height,
        centre_x=float(columns @ (np.arange(width) + 0.5)) / area / width,
        centre_y=float(rows @ (np.arange(height) + 0.5)) / area / height,
    )


def _remove_old_masks(rows: RowFile, found: Sequence[ReviewRow]) -> None:
    kept: Mapping[str, None] = dict.fromkeys(f"{row.predicted}.png" for row in found)
    for path in (rows.folder / MASKS).glob("*.png"):
        if path.name not in kept:
            with suppress(OSError):
                path.unlink()
