"""Which numbers the network works with."""

from __future__ import annotations

import torch

from core.device import autocast_dtype
from core.errors import ConfigError
from training.config import Precision


def half_type(precision: Precision, device: torch.device) -> torch.dtype | None:
    """Returns the half-precision type of a training's convolutions; None: float32.

    Weights, losses, averages and validation on a CPU are float32 at any choice.

    Raises:
        ConfigError: The device can't do it.
    """
    if precision == "auto":
        return autocast_dtype(device)
    if precision == "fp32":
        return None
    if precision == "bf16":
        if device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise ConfigError("precision is 'bf16'; this graphics card can't do it. Use 'auto'.")
        return torch.bfloat16
    if device.type == "cpu":
        raise ConfigError(
            "precision is 'fp16', which needs a graphics card; on a CPU use 'bf16' or 'fp32'."
        )
    return torch.float16
