"""What a checkpoint costs: its size, its multiplications, and its speed and memory measured here.

Times are taken in turn over all that is compared, so that what else the machine does meanwhile
meets all of them alike.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from core.errors import CarmaskError, DataError, reason
from core.files import Facts, read_facts, write_bytes_atomically
from training.evaluation.stored import folder_of
from training.evaluation.subjects import Subject
from training.jobs.workers import WorkerDiedError, WorkerPool

SIZES = ((640, 480), (1632, 1224), (4000, 3000))
"""Width and height in px of the photos that are timed: 0.3, 2 and 12 megapixels."""
ROUNDS = 75
"""Photos of each size: with fewer than 72 the upper end of a 95th percentile can't be told."""
LONGEST = 180.0
"""Seconds for each subject after which no further round begins."""

_VERSION = 1
_WARM_UP = 2


@dataclass(frozen=True)
class Quantile:
    """A quantile of measured times with its 95% interval, in seconds."""

    seconds: float
    low: float
    high: float
    """Infinite where so few times were measured that nobody can tell."""

    def text(self) -> str:
        """Returns "81 ms (79 to 84)"."""
        high = f"{self.high * 1000:.0f}" if math.isfinite(self.high) else "more"
        return f"{self.seconds * 1000:.0f} ms ({self.low * 1000:.0f} to {high})"


@dataclass(frozen=True)
class Latency:
    """How long photos of one size take, reading and saving left out."""

    width: int
    """In px."""
    height: int
    """In px."""
    median: Quantile
    p95: Quantile
    """The time that 95% of the photos stay below."""
    photos: int
    """How many were timed."""

    @property
    def megapixels(self) -> float:
        """The photo's size, in millions of pixels."""
        return self.width * self.height / 1e6


@dataclass(frozen=True)
class Cost:
    """What a checkpoint, an ensemble or a cascade costs."""

    parameters: int
    multiply_adds: int
    """For one photo on the network's own square grid, of a cascade one that both networks predict;
    see `UNetConfig.multiply_adds`."""
    file_bytes: int
    latency: tuple[Latency, ...] = ()
    """Measured on this machine, smallest photo first; empty if that was not done."""
    peak_bytes: int | None = None
    """Most memory that a process held that segments the largest of the photos: its own on a
    processor, the card's on a graphics card; None if it was not measured."""
    device: str = ""
    """Where it was measured."""

    def lines(self) -> list[str]:
        """Returns what a person reads of it."""
        told = [
            f"{self.parameters:,} parameters, {self.multiply_adds / 1e9:.1f} billion multiply-adds "
            f"a photo, {self.file_bytes / 1e6:.1f} MB"
        ]
        told += [
            f"{each.megapixels:.1f} megapixels on {self.device}: median {each.median.text()}, "
            f"95% of photos below {each.p95.text()}"
            for each in self.latency
        ]
        if self.peak_bytes is not None:
            told.append(f"{self.peak_bytes / 1e9:.2f} GB of memory at most")
        return told


def cost_of(subject: Subject) -> Cost:
    """Returns what is known of a subject's cost without measuring: counts, and what was measured.

    Measured times are those of this machine and its usual device alone.
    """
    sides = 2 if subject.flips else 1
    sizes = [info.preprocessing.size for info in subject.infos]
    counted = Cost(
        parameters=sum(info.model.parameter_count() for info in subject.infos),
        multiply_adds=sum(
            sides * info.model.multiply_adds(size, size)
            for info, size in zip(subject.infos, sizes, strict=True)
        ),
        file_bytes=sum(path.stat().st_size for path in subject.paths),
    )
    return _with_measured(counted, subject)


def measure_costs(
    subjects: Sequence[Subject],
    *,
    device: str = "auto",
    sizes: Sequence[tuple[int, int]] = SIZES,
    rounds: int = ROUNDS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Cost]:
    """Returns the costs of subjects after they were measured here, in turn; they are kept.

    Args:
        subjects: What to measure.
        device: As for `core.device.resolve_device`.
        sizes: Width and height in px of the photos.
        rounds: How often each subject gets a photo of each size, unless that takes too long.
        progress: Called with (rounds done, rounds in all).

    Raises:
        CheckpointError: A checkpoint's weights are damaged.
        DataError: The figures can't be written, or a process that measures memory died.
        DeviceError: This machine has no such device.
    """
    from core.device import resolve_device  # torch takes seconds

    where = resolve_device(device)
    times = _times(subjects, str(where), sizes, rounds, progress or (lambda done, total: None))
    costs = []
    for subject, seconds in zip(subjects, times, strict=True):
        measured = {
            "version": _VERSION,
            "machine": _machine(),
            "device": str(where),
            "latency": [
                asdict(latency_of(*size, each)) for size, each in zip(sizes, seconds, strict=True)
            ],
            "peak_bytes": _peak_bytes(subject, str(where), sizes[-1]),
        }
        _write(subject, measured)
        costs.append(cost_of(subject))
    return costs


def latency_of(width: int, height: int, seconds: Sequence[float]) -> Latency:
    """Returns median and 95th percentile of times in seconds, with their intervals."""
    return Latency(
        width, height, quantile_of(seconds, 0.5), quantile_of(seconds, 0.95), len(seconds)
    )


def quantile_of(values: Sequence[float], share: float) -> Quantile:
    """Returns a quantile with its 95% interval, whatever the distribution of the values is.

    The interval's ends are two of the sorted values: so many of them lie below a quantile as of
    that many tosses of a coin with this share show heads.

    Source: Hahn and Meeker, "Statistical Intervals", 1991, section 5.2.

    Args:
        values: At least one.
        share: Which quantile, in (0, 1).
    """
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, np.float64))
    number = len(ordered)
    low, high = int(binom.ppf(0.025, number, share)), int(binom.ppf(0.975, number, share)) + 1
    return Quantile(
        float(np.quantile(ordered, share)),
        float(ordered[low - 1]) if low >= 1 else 0.0,
        float(ordered[high - 1]) if high <= number else float("inf"),
    )


def _times(
    subjects: Sequence[Subject],
    device: str,
    sizes: Sequence[tuple[int, int]],
    rounds: int,
    progress: Callable[[int, int], None],
) -> list[list[list[float]]]:
    """Returns the seconds of each subject, for each size, of each round."""
    ready = [subject.load(device) for subject in subjects]
    photos = [_photo(*size) for size in sizes]
    times: list[list[list[float]]] = [[[] for _ in sizes] for _ in subjects]
    until = time.perf_counter() + LONGEST * len(subjects)
    for turn in range(-_WARM_UP, rounds):
        if turn > 0 and time.perf_counter() > until:
            break
        for place, photo in enumerate(photos):
            for step in range(len(ready)):
                which = (step + turn) % len(ready)  # nobody is always the first
                started = time.perf_counter()
                ready[which](photo)
                if turn >= 0:
                    times[which][place].append(time.perf_counter() - started)
        if turn >= 0:
            progress(turn + 1, rounds)
    return times


def _photo(width: int, height: int) -> NDArray[np.uint8]:
    """Returns a photo; what it shows does not matter for the speed."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _peak_bytes(subject: Subject, device: str, size: tuple[int, int]) -> int:
    """Returns the memory of a process of its own that segments one photo."""
    try:
        with WorkerPool(1) as pool:
            return pool.submit(_peak_here, subject, device, size).result()
    except (WorkerDiedError, CarmaskError, MemoryError, RuntimeError) as error:
        raise DataError(
            f"The memory of {subject.title} can't be measured ({error}); close other programs and "
            "try again."
        ) from error


def _peak_here(subject: Subject, device: str, size: tuple[int, int]) -> int:
    from core.device import resolve_device
    from training.machine import peak_bytes

    subject.load(device)(np.zeros((size[1], size[0], 3), np.uint8))
    return peak_bytes(resolve_device(device))


def _machine() -> str:
    """Returns what tells this machine from others: its name, kind and number of processors."""
    return f"{platform.node()}, {platform.machine()}, {os.cpu_count()} processors"


def _path(subject: Subject) -> Path:
    identity = [subject.fingerprints, subject.flips, *(["cascade"] if subject.cascade else [])]
    told = json.dumps(identity).encode()
    return folder_of(subject.paths[0]) / f"cost-{hashlib.sha256(told).hexdigest()[:16]}.json"


class _CostFile(Facts):
    """What was measured, as it is read; the end of an interval may be infinite."""

    model_config = ConfigDict(allow_inf_nan=True)
    version: int = 0
    machine: str = ""
    device: str = ""
    latency: tuple[Latency, ...] = ()
    peak_bytes: Annotated[int, Field(ge=0)] | None = None


def _with_measured(cost: Cost, subject: Subject) -> Cost:
    """Returns a cost with what was measured of its subject on this machine."""
    found = read_facts(_path(subject), _CostFile)
    facts = found.facts
    if found.broken or (facts.version, facts.machine) != (_VERSION, _machine()):
        return cost
    return replace(cost, latency=facts.latency, peak_bytes=facts.peak_bytes, device=facts.device)


def _write(subject: Subject, values: dict[str, Any]) -> None:
    path = _path(subject)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, (json.dumps(values, indent=1) + "\n").encode())
    except OSError as error:
        raise DataError(f"The costs can't be written to {path} ({reason(error)}).") from error
