"""The whole job: photos in; masks, overlays, cut-outs and a table out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

from core.cutout import Edge
from core.drawing import OverlayStyle
from core.errors import CarmaskError, ImageError
from core.files import write_bytes_atomically
from core.journal import Journal
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

    @property
    def ends(self) -> tuple[str, ...]:
        """How the names of a photo's files end."""
        return ENDS if self.cutout else (MASK_END, OVERLAY_END)


Indexed: TypeAlias = Sequence[tuple[int, PhotoSource]]
"""Photos with their index among all."""
Engine: TypeAlias = Callable[[Indexed, Path, SegmentOptions], Iterator[tuple[int, ResultRow]]]
"""Writes photos' files to a folder and yields their lines by index, in any order."""
JOURNAL_NAME = ".carmask_segment.jsonl"
"""In the folder of results until every photo had its turn: what is finished."""
PIPELINE = 1
"""Rises when the same settings begin to make other files, so that they are made anew."""


def one_process(session: PredictionSession) -> Engine:
    """Returns the engine that works in this process, one photo after the other."""

    def run(photos: Indexed, out: Path, options: SegmentOptions) -> Iterator[tuple[int, ResultRow]]:
        own = OwnResults()
        for index, source in photos:
            yield index, segment_one(session, source, out, own, options)

    return run


def segment_photos(
    engine: PredictionSession | Engine,
    sources: Sequence[PhotoSource],
    out: Path,
    options: SegmentOptions,
    progress: Callable[[int, ResultRow], None],
    *,
    state: str | None = None,
    anew: bool = False,
    resumed: Callable[[int], None] = lambda count: None,
) -> list[ResultRow]:
    """Returns a line for each photo, after its files were written to `out`.

    A photo that can't be read gets a line with its error, and so does one in place of whose
    results there are files of somebody else; the others go on. results.csv is written at the end,
    also when the work is interrupted.

    With a `state` the work goes on where an interrupted call ended: what that finished of the same
    photo, with the same settings and networks, stays. Once every photo had its turn nothing is
    remembered, and the next call makes all of them again.

    Args:
        engine: What predicts, in this process, or an engine that has others do so.
        sources: Photos; each is read when its turn comes.
        out: Folder, made where it is missing.
        options: What to write.
        progress: Called after each photo with (photos done, its line).
        state: Names networks and edited masks with their state; None goes on from nothing.
        anew: Makes all files again.
        resumed: Called with how many photos were finished before, where there are any.

    Raises:
        ImageError: `out` holds a results.csv of somebody else.
        OSError: A result can't be written; what was written stays.
    """
    if isinstance(engine, PredictionSession):
        engine = one_process(engine)
    out.mkdir(parents=True, exist_ok=True)
    check_table(out / TABLE_NAME, OwnResults())
    work = _Resumable(out, options, state, anew=anew)
    rows = work.finished(sources)
    missing = [(index, each) for index, each in enumerate(sources) if index not in rows]
    if rows:
        resumed(len(rows))
    try:
        for index, row in engine(missing, out, options):
            rows[index] = row
            work.finish(sources[index], row)
            progress(len(rows), row)
    finally:
        ordered = [rows[index] for index in sorted(rows)]
        write_bytes_atomically(out / TABLE_NAME, results_table(ordered))
    work.remove()
    return ordered


class _Resumable:
    """What is finished of a call of `segment_photos`; without a state nothing is remembered."""

    def __init__(
        self, out: Path, options: SegmentOptions, state: str | None, *, anew: bool
    ) -> None:
        self._out, self._options, self._state = out, options, state
        self._journal = None if state is None else Journal(out / JOURNAL_NAME, anew=anew)

    def finished(self, sources: Sequence[PhotoSource]) -> dict[int, ResultRow]:
        """Returns the lines of photos whose files are there whole, by index."""
        rows = {}
        if self._journal is not None:
            for index, source in enumerate(sources):
                row = self._journal.finished(source.name, self._key(source))
                if row is not None:
                    rows[index] = row
        return rows

    def finish(self, source: PhotoSource, row: ResultRow) -> None:
        """Notes that a photo's files were written."""
        if self._journal is not None and not row.error:
            names = [source.stem + end for end in self._options.ends]
            sizes = {name: (self._out / name).stat().st_size for name in names}
            self._journal.finish(source.name, self._key(source), sizes, row)

    def remove(self) -> None:
        """Forgets all of it."""
        if self._journal is not None:
            self._journal.remove()

    def _key(self, source: PhotoSource) -> str:
        """Returns a digest of all that a photo's files depend on."""
        plain = [PIPELINE, source.stamp, source.stem, asdict(self._options), self._state]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


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
        check_free(source.name, [out / (source.stem + end) for end in options.ends], own)
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
