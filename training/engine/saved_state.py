"""The training state beside the last checkpoint: all that a resumed run needs to go on."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.errors import RunError
from core.files import write_bytes_atomically
from training.engine.learner import Learner
from training.engine.position import Position

_FORMAT = 2


def save_state(
    path: Path, position: Position, learner: Learner, fingerprints: dict[str, str]
) -> None:
    """Writes where a training stands, atomically.

    Args:
        path: The file.
        position: Counts.
        learner: Weights, averages, optimiser.
        fingerprints: Of the data folders, by name.

    Raises:
        OSError: It can't be written.
    """
    buffer = io.BytesIO()
    state = {"format": _FORMAT, "position": asdict(position), "data": fingerprints}
    torch.save({**state, **learner.state()}, buffer)
    write_bytes_atomically(path, buffer.getvalue())


def read_state(path: Path) -> dict[str, Any] | None:
    """Returns what was saved, for `load_state`; None for a run without a state.

    Raises:
        RunError: The file is damaged, or of a newer version.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RunError(f"The training state {path} is damaged: {error}.") from error
    written = state.get("format", 1) if isinstance(state, dict) else None
    if written not in (1, _FORMAT):
        raise RunError(
            f"The training state {path} has the format {written}; this version reads up to "
            f"{_FORMAT}. Go on with the version that wrote it."
        )
    return dict(state)


def load_state(
    state: dict[str, Any], run: Path, learner: Learner, fingerprints: dict[str, str]
) -> Position:
    """Brings a learner back to where it was saved and returns the position.

    Args:
        state: From `read_state`.
        run: The run's folder.
        learner: The run's network.
        fingerprints: Of the data folders, by name.

    Raises:
        RunError: The state is of other data or of another network.
    """
    if state.get("data") != fingerprints:
        raise RunError(
            f"The data of {run} have changed since it was trained; a resumed run "
            "needs the same files. Start a new run, or bring the old data back."
        )
    try:
        learner.load_state(state)
        return Position(**_position(state["position"], state.get("format", 1)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"The training state does not fit its run {run}: {error}.") from error


def _position(values: dict[str, Any], written: int) -> dict[str, Any]:
    if written == 1:  # before there was a choice of what is best
        values = dict(values)
        values["best_value"] = values.pop("best_dice")
        values["best_epoch"] = values["epoch"] - 1 if values["best_value"] >= 0 else 0
    return values
