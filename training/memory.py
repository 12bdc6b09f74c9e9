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
    return _bytes_named(_FREE, "MemAvailable:")


def peak_bytes(device: torch.device) -> int:
    """Returns the most memory held so far: this process's own, or a graphics card's for it.

    0 where nobody can tell.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if _STATUS.exists():  # Linux, where `getrusage` begins with what the starting process held
        return _bytes_named(_STATUS, "VmHWM:") or 0
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _bytes_named(file: Path, name: str) -> int | None:
    """Returns what a line such as "VmHWM: 12 kB" says, in bytes; None without it."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None
