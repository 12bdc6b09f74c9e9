"""Turns library and system errors that end a training into RunErrors with advice."""

from __future__ import annotations

from pathlib import Path

import torch

from core.errors import DivergedError, RunError, ShortMemoryError, reason
from training.config import TrainConfig
from training.proposals import memory_advice
from training.runs.runlog import Cause

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Words of torch's allocators for CUDA, Apple's GPU and the CPU."""


def explained(error: Exception, run: Path, config: TrainConfig, device: torch.device) -> Exception:
    """Returns a RunError with advice, or the error itself where it is one of Carmask's.

    Args:
        error: What was raised.
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
    """Returns whether an error means out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).casefold() for words in _NO_MEMORY
    )


def short_memory(config: TrainConfig, device: torch.device) -> ShortMemoryError:
    """Returns an error that proposes settings that need less memory."""
    return ShortMemoryError(
        f"There is too little memory on {device} for a step of {config.batch} photos of "
        f"{config.size} px. {memory_advice(config)}"
    )


def cause_of(error: Exception) -> Cause:
    """Returns what kind of failure an error is."""
    if isinstance(error, DivergedError):
        return "diverged"
    return "memory" if isinstance(error, ShortMemoryError) else ""
