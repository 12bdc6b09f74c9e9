"""Where the network runs: a graphics card, Apple's, or the processor."""

from __future__ import annotations

import torch

from core.errors import DeviceError

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> torch.device:
    """Returns the device for a name.

    Args:
        name: "auto" (CUDA, else Apple's MPS, else the CPU), "cpu", "cuda", "cuda:<number>" or
            "mps".

    Raises:
        DeviceError: The name is unknown, or this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in DEVICE_NAMES or (
        number and (kind != "cuda" or not (number.isdecimal() and len(number) < 4))
    ):
        raise DeviceError(f"Device {name!r} is unknown; use one of: {', '.join(DEVICE_NAMES)}.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceError("Device 'cuda' was asked for, but torch sees no CUDA card; use 'auto'.")
    if number and int(number) >= torch.cuda.device_count():
        raise DeviceError(
            f"Device {name!r} was asked for, but there are {torch.cuda.device_count()} cards, "
            "counted from 0."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("Device 'mps' was asked for, but this is not an Apple GPU; use 'auto'.")
    return torch.device(name)


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Returns the half-precision type a device is fast in, or None where float32 is best."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device.type == "mps" else None
