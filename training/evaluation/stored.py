"""Evaluations on the disk: beside their checkpoint, found again by what they are of.

`<checkpoint folder>/<stem>.evaluations/<key>.parquet` has a row a photo and its histograms, and the
facts as JSON in the file's metadata. `<key>.part` is an interrupted one, of the same form.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from core import metric_table
from core.errors import CarmaskError, DataError, reason
from core.facts import STRICT, Count, first_fault
from core.files import parse_json, write_bytes_atomically
from core.refine import LONGEST, MARGIN
from core.split_verdict import UNKNOWN, SplitVerdict, read_verdict, worst
from core.uncertainty import FALLBACK_LIMIT, Limits
from training.evaluation.images import EvaluationImages, EvaluationSettings, Part
from training.evaluation.measure import COLUMNS, GROUPS, Histograms, ImageRow, scored, table_of
from training.evaluation.subjects import Identity, Subject, fingerprint_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIX, UNFINISHED = ".parquet", ".part"

_FACTS = b"carmask"
_REGIONS = ("elsewhere", "edge")
_TRUTHS = ("other", "car")
_OF_VERDICT = re.compile(r"LEAKY|\d+ of \d+ cars were trained on|its training cars are")
"""Begins the warnings that were a verdict."""


@dataclass(frozen=True)
class EvaluationFacts:
    """What an evaluation is of, and how it went."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    key: str
    """What it is found by: equal for equal checkpoint, photos, split and settings."""
    title: str
    """What was evaluated, as a person calls it."""
    fingerprints: tuple[str, ...]
    """Of each checkpoint (see `core.checkpoint.network_fingerprint`); several of an ensemble, two
    of a cascade."""
    flips: bool
    """Whether the mean with the mirrored photo was taken."""
    settings: EvaluationSettings
    """How masks were made; the threshold is the one that was used, never None."""
    data: str
    """The data folders' names: "carvana512 + synthetic"."""
    data_fingerprint: str
    """SHA-256 of the data; see `EvaluationImages.fingerprint`."""
    part: Part
    """Which photos of the data."""
    split_fingerprint: str
    """Of the split that chose them; "" for part "all"."""
    cascade: bool = False
    """Whether the second checkpoint predicted where the first one was uncertain."""
    verdict: SplitVerdict = UNKNOWN
    """Whether its figures can be trusted; see `EvaluationImages.judge`."""
    warnings: tuple[str, ...] = ()
    """What the figures must be read with: leaks, cars that were trained on, another split."""
    anchored: Count = 0
    """Photos whose true mask began as that of the checkpoint, or of one that it started from: its
    score on them is flattered."""
    images: Count = 0
    """Photos in it, those that can't be read included."""
    cars: Count = 0
    """Cars that these photos show."""
    failed: Count = 0
    """Photos that can't be read: they have a row with their error and stand in no mean."""
    device: str = ""
    """Where it was computed: "cpu", "cuda:0, NVIDIA H100"."""
    code: str = ""
    """The libraries' versions, as "torch 2.14.0"."""
    created: str = ""
    """When it was finished, ISO 8601, UTC."""

    @property
    def is_combined(self) -> bool:
        """Whether several predictions are in it: an ensemble, a cascade, or the mirrored photo."""
        return self.flips or len(self.fingerprints) > 1

    @property
    def prediction(self) -> str:
        """By which path its masks came about: "single pass", "mirrored", "cascade"."""
        if self.cascade:
            return "cascade"
        return "mirrored" if self.flips else "single pass"

    @property
    def identity(self) -> Identity:
        """That of the subject that was evaluated; see `Subject.identity`."""
        return self.fingerprints, self.flips, self.cascade

    @property
    def cautions(self) -> tuple[str, ...]:
        """The warnings, else the verdict in words unless it is clean; and what is anchored."""
        told = self.warnings or (() if self.verdict.is_clean else (self.verdict.sentence(),))
        return told if not self.anchored else (*told, self.anchoring)

    @property
    def anchoring(self) -> str:
        """How many masks flatter it, in words; "" for none."""
        if not self.anchored:
            return ""
        began = "mask began" if self.anchored == 1 else "masks began"
        return (
            f"{self.anchored} of {self.images} {began} as this checkpoint's own: its score on "
            f"{'it' if self.anchored == 1 else 'them'} is flattered"
        )

    @property
    def threshold(self) -> float:
        """The threshold that was used, in [0, 1]."""
        assert self.settings.threshold is not None
        return self.settings.threshold


@dataclass(frozen=True, eq=False)  # tables have no single answer to ==
class StoredEvaluation:
    """One checkpoint's (or ensemble's) figures on a set of photos."""

    facts: EvaluationFacts
    image_rows: tuple[ImageRow, ...]
    """One row a photo, in the data's order."""
    histograms: Histograms
    """The probabilities of each photo, in the order of `image_rows`."""

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The same rows as a table with the columns of `measure.COLUMNS`."""
        return table_of(self.image_rows)

    @property
    def scored(self) -> pd.DataFrame:
        """The rows of the photos that could be read; means are over these."""
        return scored(self.rows)


def facts_of(
    subject: Subject, images: EvaluationImages, settings: EvaluationSettings
) -> EvaluationFacts:
    """Returns what an evaluation will be of, before anything is computed."""
    masks = settings.masks(subject.threshold)
    used = EvaluationSettings(**asdict(masks))
    asked: dict[str, Any] = {
        "version": metric_table.VERSION,
        "fingerprints": subject.fingerprints,
        "flips": subject.flips,
        "settings": asdict(used),
        "data": images.fingerprint,
        "part": images.part,
        "split": images.split_fingerprint,
    }
    if subject.flips and any(info.limits != Limits() for info in subject.infos):
        asked["limits"] = [asdict(info.limits) for info in subject.infos]
    if subject.cascade:
        asked["fallback_limit"] = FALLBACK_LIMIT
        asked["refined"] = [MARGIN, LONGEST]
        if any(info.detail for info in subject.infos):
            asked["detail"] = [info.detail for info in subject.infos]
        if familiar := subject.infos[0].familiar:
            asked["familiar"] = asdict(familiar)
    return EvaluationFacts(
        key=hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24],
        title=subject.title,
        fingerprints=subject.fingerprints,
        flips=subject.flips,
        settings=used,
        data=images.name,
        data_fingerprint=images.fingerprint,
        part=images.part,
        split_fingerprint=images.split_fingerprint,
        cascade=subject.cascade,
        verdict=subject.verdict,
    )


def folder_of(checkpoint: Path) -> Path:
    """Returns the folder of a checkpoint's evaluations; of several, the first one's."""
    return checkpoint.with_name(f"{checkpoint.stem}.evaluations")


def evaluation_path(subject: Subject, key: str) -> Path:
    """Returns the file of a subject's evaluation."""
    return folder_of(subject.paths[0]) / f"{key}{SUFFIX}"


def find_evaluation(
    subject: Subject, images: EvaluationImages, settings: EvaluationSettings
) -> StoredEvaluation | None:
    """Returns what was computed before; None if nothing was, or its file is damaged."""
    path = evaluation_path(subject, facts_of(subject, images, settings).key)
    try:
        return read_evaluation(path)
    except DataError:
        return None


def list_evaluations(checkpoint: Path) -> list[EvaluationFacts]:
    """Returns the facts of all evaluations of a checkpoint as it is now, the newest first.

    Reads no row. Those of an earlier file of this name are left out, and so are damaged ones;
    ensembles and cascades that begin with it are in.

    Raises:
        CheckpointError: The checkpoint itself can't be read.
    """
    fingerprint = fingerprint_of(checkpoint)
    found = []
    for path in folder_of(checkpoint).glob(f"*{SUFFIX}"):
        try:
            facts = read_facts(path)
        except DataError:
            continue
        if fingerprint in facts.fingerprints:
            found.append(facts)
    return sorted(found, key=lambda facts: (facts.created, facts.key), reverse=True)


def read_facts(path: Path) -> EvaluationFacts:
    """Returns the facts of an evaluation's file, without its rows.

    Raises:
        DataError: It is missing, damaged or of something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _facts_in(pq.read_schema(path).metadata)
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError, CarmaskError) as error:
        raise _damaged(path, error) from error


def read_evaluation(path: Path) -> StoredEvaluation:
    """Returns an evaluation from its file.

    Raises:
        DataError: It is missing, damaged or of something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not `read_table`, nor a table of pandas: both import what takes half a second.
        with pq.ParquetFile(path, memory_map=False) as file:
            table = file.read()
        facts = _facts_in(table.schema.metadata)
        columns = [table.column(name).to_pylist() for name in COLUMNS]
        rows = tuple(ImageRow(*values) for values in zip(*columns, strict=True))
        return StoredEvaluation(facts, rows, _histograms_in(table))
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError, CarmaskError) as error:
        raise _damaged(path, error) from error


def write_evaluation(path: Path, evaluation: StoredEvaluation) -> None:
    """Writes an evaluation; a reader sees the old file or the whole new one.

    Raises:
        DataError: The folder can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = evaluation.image_rows
    table = pa.table({name: [getattr(row, name) for row in rows] for name in COLUMNS})
    for name, values in _columns_of(evaluation.histograms).items():
        column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        table = table.append_column(name, column)
    table = table.replace_schema_metadata({_FACTS: json.dumps(asdict(evaluation.facts))})
    stream = BytesIO()
    pq.write_table(table, stream, compression="zstd", compression_level=9)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, stream.getvalue())
    except OSError as error:
        raise DataError(
            f"The evaluation {path} can't be written ({reason(error)}); evaluations lie beside "
            "their checkpoint, so copy it to a folder that you may write to."
        ) from error


def _columns_of(histograms: Histograms) -> dict[str, np.ndarray[Any, Any]]:
    """Returns the histograms by the names of their columns, each (N, bins)."""
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for place, region in enumerate(_REGIONS):
        for car, truth in enumerate(_TRUTHS):
            counts = histograms.counts[:, place, car]
            columns[f"{region}_{truth}"] = counts.astype(np.int32)
        # In hundredths: whole numbers take a third of the room of fractions.
        columns[f"{region}_sum"] = np.rint(histograms.sums[:, place] * 100).astype(np.int64)
    return columns


def _histograms_in(table: pa.Table) -> Histograms:
    def column(name: str, bins: int) -> np.ndarray[Any, Any]:
        # Not `to_numpy`, which imports pandas.
        values = np.from_dlpack(table.column(name).combine_chunks().flatten())
        return np.reshape(values, (table.num_rows, bins))

    counts = np.stack(
        [
            np.stack([column(f"{region}_{truth}", 101) for truth in _TRUTHS], 1)
            for region in _REGIONS
        ],
        axis=1,
    )
    sums = np.stack([column(f"{region}_sum", GROUPS) for region in _REGIONS], axis=1)
    return Histograms(counts.astype(np.int64), sums / 100)


def _facts_in(metadata: dict[bytes, bytes] | None) -> EvaluationFacts:
    values = parse_json((metadata or {})[_FACTS])
    if not isinstance(values, dict):
        raise TypeError("its facts are no object")
    known = {field.name for field in fields(EvaluationFacts)}
    values = {name: value for name, value in values.items() if name in known}
    values["verdict"] = _verdict_in(values).to_json()
    facts = _schema().validate_json(json.dumps(values))
    if facts.settings.threshold is None:
        raise ValueError("it does not say which threshold was used")
    return facts


@cache
def _schema() -> TypeAdapter[EvaluationFacts]:
    return TypeAdapter(EvaluationFacts)


def _verdict_in(values: dict[str, Any]) -> SplitVerdict:
    """Returns the verdict of stored facts; before it was a value, warnings were a part of it."""
    stored = values.get("verdict")
    if isinstance(stored, dict):
        return read_verdict(stored)
    telling = filter(_OF_VERDICT.match, values["warnings"])
    return worst(read_verdict(each) for each in [stored, *telling])


def _damaged(path: Path, error: Exception) -> DataError:
    if not path.exists():
        return DataError(f"There is no evaluation {path}; run `python -m training evaluate`.")
    why = first_fault(error) if isinstance(error, ValidationError) else reason(error)
    return DataError(f"The evaluation {path} can't be read ({why}); delete it and evaluate again.")
