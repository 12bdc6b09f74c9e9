"""Networks that may judge a label: none of those that were trained on the photo's car."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError, DataError
from training.data.folder import Sample
from training.data.lineage import NO_RECORD, trained_before
from training.data.sides import Digests, TrainedCars
from training.evaluation.subjects import Subject, subject_of, title_of

if TYPE_CHECKING:
    from core.image_model import ImageModel


@dataclass(frozen=True)
class Judge:
    """A checkpoint, predicting photo and mirror image, with what it was trained on."""

    subject: Subject
    trained: TrainedCars
    device: str = "auto"

    @property
    def name(self) -> str:
        """What a person calls it: "run/best"."""
        return title_of(self.subject.paths[0])

    @property
    def fingerprint(self) -> str:
        """Of its network."""
        return self.subject.fingerprints[0]

    @cached_property
    def model(self) -> ImageModel:
        """The network, loaded when it is first needed.

        Raises:
            CheckpointError: Its weights are damaged.
            DeviceError: This machine has no such device.
        """
        return self.subject.load(self.device)

    def has_not_seen(self, sample: Sample, digests: Digests) -> bool:
        """Returns whether it is on record that it was trained on no photo of a sample's car.

        A label that began as its own mask it would find right: that one it has seen.

        Args:
            sample: The photo.
            digests: Of all photos, by their cars; see `training.data.sides.photo_digests`.
        """
        known = digests.get(sample.car, ())
        if sample.anchor == self.fingerprint:
            return False
        return self.trained.complete and not self.trained.has(sample.car, known, sample.drawing)


def judges_of(checkpoints: Iterable[Path], device: str = "auto") -> list[Judge]:
    """Returns checkpoints as judges, each network once; loads none.

    Args:
        checkpoints: Files, or runs' folders.
        device: As for `core.device.resolve_device`.

    Raises:
        CheckpointError: One can't be read, or does not segment RGB photos.
        ConfigError: There is none.
    """
    judges: dict[str, Judge] = {}
    for path in checkpoints:
        subject = subject_of(path, flips=True)
        trained = NO_RECORD
        with suppress(DataError):
            trained = trained_before(subject.paths[0])
        judges.setdefault(subject.fingerprints[0], Judge(subject, trained, device))
    if not judges:
        raise ConfigError("There is no network to review with; give --checkpoint C, or --folds K.")
    return list(judges.values())


def unseen(judges: Sequence[Judge], sample: Sample, digests: Digests) -> list[Judge]:
    """Returns the judges that a photo's car is new to, in their order."""
    return [judge for judge in judges if judge.has_not_seen(sample, digests)]
