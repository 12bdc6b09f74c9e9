"""What is evaluated: a checkpoint or an ensemble, with or without mirrored photos, or a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from core.cascade import Cascade
from core.checkpoint import CheckpointInfo, find_checkpoint, network_fingerprint, read_info
from core.errors import CheckpointError, ConfigError, reason
from core.predict import Ensemble, Mirrored, load_predictor
from core.predictor import require_photo_network
from core.refine import Detailed, Refined
from core.split_verdict import SplitVerdict, worst

if TYPE_CHECKING:
    from core.image_model import ImageModel


class Member(Protocol):
    """Makes models of checkpoints."""

    def __call__(self, path: Path, size: int = 0, /) -> ImageModel:
        """Returns the model of a checkpoint, on a grid of another size where one is given."""


Identity = tuple[tuple[str, ...], bool, bool]
"""Fingerprints, flips and cascade of a subject."""


@dataclass(frozen=True)
class Subject:
    """One function from a photo to a probability.

    Made by `subject_of`; by `ensemble_of`, whose checkpoints give the mean of probabilities; or by
    `cascade_of`, whose second checkpoint predicts where the first one is uncertain.
    """

    title: str
    """As a person calls it: "run/best", "run/best + other/best", "run/best, mirrored too",
    "run/best, fallback other/best"."""
    paths: tuple[Path, ...]
    """Its checkpoint files: of an ensemble in the order of their fingerprints, so that it is the
    same one in whatever order it was named; of a cascade the first and its fallback."""
    fingerprints: tuple[str, ...]
    """Of each; see `core.checkpoint.network_fingerprint`."""
    infos: tuple[CheckpointInfo, ...]
    """The facts of each."""
    flips: bool = False
    """Whether the mean is taken with the mirrored photo's probability, mirrored back."""
    cascade: bool = False
    """Whether the second checkpoint is the fallback of the first; see `core.cascade.Cascade`."""

    @property
    def identity(self) -> Identity:
        """What tells it from other subjects, and finds its evaluations."""
        return self.fingerprints, self.flips, self.cascade

    @property
    def threshold(self) -> float:
        """Its own threshold: of an ensemble its members' mean, of a cascade the first one's."""
        if self.cascade:
            return self.infos[0].threshold
        return fmean(info.threshold for info in self.infos)

    @property
    def verdict(self) -> SplitVerdict:
        """The worst of the verdicts on the splits that its checkpoints were trained with."""
        return worst(info.verdict for info in self.infos)

    def load(self, device: str = "auto") -> ImageModel:
        """Returns it ready to predict.

        Raises:
            CheckpointError: The weights of a checkpoint are damaged.
            DeviceError: This machine has no such device.
        """

        def member(path: Path, size: int = 0) -> ImageModel:
            predictor = load_predictor(path, device)
            predictor = predictor.on_grid(size) if size else predictor
            return Mirrored(predictor) if self.flips else predictor

        return self.assemble(member)

    def assemble(self, member: Member) -> ImageModel:
        """Returns it as a model; `member` returns that of one of its checkpoints."""
        models = [member(path) for path in self.paths]
        if self.cascade:
            first, fallback = (
                Detailed(model, member(path, info.detail), info.detail) if info.detail else model
                for model, path, info in zip(models, self.paths, self.infos, strict=True)
            )
            return Cascade(first, lambda: Refined(fallback), self.infos[0].familiar)
        return models[0] if len(models) == 1 else Ensemble(models)


def subject_of(file_or_run: Path, *, flips: bool = False) -> Subject:
    """Returns a checkpoint as a subject; reads its header and its fingerprint, no tensor.

    Args:
        file_or_run: A checkpoint, or a run's folder: its best one.
        flips: Whether to take the mean with the mirrored photo.

    Raises:
        CheckpointError: It can't be read, has no facts, or does not segment RGB photos.
    """
    path = find_checkpoint(file_or_run)
    info = read_info(path)
    require_photo_network(path, info)
    return Subject(
        _flipped(title_of(path), flips), (path,), (fingerprint_of(path),), (info,), flips
    )


def ensemble_of(subjects: Sequence[Subject], *, flips: bool = False) -> Subject:
    """Returns the ensemble of the checkpoints of several subjects.

    Raises:
        ConfigError: There are fewer than two different checkpoints.
    """
    members = {
        fingerprint: (path, info)
        for subject in subjects
        for fingerprint, path, info in zip(
            subject.fingerprints, subject.paths, subject.infos, strict=True
        )
    }
    if len(members) < 2:
        raise ConfigError("An ensemble needs two different checkpoints or more; name another one.")
    prints = tuple(sorted(members))
    name = " + ".join(sorted(title_of(path) for path, _ in members.values()))
    return Subject(
        _flipped(name, flips),
        tuple(members[each][0] for each in prints),
        prints,
        tuple(members[each][1] for each in prints),
        flips,
    )


def cascade_of(first: Path, fallback: Path) -> Subject:
    """Returns what app and command line predict with: mirrored photos, and a fallback.

    Args:
        first: A checkpoint, or a run's folder.
        fallback: The one that predicts where the first is uncertain.

    Raises:
        CheckpointError: One of them can't be read, or does not segment RGB photos.
        ConfigError: They are the same network.
    """
    one, other = subject_of(first), subject_of(fallback)
    if one.fingerprints == other.fingerprints:
        raise ConfigError(
            f"A cascade needs two different checkpoints; {one.title} and {other.title} are the "
            "same network."
        )
    return Subject(
        f"{one.title}, fallback {other.title}",
        one.paths + other.paths,
        one.fingerprints + other.fingerprints,
        one.infos + other.infos,
        flips=True,
        cascade=True,
    )


def title_of(path: Path) -> str:
    """Returns how a checkpoint is called: "run/best" in a run's folder, else its file's name."""
    if path.parent.name == "checkpoints":
        return f"{path.resolve().parent.parent.name}/{path.stem}"
    return path.stem


def fingerprint_of(path: Path) -> str:
    """Returns a checkpoint's `network_fingerprint`; it is read again only when it was changed.

    Raises:
        CheckpointError: The file can't be read.
    """
    try:
        stat = path.stat()
        return _digest(path.resolve(), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({reason(error)}); copy it again.") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, changed: int) -> str:
    return network_fingerprint(path)


def _flipped(name: str, flips: bool) -> str:
    return f"{name}, mirrored too" if flips else name
