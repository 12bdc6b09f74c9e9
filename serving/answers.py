"""From the bytes of photos to the bytes of an answer, in a worker's thread."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.archive import ArchiveLimits
from core.errors import CarmaskError, ConfigError, reason
from core.files import parse_json
from core.image import ReadPhoto, read_photo
from core.listing.batch import file_names, make_picture
from core.listing.place import Series
from core.listing.recipe import ListingRecipe, presets, read_recipe
from core.listing.steps import Output
from core.own_results import CUTOUT_END, MASK_END
from core.photos import list_uploads
from core.results import ResultRow, cutout_file, mask_file, result_row, write_zip
from core.rle import to_coco
from core.session import PhotoResult, PredictionSession
from serving.queries import Batch, BatchQuery, Facts, Failed, Query, Rle, Segmented, SegmentQuery

PNG, JSON, ZIP = "image/png", "application/json", "application/zip"
Uploads = Sequence[tuple[str, bytes]]
"""Photos and ZIPs, (name, bytes) each."""


def segmented(
    session: PredictionSession,
    name: str,
    data: bytes,
    query: SegmentQuery,
    max_pixels: int,
    recipe: bytes = b"",
) -> tuple[Facts, bytes, str]:
    """Returns a photo's facts, and the body of the answer with its media type.

    Args:
        session: What predicts.
        name: The photo's.
        data: The photo's file.
        query: Settings.
        max_pixels: Largest photo.
        recipe: JSON of the recipe of a finished picture; empty for the one that the query names.

    Raises:
        ConfigError: The recipe is wrong, or there is none of this name.
        ImageError: It is no photo, damaged, or too large or too small.
    """
    if query.output == "picture":
        return _picture(session, name, data, _recipe(query, recipe, name), max_pixels)
    photo = read_photo(data, name=name, max_pixels=max_pixels)
    result, mask = _mask(session, photo, query)
    if query.output == "json":
        answer = _segmented(name, result, mask)
        return answer, answer.model_dump_json().encode(), JSON
    file = mask_file(mask) if query.output == "mask" else _cutout(photo, result, mask, query)
    return _facts(name, result, mask), file, PNG


def _picture(
    session: PredictionSession, name: str, data: bytes, recipe: ListingRecipe, max_pixels: int
) -> tuple[Facts, bytes, str]:
    """Returns a photo's facts, and its finished picture with its media type; see `segmented`."""
    (source,) = list_uploads([(name, data)], max_pixels=max_pixels)
    photo = source.load()
    result, limit = session.predict(photo), session.model.threshold
    (file,) = file_names([recipe], [source])
    made = make_picture(source, photo, result, recipe, limit, Series(), file)
    height, width = result.shape
    return _facts_of(name, made.row, width, height), made.data, f"image/{recipe.get(Output).format}"


def _recipe(query: SegmentQuery, text: bytes, photo: str) -> ListingRecipe:
    """Returns the recipe of a photo; one that came with it names no file of this machine."""
    if not text:
        recipe = presets().get(query.recipe)
        if recipe is None:
            raise ConfigError(f"There is no such recipe; choose one of: {', '.join(presets())}.")
        return recipe
    try:
        recipe = read_recipe(parse_json(text), None)
    except ValueError as error:
        raise ConfigError(f"The recipe is no JSON: {reason(error)}.") from error
    except ConfigError as error:
        raise ConfigError(f"The recipe: {error}") from error
    if recipe.skips(photo):
        raise ConfigError(f"The recipe skips {photo}.")
    return recipe.for_photo(photo)


def batch_json(
    session: PredictionSession, uploads: Uploads, query: BatchQuery, limits: tuple[int, int]
) -> bytes:
    """Returns the answers of a batch as JSON; a photo that can't be read has its error there.

    Args:
        session: What predicts.
        uploads: Photos and ZIPs.
        query: Settings.
        limits: Most photos, and the largest one in pixels.
    """
    sources = list_uploads(uploads, limits=_zip_limits(limits[0]), max_pixels=limits[1])
    photos: list[Segmented | Failed] = []
    for source in sources[: limits[0]]:
        try:
            result, mask = _mask(session, source.load(), query)
        except CarmaskError as error:
            photos.append(Failed(name=source.name, error=str(error)))
        else:
            photos.append(_segmented(source.name, result, mask))
    photos += [Failed(name=each.name, error=_too_many(limits)) for each in sources[limits[0] :]]
    return Batch(photos=photos, left_out=list(sources.left_out)).model_dump_json().encode()


def batch_zip(
    session: PredictionSession, uploads: Uploads, query: BatchQuery, limits: tuple[int, int]
) -> IO[bytes]:
    """Returns a ZIP of a batch's masks with results.csv, as a temporary file at its start.

    Arguments as for `batch_json`.
    """
    sources = list_uploads(uploads, limits=_zip_limits(limits[0]), max_pixels=limits[1])
    rows: list[ResultRow] = []

    def files() -> Iterator[tuple[str, bytes]]:
        for source in sources[: limits[0]]:
            try:
                photo = source.load()
                result, mask = _mask(session, photo, query)
            except CarmaskError as error:
                rows.append(ResultRow(source.name, error=str(error)))
                continue
            yield source.stem + MASK_END, mask_file(mask)
            if query.cutout:
                yield source.stem + CUTOUT_END, _cutout(photo, result, mask, query)
            rows.append(result_row(source.name, mask, result, stem=source.stem))
        rows.extend(ResultRow(each.name, error=_too_many(limits)) for each in sources[limits[0] :])

    file = tempfile.TemporaryFile()  # noqa: SIM115  (who sends it closes it)
    try:
        write_zip(file, files(), rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _mask(
    session: PredictionSession, photo: ReadPhoto, query: Query
) -> tuple[PhotoResult, NDArray[np.bool_]]:
    result = session.predict(photo)
    return result, result.mask(query.settings(session.model.threshold))


def _cutout(photo: ReadPhoto, result: PhotoResult, mask: NDArray[np.bool_], query: Query) -> bytes:
    return cutout_file(photo.pixels, mask, result.edge_probability, query.edge)


def _segmented(name: str, result: PhotoResult, mask: NDArray[np.bool_]) -> Segmented:
    facts = _facts(name, result, mask)
    return Segmented(**facts.model_dump(), mask=Rle(**to_coco(mask)))


def _facts(name: str, result: PhotoResult, mask: NDArray[np.bool_]) -> Facts:
    height, width = mask.shape
    return _facts_of(name, result_row(name, mask, result), width, height)


def _facts_of(name: str, row: ResultRow, width: int, height: int) -> Facts:
    return Facts(
        name=name,
        width=width,
        height=height,
        car_share=row.car_share or 0.0,
        uncertainty=row.doubt,
        advice=row.advice,
        checkpoint=row.checkpoint,
        edited=row.edited,
        note=row.note,
        seconds=row.seconds or 0.0,
    )


def _zip_limits(photos: int) -> ArchiveLimits:
    return ArchiveLimits(max_members=photos)


def _too_many(limits: tuple[int, int]) -> str:
    return f"Not done: a batch may hold {limits[0]} photos. Send it in parts."
