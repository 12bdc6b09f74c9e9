"""The network's part of an evaluation: several subjects, photo by photo, each photo read once.

A photo's figures depend on the photo, the subject and the settings alone: not on what else is
evaluated beside it, nor on interruptions.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from core.device import resolve_device
from core.ensemble import mean_probability, mirrored
from core.errors import CarmaskError
from core.masks import MaskSettings, Probability
from core.predict import Predictor
from core.truth import Truth
from training.data.folder import Sample
from training.evaluation.histograms import histogram_of, no_histograms
from training.evaluation.measure import failed_row, row_of
from training.evaluation.stored import EvaluationFacts, StoredEvaluation
from training.evaluation.subjects import Subject
from training.evaluation.work import Measured, Pass, Work

_TOGETHER = 8
"""Photos that are worked on together beside a graphics card: measuring them takes longer than
answering, and each has a thread of its own."""

Pair = tuple[NDArray[np.uint8], Truth]
Answer = tuple[Probability, float]
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
    """The networks of some works, each loaded once; what several works ask is asked once."""

    def __init__(self, works: Sequence[Work], device: torch.device) -> None:
        paths = dict.fromkeys(path for work in works for path in work.subject.paths)
        self._predictors = {path: Predictor.load(path, str(device)) for path in paths}
        asked = Counter(each for work in works for each in work.passes)
        self._shared = {each for each, times in asked.items() if times > 1}
        self._kept: dict[tuple[Pass, int], Answer] = {}
        self.batch = _batch(device)
        """Photos that are read, asked about and measured together."""

    def answers(self, work: Work, pairs: dict[int, Pair]) -> dict[int, Answer]:
        """Returns a work's answers to photos, by their places."""
        passes = [self._pass(each, pairs) for each in work.passes]
        return {place: _mean([answers[place] for answers in passes]) for place in pairs}

    def forget(self) -> None:
        """Forgets the answers that works share; the next photos are others."""
        self._kept.clear()

    def _pass(self, asked: Pass, pairs: dict[int, Pair]) -> dict[int, Answer]:
        known = {p: self._kept[asked, p] for p in pairs if (asked, p) in self._kept}
        new = self._ask(asked, {p: pair for p, pair in pairs.items() if p not in known})
        if asked in self._shared:
            self._kept |= {(asked, place): answer for place, answer in new.items()}
        return known | new

    def _ask(self, asked: Pass, pairs: dict[int, Pair]) -> dict[int, Answer]:
        if not pairs:
            return {}
        path, flipped = asked
        started = time.perf_counter()
        photos = [mirrored(image) if flipped else image for image, _ in pairs.values()]
        found = list(self._predictors[path].predict_many(photos))
        if flipped:
            found = [mirrored(probability) for probability in found]
        seconds = (time.perf_counter() - started) / len(pairs)
        return {place: (each, seconds) for place, each in zip(pairs, found, strict=True)}


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
    answers = networks.answers(work, pairs)
    masks = work.masks

    def measure(place: int) -> Measured:
        pair = batch[place]
        if isinstance(pair, CarmaskError):
            return failed_row(samples[place], pair), no_histograms(1)
        return _measure(samples[place], pair, answers[place], masks)

    work.measured.extend(pool.map(measure, batch))


def _measure(sample: Sample, pair: Pair, answer: Answer, masks: MaskSettings) -> Measured:
    (image, truth), (probability, seconds) = pair, answer
    row = row_of(sample, image, truth, probability, masks, seconds)
    return row, histogram_of(probability, truth.car, truth.ignored)


def _mean(answers: Sequence[Answer]) -> Answer:
    if len(answers) == 1:
        return answers[0]
    started = time.perf_counter()
    mean = mean_probability(probability for probability, _ in answers)
    mixing = time.perf_counter() - started
    return mean, sum(seconds for _, seconds in answers) + mixing


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
