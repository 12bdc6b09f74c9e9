"""How much memory there is, and how much this process has held at most."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_FREE = Path("/proc/meminfo")


def available_bytes() -> int | None:
    """Returns how much memory is free for use, None where the system (not Linux) doesn't say."""
    if not _FREE.exists():
        return None
    lines = _FREE.read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line[:13] == "MemAvailable:"), None)


def peak_bytes(device: torch.device) -> int:
    """Returns the most memory held so far: this process's own, or a graphics card's for it.

    0 where nobody can tell.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if _STATUS.exists():  # Linux, where `getrusage` begins with what the starting process held
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line[:6] == "VmHWM:"), 0)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
