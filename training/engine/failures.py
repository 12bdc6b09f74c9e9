"""What a person reads when a library or the system ends a training."""

from __future__ import annotations

from pathlib import Path

import torch

from core.errors import RunError, reason


def explained(error: Exception, run: Path, device: torch.device) -> Exception:
    """Returns a RunError that says what to do, where the error itself does not.

    Args:
        error: What was raised; one of Carmask's own comes back as it is.
        run: The run's folder.
        device: Where the network is.
    """
    go_on = f"go on with --resume {run}"
    if isinstance(error, OSError):
        return RunError(
            f"The run {run} can't be written: {reason(error)}. Make room, then {go_on}."
        )
    if isinstance(error, torch.OutOfMemoryError):
        return RunError(
            f"A step does not fit into the memory of {device}. Start again with a smaller batch "
            "and a larger accumulate, or with a smaller size or width."
        )
    if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
        return RunError(
            "A process that reads photos was killed, maybe for want of memory; "
            f"{go_on}, if need be with fewer --workers."
        )
    return error
