"""The networks of the API: which there are, and their sessions, shared with the dashboard."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Lock

from core.checkpoint import CheckpointEntry, checkpoint_name, default_fallback, list_checkpoints
from core.errors import CheckpointError
from core.session import PredictionSession, shared_session

NONE = "none"
"""Name of the fallback of a network that gets none."""
_FRESH_SECONDS = 5.0


class Models:
    """The checkpoints below a folder of runs, by their names."""

    def __init__(self, runs: Path) -> None:
        """Reads nothing yet."""
        self._runs = runs
        self._lock = Lock()
        self._listed: tuple[float, list[CheckpointEntry]] | None = None

    def entries(self) -> list[CheckpointEntry]:
        """Returns the checkpoints that can be read, the best first; at most some seconds old."""
        with self._lock:
            now = time.monotonic()
            if self._listed is None or now - self._listed[0] > _FRESH_SECONDS:
                good = [each for each in list_checkpoints(self._runs) if each.info is not None]
                self._listed = now, good
            return self._listed[1]

    def session(self, checkpoint: str = "", fallback: str = "") -> PredictionSession:
        """Returns the session of a checkpoint; loading one takes seconds.

        Args:
            checkpoint: Its name, as in the list; "" takes the best one.
            fallback: The name of the one that predicts where the first is uncertain, or "none";
                "" takes the default for the best checkpoint, and none for one that was named, as
                `carmask segment` does.

        Raises:
            CheckpointError: There is no such checkpoint, or it can't be used.
        """
        entries = self.entries()
        if not entries:
            raise CheckpointError("There is no checkpoint to segment with.")
        first = self._named(entries, checkpoint) if checkpoint else entries[0]
        second = None
        if fallback and fallback != NONE:
            second = self._named(entries, fallback)
        elif not fallback and not checkpoint:
            second = default_fallback(first, entries)
        return shared_session(first.path, second.path if second else None)

    @staticmethod
    def _named(entries: list[CheckpointEntry], name: str) -> CheckpointEntry:
        for entry in entries:
            if checkpoint_name(entry.path) == name:
                return entry
        raise CheckpointError(
            "There is no checkpoint of this name; GET /api/v1/checkpoints lists those there are."
        )
