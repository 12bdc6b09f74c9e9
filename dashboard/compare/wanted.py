"""The images that a comparison is on, with their photos where they are on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dashboard.compare.measured import ImageSet, split_files
from training.data.folder import Reading
from training.evaluation.images import EvaluationImages
from training.jobs.evaluation import EvaluationRequest


@dataclass(frozen=True)
class Wanted:
    """The images that a person asks for."""

    images: ImageSet
    here: EvaluationImages | None
    """The photos with their masks, where they are on this machine."""
    missing: str
    """Why they are not here; "" where they are."""
    reading: Reading = field(default_factory=Reading)
    """How their data folders are read."""

    @property
    def split(self) -> Path | None:
        """The file of the split that chose them; None for all images of the data."""
        wanted = self.images.split_fingerprint
        return next((path for path, split in split_files().items() if split == wanted), None)

    def request(self) -> EvaluationRequest:
        """Returns what measures checkpoints on these images, which must be on this machine."""
        assert self.here is not None
        return EvaluationRequest(
            checkpoints=(),
            data=tuple(dataset.root for dataset in self.here.datasets),
            reading=self.reading,
            split=self.split,
            part=self.images.part,
        )
