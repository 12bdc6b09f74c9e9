"""What a person takes home at the photo's full size; made when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from core.batch import Done, File
from core.errors import CarmaskError
from core.image import ReadPhoto
from core.mask_files import rle_file
from core.own_results import CUTOUT_END, MASK_END, OVERLAY_END
from core.results import ResultRow, cutout_file, mask_file, overlay_file, result_row
from core.session import Photo, PhotoResult, PredictionSession, Prepared
from dashboard.segment.pictures import LONGEST_TILE, Look, cutout_jpeg, screen_mask

_JPEG_END = CUTOUT_END.replace(".png", ".jpg")


def full_mask(prepared: Prepared, look: Look) -> bytes:
    """Returns the mask as PNG, mode L, 0 or 255."""
    return mask_file(prepared.result.mask(look.settings))


def full_rle(prepared: Prepared, look: Look) -> bytes:
    """Returns the mask as JSON with its COCO RLE."""
    return rle_file(prepared.result.mask(look.settings))


def full_overlay(prepared: Prepared, look: Look) -> bytes:
    """Returns the overlay as JPEG."""
    mask = prepared.result.mask(look.settings)
    return overlay_file(prepared.photo.source.read(), mask, look.style)


def full_cutout(prepared: Prepared, look: Look) -> bytes:
    """Returns the car alone, as PNG on a transparent ground or as JPEG on a colour."""
    result = prepared.result
    image, mask = prepared.photo.source.read(), result.mask(look.settings)
    return cutout_file(image, mask, result.edge_probability, look.edge, look.background)


def cutout_end(look: Look) -> str:
    """Returns how the name of a cut-out's file ends: that of a PNG or of a JPEG."""
    return _JPEG_END if look.background else CUTOUT_END


def finish_photo(
    session: PredictionSession, photo: Photo, look: Look
) -> tuple[Done, Iterator[File]]:
    """Returns what a batch shows of a photo, and its files for the ZIP."""
    read = cache(photo.source.load)
    try:
        prepared = session.prepare(photo, LONGEST_TILE, read)
        image = read()
    except CarmaskError as error:
        return Done(ResultRow(photo.source.name, error=str(error))), iter(())
    result = prepared.result
    tile = cutout_jpeg(prepared, screen_mask(prepared, look), look)
    mask, stem = result.mask(look.settings), photo.source.stem
    row = result_row(photo.source.name, mask, result, stem=stem)
    return Done(row, tile), _files(image, stem, result, look)


def _files(image: ReadPhoto, stem: str, result: PhotoResult, look: Look) -> Iterator[File]:
    mask, pixels = result.mask(look.settings), image.pixels
    if "Cut-outs" in look.outputs and mask.any():  # an empty picture helps nobody
        probability = result.edge_probability
        data = cutout_file(pixels, mask, probability, look.edge, look.background)
        yield stem + cutout_end(look), data
    if "Masks" in look.outputs:
        yield stem + MASK_END, mask_file(mask)
    if "Overlays" in look.outputs:
        yield stem + OVERLAY_END, overlay_file(pixels, mask, look.style)
