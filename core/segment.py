"""The whole job: photos in; masks, overlays, cut-outs and a table out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.cutout import Edge
from core.drawing import OverlayStyle
from core.errors import CarmaskError, ImageError
from core.files import write_bytes_atomically
from core.masks import MaskSettings
from core.own_results import ENDS, MASK_END, OVERLAY_END, TABLE_NAME, OwnResults
from core.photos import PhotoSource
from core.results import ResultRow, result_files, result_row, results_table
from core.session import PredictionSession


@dataclass(frozen=True)
class SegmentOptions:
    """What is written for each photo, and how it looks."""

    settings: MaskSettings = field(default_factory=MaskSettings)
    """Threshold and clean-up."""
    style: OverlayStyle = field(default_factory=OverlayStyle)
    """Look of the overlay."""
    cutout: Edge | None = None
    """Edge of the car alone on a transparent ground; None writes no cut-out."""


def segment_photos(
    session: PredictionSession,
    sources: Sequence[PhotoSource],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[int, ResultRow], None],
) -> list[ResultRow]:
    """Returns a line for each photo, after its files were written to `out`.

    A photo that can't be read gets a line with its error, and so does one in place of whose
    results there are files of somebody else; the others go on. results.csv is written at the end,
    also when the work is interrupted.

    Args:
        session: What predicts.
        sources: Photos; each is read when its turn comes.
        out: Folder, made where it is missing.
        options: What to write.
        progress: Called after each photo with (photos done, its line).

    Raises:
        ImageError: `out` holds a results.csv of somebody else.
        OSError: A result can't be written; what was written stays.
    """
    out.mkdir(parents=True, exist_ok=True)
    own = OwnResults()
    check_table(out / TABLE_NAME, own)
    rows: list[ResultRow] = []
    try:
        for source in sources:
            rows.append(segment_one(session, source, out, own, options))
            progress(len(rows), rows[-1])
    finally:
        write_bytes_atomically(out / TABLE_NAME, results_table(rows))
    return rows


def segment_one(
    session: PredictionSession,
    source: PhotoSource,
    out: Path,
    own: OwnResults,
    options: SegmentOptions,
) -> ResultRow:
    """Writes one photo's files to a folder that is there, and returns its line.

    Args:
        session: What predicts.
        source: The photo.
        out: The folder.
        own: Tells files that Carmask wrote, which are replaced, from others, which are not.
        options: What to write.

    Raises:
        OSError: A result can't be written.
    """
    try:
        ends = ENDS if options.cutout else (MASK_END, OVERLAY_END)
        check_free(source.name, [out / (source.stem + end) for end in ends], own)
        photo = source.load()
        result = session.predict(photo)
    except CarmaskError as error:
        return ResultRow(source.name, error=str(error))
    image, mask = photo.pixels, result.mask(options.settings)
    files = result_files(
        source.stem, image, mask, options.style, result.edge_probability, cutout=options.cutout
    )
    for name, data in files:
        write_bytes_atomically(out / name, data)
    return result_row(source.name, mask, result, stem=source.stem)


def check_table(table: Path, own: OwnResults) -> None:
    """Refuses a folder whose results.csv Carmask did not write, for it would be lost.

    Raises:
        ImageError: It is somebody else's.
    """
    if table.exists() and table not in own:
        raise ImageError(
            f"{table} is there already and no table of Carmask's results; it is left alone. Choose "
            "another folder, or move it away."
        )


def check_free(name: str, results: Sequence[Path], own: OwnResults) -> None:
    """Refuses a photo in place of whose results there are files that Carmask did not write."""
    for path in results:
        if path.exists() and path not in own:
            raise ImageError(
                f"{name}: {path.name} is there already and no result of Carmask, so it is left "
                "alone. Choose another folder for the results, or move it away."
            )
