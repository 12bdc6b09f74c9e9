"""What a person watching a training sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a training is; sent after each step and each validated photo."""

    phase: str
    """"train" or "validate"."""
    epoch: int
    epochs: int
    """Epochs asked for; 0 where they are not what ends the training."""
    done: int
    """Images done in this phase of this epoch."""
    total: int
    loss: float
    """Mean loss of the epoch so far."""
    dice: float | None
    """Mean validation Dice of the last validated epoch."""
    share: float = 0.0
    """How much of the whole training is done, in [0, 1]."""
    seconds: float = 0.0
    """Wall time so far, over all sessions."""
    images_per_second: float = 0.0
    """Of this epoch's training."""
