"""What a person takes home: files for each photo, a table of all, and a ZIP of both."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from core.cutout import Edge, cut_out
from core.drawing import OverlayStyle, overlay, rgb
from core.image import encode_jpeg, encode_png
from core.masks import Probability, car_share
from core.own_results import CUTOUT_END, MASK_END, OVERLAY_END, TABLE_NAME
from core.session import PhotoResult
from core.uncertainty import UNCERTAINTY_LIMIT, MaskState, advice, mask_state


@dataclass(frozen=True)
class ResultRow:
    """One photo's line in results.csv; where `error` is set the figures are empty."""

    file: str
    """The photo's name as it came."""
    width: int | None = None
    """Upright width in px."""
    height: int | None = None
    """Upright height in px."""
    car_share: float | None = None
    """Share of the picture that the mask covers, in [0, 1]."""
    doubt: float | None = None
    """Uncertainty of the prediction, in [0, 1]; None after a single pass."""
    seconds: float | None = None
    """Time of the prediction, that of the mirrored photo included, without reading and writing."""
    checkpoint: str = ""
    """The network that the mask is of: the fallback where the first one was uncertain."""
    stem: str = ""
    """Start of the names of its files, such as <stem>_mask.png."""
    note: str = ""
    """What was guessed or left aside when the photo was read."""
    error: str = ""
    """Why there is no mask."""
    edited: bool = False
    """Whether the mask is one that a person edited and accepted."""
    doubt_limit: float | None = None
    """More doubt than this makes the mask worth a look, in [0, 1]: its checkpoint's own limit."""

    @property
    def state(self) -> MaskState | Literal["failed"]:
        """Whether its mask can be used, should be looked at, is empty, or could not be made."""
        if self.car_share is None:
            return "failed"
        return mask_state(None if self.edited else self.doubt, self.car_share, self._limit)

    @property
    def advice(self) -> str:
        """What a person should know before relying on the mask; "" if nothing speaks against it."""
        if self.car_share is None or self.edited:
            return ""
        return advice(self.doubt, self.car_share, self._limit)

    @property
    def _limit(self) -> float:
        return UNCERTAINTY_LIMIT if self.doubt_limit is None else self.doubt_limit


def result_row(
    name: str, mask: NDArray[np.bool_], result: PhotoResult, *, stem: str = ""
) -> ResultRow:
    """Returns the line of a photo that was segmented.

    Args:
        name: The photo's name as it came.
        mask: Its mask, bool (H, W).
        result: What was predicted for it.
        stem: Start of the names of its files.
    """
    height, width = mask.shape
    prediction, edit = result.prediction, result.edit
    doubt = prediction.uncertainty
    return ResultRow(
        name,
        width,
        height,
        car_share=round(car_share(mask), 6),
        doubt=None if doubt is None else round(doubt, 4),
        seconds=round(result.seconds, 3),
        checkpoint=prediction.by,
        stem=stem,
        note=" ".join(filter(None, (result.note, edit.problem if edit else ""))),
        edited=result.edited,
        doubt_limit=None if doubt is None else prediction.limit,
    )


def mask_file(mask: NDArray[np.bool_]) -> bytes:
    """Returns a mask (H, W) as PNG, mode L, 0 or 255."""
    return encode_png(mask, is_result=True)


def overlay_file(image: NDArray[np.uint8], mask: NDArray[np.bool_], style: OverlayStyle) -> bytes:
    """Returns a photo (H, W, 3) with its mask drawn in, as JPEG."""
    return encode_jpeg(overlay(image, mask, style), is_result=True)


def cutout_file(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    probability: Probability | None,
    edge: Edge = "soft",
    background: str = "",
) -> bytes:
    """Returns the car alone, as PNG on a transparent ground or as JPEG on a colour.

    Args:
        image: See `cut_out`.
        mask: See `cut_out`.
        probability: See `cut_out`.
        edge: See `cut_out`.
        background: A colour #RRGGBB; "" for a transparent ground.
    """
    car = cut_out(image, mask, probability, edge=edge)
    if not background:
        return encode_png(car.rgba(), is_result=True)
    return encode_jpeg(car.over(np.array(rgb("background", background))), is_result=True)


def result_files(
    stem: str,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    style: OverlayStyle,
    probability: Probability | None = None,
    *,
    cutout: Edge | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yields (file name, bytes) of a photo's results, one at a time to spare memory.

    Args:
        stem: Start of the names.
        image: (H, W, 3) uint8.
        mask: bool (H, W).
        style: Look of the overlay.
        probability: The network's, float32 (h, w) in [0, 1] on any grid, for a soft cut-out.
        cutout: Edge of the car alone on a transparent ground, as PNG; None leaves that file out.
    """
    yield stem + MASK_END, mask_file(mask)
    yield stem + OVERLAY_END, overlay_file(image, mask, style)
    if cutout is not None:
        yield stem + CUTOUT_END, cutout_file(image, mask, probability, cutout)


def results_table(rows: Iterable[ResultRow]) -> bytes:
    """Returns results.csv: UTF-8 with a byte order mark, so that spreadsheets read umlauts."""
    text = io.StringIO()
    names = [f.name for f in fields(ResultRow)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        texts = {"file": _no_formula(row.file), "stem": _no_formula(row.stem)}
        writer.writerow(asdict(row) | texts)
    return text.getvalue().encode("utf-8-sig")


def write_zip(
    target: Path | IO[bytes], files: Iterable[tuple[str, bytes]], rows: Iterable[ResultRow]
) -> None:
    """Writes the photos' files and results.csv into a ZIP.

    Pictures are stored as they are: they are compressed already.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(name, data)
        archive.writestr(TABLE_NAME, results_table(rows))


def _no_formula(text: str) -> str:
    """Returns a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t", "\r") else text
