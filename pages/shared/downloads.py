"""What a person takes home at the photo's full size; made when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO

from core.drawing import cutout, overlay
from core.errors import CarmaskError
from core.image import encode_jpeg, encode_png
from core.results import ResultRow, result_files, result_row, write_zip
from pages.shared.photos import Photo
from pages.shared.pictures import Look
from pages.shared.segmenter import Prepared, Segmenter


def full_mask(prepared: Prepared, look: Look) -> bytes:
    """Returns the mask as PNG, mode L, 0 or 255."""
    return encode_png(prepared.result.mask(look.settings))


def full_overlay(prepared: Prepared, look: Look) -> bytes:
    """Returns the overlay as JPEG."""
    mask = prepared.result.mask(look.settings)
    return encode_jpeg(overlay(prepared.photo.source.read(), mask, look.style))


def full_cutout(prepared: Prepared, look: Look) -> bytes:
    """Returns the car alone on a transparent ground, as PNG."""
    mask = prepared.result.mask(look.settings)
    return encode_png(cutout(prepared.photo.source.read(), mask))


def results_of(
    segmenter: Segmenter, photos: Sequence[Photo], look: Look, rows: list[ResultRow]
) -> Iterator[tuple[str, bytes]]:
    """Yields (file name, bytes) of all results, holding one photo at a time.

    Args:
        segmenter: The network.
        photos: The photos; each is read when its turn comes.
        look: Settings.
        rows: Gets a line for each photo, with the error of one that can't be read.
    """
    for photo in photos:
        try:
            image = photo.source.read()
            result = segmenter.segment(photo, lambda image=image: image)
        except CarmaskError as error:
            rows.append(ResultRow(photo.source.name, error=str(error)))
            continue
        mask = result.mask(look.settings)
        yield from result_files(photo.source.stem, image, mask, look.style, with_cutout=True)
        said = result.answer
        rows.append(result_row(photo.source.name, mask, said.doubt, result.seconds, said.by))


def all_as_zip(segmenter: Segmenter, photos: Sequence[Photo], look: Look) -> bytes:
    """Returns a ZIP with mask, overlay and cut-out of each photo and results.csv."""
    target, rows = BytesIO(), list[ResultRow]()
    write_zip(target, results_of(segmenter, photos, look, rows), rows)
    return target.getvalue()
