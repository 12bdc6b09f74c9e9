"""What a person takes home at the photo's full size; made when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO

from core.errors import CarmaskError
from core.results import (
    ResultRow,
    cutout_file,
    mask_file,
    overlay_file,
    result_files,
    result_row,
    write_zip,
)
from core.session import Photo, PredictionSession, Prepared
from dashboard.segment.pictures import Look


def full_mask(prepared: Prepared, look: Look) -> bytes:
    """Returns the mask as PNG, mode L, 0 or 255."""
    return mask_file(prepared.result.mask(look.settings))


def full_overlay(prepared: Prepared, look: Look) -> bytes:
    """Returns the overlay as JPEG."""
    mask = prepared.result.mask(look.settings)
    return overlay_file(prepared.photo.source.read(), mask, look.style)


def full_cutout(prepared: Prepared, look: Look) -> bytes:
    """Returns the car alone on a transparent ground, as PNG."""
    result = prepared.result
    mask, probability = result.mask(look.settings), result.edge_probability
    return cutout_file(prepared.photo.source.read(), mask, probability, look.edge)


def results_of(
    session: PredictionSession, photos: Sequence[Photo], look: Look, rows: list[ResultRow]
) -> Iterator[tuple[str, bytes]]:
    """Yields (file name, bytes) of all results, holding one photo at a time.

    Args:
        session: What predicts.
        photos: The photos; each is read when its turn comes.
        look: Settings.
        rows: Gets a line for each photo, with the error of one that can't be read.
    """
    for photo in photos:
        try:
            read = cache(photo.source.load)
            pixels = read().pixels
            result = session.result(photo.key, read)
        except CarmaskError as error:
            rows.append(ResultRow(photo.source.name, error=str(error)))
            continue
        stem, mask = photo.source.stem, result.mask(look.settings)
        yield from result_files(
            stem, pixels, mask, look.style, result.edge_probability, cutout=look.edge
        )
        rows.append(result_row(photo.source.name, mask, result, stem=stem))


def all_as_zip(session: PredictionSession, photos: Sequence[Photo], look: Look) -> bytes:
    """Returns a ZIP with mask, overlay and cut-out of each photo and results.csv."""
    target, rows = BytesIO(), list[ResultRow]()
    write_zip(target, results_of(session, photos, look, rows), rows)
    return target.getvalue()
