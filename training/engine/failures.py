"""What a person reads when a library or the system ends a training."""

from __future__ import annotations

from pathlib import Path

import torch

from core.errors import DivergedError, RunError, ShortMemoryError, reason
from training.config import TrainConfig
from training.proposals import memory_advice
from training.runs.runlog import Cause

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Words of torch's allocators, CUDA's, Apple's and the CPU's."""


def explained(error: Exception, run: Path, config: TrainConfig, device: torch.device) -> Exception:
    """Returns a RunError that says what to do, where the error itself does not.

    Args:
        error: What was raised; one of Carmask's own comes back as it is.
        run: The run's folder.
        config: Its settings.
        device: Where the network is.
    """
    go_on = f"go on with --resume {run}"
    if isinstance(error, OSError):
        return RunError(
            f"The run {run} can't be written: {reason(error)}. Make room, then {go_on}."
        )
    if is_short_memory(error):
        return short_memory(config, device)
    if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
        return RunError(
            "A process that reads photos was killed, maybe for want of memory; "
            f"{go_on}, if need be with fewer --workers."
        )
    return error


def is_short_memory(error: Exception) -> bool:
    """Tells whether something was raised for want of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).casefold() for words in _NO_MEMORY
    )


def short_memory(config: TrainConfig, device: torch.device) -> ShortMemoryError:
    """Returns what a person reads where a step does not fit, with settings that need less."""
    return ShortMemoryError(
        f"There is too little memory on {device} for a step of {config.batch} photos of "
        f"{config.size} px. {memory_advice(config)}"
    )


def cause_of(error: Exception) -> Cause:
    """Returns what kind of failure an error is."""
    if isinstance(error, DivergedError):
        return "diverged"
    return "memory" if isinstance(error, ShortMemoryError) else ""
