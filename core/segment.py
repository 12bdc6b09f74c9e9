"""The whole job: photos in; masks, overlays, cut-outs and a table out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.drawing import OverlayStyle
from core.errors import CarmaskError
from core.files import write_bytes_atomically
from core.masks import MaskSettings, mask_from_probability
from core.photos import PhotoSource
from core.predict import Predictor
from core.preprocess import enlarge
from core.results import TABLE_NAME, ResultRow, result_files, result_row, results_table
from core.second import SecondOpinion


@dataclass(frozen=True)
class SegmentOptions:
    """What is written for each photo, and how it looks."""

    settings: MaskSettings = field(default_factory=MaskSettings)
    """Threshold and clean-up."""
    style: OverlayStyle = field(default_factory=OverlayStyle)
    """Look of the overlay."""
    with_cutout: bool = False
    """Also writes the car alone on a transparent ground."""


def segment_photos(
    predictor: Predictor | SecondOpinion,
    sources: Sequence[PhotoSource],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[int, ResultRow], None],
) -> list[ResultRow]:
    """Returns a line for each photo, after its files were written to `out`.

    A photo that can't be read gets a line with its error; the others go on. results.csv is
    written at the end, also when the work is interrupted.

    Args:
        predictor: The network, or two of them.
        sources: Photos; each is read when its turn comes.
        out: Folder, made where it is missing.
        options: What to write.
        progress: Called after each photo with (photos done, its line).

    Raises:
        OSError: A result can't be written; what was written stays.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[ResultRow] = []
    try:
        for source in sources:
            rows.append(_segment_one(predictor, source, out, options))
            progress(len(rows), rows[-1])
    finally:
        write_bytes_atomically(out / TABLE_NAME, results_table(rows))
    return rows


def _segment_one(
    predictor: Predictor | SecondOpinion, source: PhotoSource, out: Path, options: SegmentOptions
) -> ResultRow:
    """Writes one photo's files and returns its line."""
    try:
        image = source.read()
        started = time.perf_counter()
        answer = predictor.answer(image)
        seconds = time.perf_counter() - started
    except CarmaskError as error:
        return ResultRow(source.name, error=str(error))
    whole = enlarge(answer.probability, *image.shape[:2])
    mask = mask_from_probability(whole, options.settings)
    del whole  # 160 MB of a 40 megapixel photo
    files = result_files(source.stem, image, mask, options.style, with_cutout=options.with_cutout)
    for name, data in files:
        write_bytes_atomically(out / name, data)
    return result_row(source.name, mask, answer.doubt, seconds, answer.by)
