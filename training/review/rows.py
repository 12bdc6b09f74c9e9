"""The rows of a review, one a photo, in a file to which each is added when it is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from core.facts import STRICT
from core.files import append_line, write_bytes_atomically
from training.review.scores import Contradiction, EdgeOffset

ROWS, MASKS = "rows.jsonl", "masks"
"""Of a review's folder: its rows, and the predicted masks as PNG."""
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")]


@dataclass(frozen=True)
class Extent:
    """Where a label lies in its photo: shares of the photo's size, in [0, 1]."""

    area: float
    height: float
    centre_x: float
    centre_y: float


@dataclass(frozen=True)
class ReviewRow:
    """What is known of one photo. Of a photo without a label only what its prediction says."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    source: str
    """Name of its folder."""
    name: str
    """Of the photo there."""
    car: str = ""
    view: str = ""
    photo: _Digest = ""
    """Of the photo's pixels; see `core.edit_facts.photo_digest`."""
    mask: _Digest = ""
    """Of the label; of a photo without one "". See `core.edit_facts.mask_digest`."""
    network: str = ""
    """Fingerprint of the network that predicted, of two joined by "+"; "" where every network that
    was given was trained on the car, or may have been."""
    by: str = ""
    """What a person calls that network: "run/best"."""
    predicted: _Digest = ""
    """Of the predicted mask."""
    label: Extent | None = None
    """None without a label, or where that has no pixel."""
    gross: Contradiction | None = None
    edge: EdgeOffset | None = None
    soft_minimum: float | None = None
    uncertainty: float | None = None
    """Of the prediction; see `core.uncertainty`."""
    limit: float | None = None
    """More uncertainty than this is unusual for its network."""
    disagreement: float | None = None
    """Of the predictions of two networks, in [0, 1]; None where only one predicted."""
    hash: int = 0
    """Perceptual hash of a photo without a label; see `training.health.facts`."""
    error: str = ""
    """Why photo or label can't be read."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells the photo from all others."""
        return self.source, self.name

    @property
    def is_scored(self) -> bool:
        """Whether a network predicted it."""
        return bool(self.network) and not self.error


_ROW = TypeAdapter(ReviewRow)


class RowFile:
    """The rows of a review's folder. A line that is cut short or damaged counts for nothing."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder; it need not exist."""
        self.folder = folder
        self.path = folder / ROWS

    def read(self) -> list[ReviewRow]:
        """Returns the last row of each photo, in the order of the first ones."""
        rows = {row.key: row for row in self._lines()}
        return list(rows.values())

    def add(self, row: ReviewRow) -> None:
        """Adds a row, which is on the disk when this returns.

        Raises:
            OSError: It can't be written.
        """
        append_line(self.path, to_json(_ROW.dump_python(row)))

    def write(self, rows: Sequence[ReviewRow]) -> None:
        """Replaces the file by one with these rows alone; raises an OSError where it can't."""
        lines = (to_json(_ROW.dump_python(row)) + b"\n" for row in rows)
        write_bytes_atomically(self.path, b"".join(lines))

    def mask_path(self, row: ReviewRow) -> Path:
        """Returns where the predicted mask of a row lies."""
        return self.folder / MASKS / f"{row.predicted}.png"

    def _lines(self) -> Iterator[ReviewRow]:
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            if line:
                try:
                    yield _ROW.validate_json(line)
                except ValidationError:
                    continue
