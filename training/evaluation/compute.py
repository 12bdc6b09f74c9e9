"""The network's part of an evaluation: several subjects, photo by photo, each photo read once.

A photo's figures depend on the photo, the subject and the settings alone: not on what else is
evaluated beside it, nor on interruptions. What is done is kept, and goes on where it stopped.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.device import resolve_device
from core.errors import CarmaskError, DataError
from core.image_model import ImageModel, Prediction
from core.masks import MaskSettings, Probability
from core.predict import Mirrored
from core.torch_predictor import TorchPredictor
from core.truth import Truth
from training.data.folder import Sample
from training.evaluation.measure import (
    Histograms,
    ImageRow,
    failed_row,
    histogram_of,
    joined,
    no_histograms,
    row_of,
)
from training.evaluation.stored import (
    UNFINISHED,
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    read_evaluation,
    write_evaluation,
)
from training.evaluation.subjects import Subject
from training.runs.runlog import now

Measured = tuple[ImageRow, Histograms]
"""What is known of one photo."""

_EVERY = 10.0
"""Seconds between two writings of what is done, at least."""
_SHARE = 20.0
"""Times as long as a writing takes, the next one waits: long evaluations are written less often."""


@dataclass
class Work:
    """A subject's evaluation on some photos, as far as it is."""

    subject: Subject
    facts: EvaluationFacts
    """What it is of; counts and times are filled in at its end."""
    measured: list[Measured] = field(default_factory=list)
    """The first photos, in the data's order."""
    _next: float = 0.0

    @classmethod
    def begun(cls, subject: Subject, facts: EvaluationFacts) -> Work:
        """Returns a work that goes on with what an interrupted one left, if it was of this kind.

        What another device or another version of a library computed is not mixed with this one's.
        """
        work = cls(subject, facts)
        with suppress(DataError):
            part = read_evaluation(work.part)
            if (part.facts.device, part.facts.code) == (facts.device, facts.code):
                each = (part.histograms.take(np.array([at])) for at in range(len(part.image_rows)))
                work.measured = list(zip(part.image_rows, each, strict=True))
        return work

    @property
    def done(self) -> int:
        """How many photos are done."""
        return len(self.measured)

    @property
    def masks(self) -> MaskSettings:
        """How its masks are made."""
        return self.facts.settings.masks(self.facts.threshold)

    @property
    def path(self) -> Path:
        """The file of the finished evaluation."""
        return evaluation_path(self.subject, self.facts.key)

    @property
    def part(self) -> Path:
        """The file of what is done so far."""
        return self.path.with_suffix(UNFINISHED)

    def save(self, *, now_and_then: bool = False) -> None:
        """Writes what is done so far; raises a DataError where it can't.

        Args:
            now_and_then: Whether to do so only if the last time was long ago.
        """
        started = time.monotonic()
        if not self.measured or (now_and_then and started < self._next):
            return
        write_evaluation(self.part, self._stored())
        ended = time.monotonic()
        self._next = ended + max(_EVERY, _SHARE * (ended - started))

    def finish(self) -> StoredEvaluation:
        """Returns the whole evaluation after it was written; raises a DataError where it can't."""
        evaluation = self._stored()
        write_evaluation(self.path, evaluation)
        self.part.unlink(missing_ok=True)
        return evaluation

    def _stored(self) -> StoredEvaluation:
        rows = [row for row, _ in self.measured]
        facts = replace(
            self.facts,
            images=len(rows),
            cars=len({(row.source, row.car) for row in rows}),
            failed=sum(bool(row.error) for row in rows),
            created=now(),
        )
        histograms = joined([histograms for _, histograms in self.measured])
        return StoredEvaluation(facts, tuple(rows), histograms)


_TOGETHER = 8
"""Photos that are worked on together beside a graphics card: measuring them takes longer than
predicting, and each has a thread of its own."""

Image = NDArray[np.uint8]
Pair = tuple[Image, Truth]
Timed = tuple[Probability, float]
"""A probability (H, W), and the seconds that it took."""


def compute(
    missing: Sequence[tuple[Subject, EvaluationFacts]],
    samples: Sequence[Sample],
    device: str,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> dict[str, StoredEvaluation]:
    """Returns the finished evaluations by their keys; arguments as for `evaluate_subjects`."""
    where = resolve_device(device)
    works = [
        Work.begun(subject, replace(facts, device=_name(where), code=_versions()))
        for subject, facts in missing
    ]
    networks = Networks(works, where)
    total = len(samples) * len(works)
    finished: dict[str, StoredEvaluation] = {}
    try:
        for _ in _photo_by_photo(works, samples, networks):
            for work in works:
                work.save(now_and_then=True)
            if progress:
                progress(sum(work.done for work in works), total)
            if stop and stop():
                break
    finally:
        for work in works:
            if work.done == len(samples):
                finished[work.facts.key] = work.finish()
            else:
                work.save()
    return finished


class Networks:
    """The models of some works; each checkpoint is loaded once and predicts each photo once."""

    def __init__(self, works: Sequence[Work], device: torch.device) -> None:
        flips: dict[Path, bool] = {}
        finer: set[tuple[Path, int]] = set()
        for work in works:
            for path, info in zip(work.subject.paths, work.subject.infos, strict=True):
                flips[path] = flips.get(path, False) or work.subject.flips
                if work.subject.cascade and info.detail:
                    finer.add((path, info.detail))
        self._checkpoints = {
            (path, 0): _Checkpoint(TorchPredictor.load(path, str(device)), flips=any_flips)
            for path, any_flips in flips.items()
        }
        for path, size in finer:
            usual = self._checkpoints[path, 0].predictor
            self._checkpoints[path, size] = _Checkpoint(usual.on_grid(size), flips=True)
        self._members: list[_Member] = []
        self._models = {work.facts.key: self._model(work.subject) for work in works}
        self.batch = _batch(device)
        """Photos that are read, predicted and measured together."""

    def predictions(self, work: Work, images: dict[int, Image]) -> dict[int, Timed]:
        """Returns a work's predictions for photos, at their own sizes, by their places."""
        if not work.subject.flips:
            for path in work.subject.paths:
                self._checkpoints[path, 0].predict_many(list(images.values()))
        return {place: self._timed(work, image) for place, image in images.items()}

    def forget(self) -> None:
        """Forgets the predictions that works share; the next photos are others."""
        for checkpoint in self._checkpoints.values():
            checkpoint.forget()

    def _model(self, subject: Subject) -> ImageModel:
        def member(path: Path, size: int = 0) -> ImageModel:
            self._members.append(_Member(self._checkpoints[path, size], flips=subject.flips))
            return self._members[-1]

        return subject.assemble(member)

    def _timed(self, work: Work, image: Image) -> Timed:
        """Returns a prediction and its time, of which a shared one counts in full."""
        for member in self._members:
            member.seconds = member.passed = 0.0
        started = time.perf_counter()
        probability = self._models[work.facts.key](image)
        seconds = time.perf_counter() - started
        return probability, seconds + sum(each.seconds - each.passed for each in self._members)


class _Checkpoint:
    """A checkpoint, and its predictions for the photos at hand, which several works share."""

    def __init__(self, predictor: TorchPredictor, *, flips: bool) -> None:
        self.predictor = predictor
        self.known: dict[tuple[int, bool], tuple[Prediction, float]] = {}
        """Prediction and seconds by the photo's id and whether the mirror image is in it."""
        self._photos: list[Image] = []
        """What the ids are of: an array that nobody holds would leave its id to another."""
        self._mirrored = Mirrored(predictor) if flips else None

    def forget(self) -> None:
        """Forgets the photos and their predictions."""
        self.known.clear()
        self._photos.clear()

    def predict(self, image: Image, *, flips: bool) -> tuple[Prediction, float]:
        """Returns the prediction for a photo, and the seconds that it took."""
        self.predict_many([image])
        return self.known[id(image), flips]

    def predict_many(self, images: Sequence[Image]) -> None:
        """Predicts the photos that are new."""
        new = [image for image in images if (id(image), False) not in self.known]
        self._photos += new
        if self._mirrored is not None:
            for image in new:
                started = time.perf_counter()
                one, mean = self._mirrored.predict_both(image)
                seconds = time.perf_counter() - started
                self.known[id(image), False] = one, seconds / 2
                self.known[id(image), True] = mean, seconds
            return
        started = time.perf_counter()
        found = list(self.predictor.predict_many(new))
        seconds = (time.perf_counter() - started) / max(1, len(new))
        for image, prediction in zip(new, found, strict=True):
            self.known[id(image), False] = prediction, seconds


class _Member(ImageModel):
    """A checkpoint in the model of one work."""

    def __init__(self, checkpoint: _Checkpoint, *, flips: bool) -> None:
        self._checkpoint = checkpoint
        self._flips = flips
        self.seconds = 0.0
        """Time that the predictions for a photo and its crop took when they were made."""
        self.passed = 0.0
        """Time that they took now: less where they were known."""

    @property
    def name(self) -> str:
        """Name of the checkpoint."""
        return self._checkpoint.predictor.name

    @property
    def threshold(self) -> float:
        """The checkpoint's own threshold, in [0, 1]."""
        return self._checkpoint.predictor.threshold

    def predict(self, image: Image) -> Prediction:
        """Returns the prediction for a photo, from what is known where it is."""
        started = time.perf_counter()
        prediction, seconds = self._checkpoint.predict(image, flips=self._flips)
        self.seconds += seconds
        self.passed += time.perf_counter() - started
        return prediction


def _batch(device: torch.device) -> int:
    """Returns how many photos are worked on together."""
    return 1 if device.type == "cpu" else _TOGETHER


def _photo_by_photo(
    works: Sequence[Work], samples: Sequence[Sample], networks: Networks
) -> Iterator[None]:
    """Adds photos to the works that lack them; stops for a moment after each one (or batch)."""
    threads = max(2, os.cpu_count() or 1)
    first = min(work.done for work in works)
    with ThreadPoolExecutor(threads) as pool:
        read = _read_ahead(list(enumerate(samples))[first:], pool, 2 * networks.batch)
        while batch := dict(islice(read, networks.batch)):
            for work in works:
                here = {place: pair for place, pair in batch.items() if place >= work.done}
                _add(work, here, samples, networks, pool)
            networks.forget()
            yield


def _add(
    work: Work,
    batch: dict[int, Pair | CarmaskError],
    samples: Sequence[Sample],
    networks: Networks,
    pool: ThreadPoolExecutor,
) -> None:
    """Adds a batch of photos, by their places, to a work."""
    pairs = {place: pair for place, pair in batch.items() if not isinstance(pair, CarmaskError)}
    predictions = networks.predictions(work, {place: image for place, (image, _) in pairs.items()})
    masks = work.masks

    def measure(place: int) -> Measured:
        pair = batch[place]
        if isinstance(pair, CarmaskError):
            return failed_row(samples[place], pair), no_histograms(1)
        return _measure(samples[place], pair, predictions[place], masks)

    work.measured.extend(pool.map(measure, batch))


def _measure(sample: Sample, pair: Pair, prediction: Timed, masks: MaskSettings) -> Measured:
    (image, truth), (probability, seconds) = pair, prediction
    row = row_of(sample, image, truth, probability, masks, seconds)
    return row, histogram_of(probability, truth.car, truth.ignored)


def _read_ahead(
    samples: Sequence[tuple[int, Sample]], pool: ThreadPoolExecutor, ahead: int
) -> Iterator[tuple[int, Pair | CarmaskError]]:
    """Yields (place, photo with mask, or why it can't be read), some read while others are used."""
    waiting: deque[tuple[int, Future[Pair | CarmaskError]]] = deque()
    for place, sample in samples:
        waiting.append((place, pool.submit(_read, sample)))
        if len(waiting) > ahead:
            place, future = waiting.popleft()
            yield place, future.result()
    for place, future in waiting:
        yield place, future.result()


def _read(sample: Sample) -> Pair | CarmaskError:
    try:
        return sample.read_truth()
    except CarmaskError as error:
        return error


def _name(device: torch.device) -> str:
    """Returns a device as facts say it: "cpu", "cuda, NVIDIA H100"."""
    if device.type != "cuda":
        return str(device)
    return f"{device}, {torch.cuda.get_device_name(device)}"


def _versions() -> str:
    """Returns the versions of what figures depend on: "torch 2.14.0, opencv ..."."""
    names = ("torch", "opencv-python-headless", "numpy", "pillow")
    return ", ".join(f"{name} {version(name)}" for name in names)
