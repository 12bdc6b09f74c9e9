"""The machine and the code that a run is trained on: memory, versions, fingerprint."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from core.places import PACKAGES

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


_LIBRARIES = ("torch", "torchvision", "albumentations", "numpy", "opencv-python-headless", "pillow")


def code_facts() -> dict[str, Any]:
    """Returns the fingerprint of core and training and the versions of what they stand on."""
    versions: dict[str, Any] = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = None
    return {"fingerprint": code_fingerprint(), "versions": versions}


def code_fingerprint() -> str:
    """Returns a SHA-256 of the source of core and training."""
    digest = hashlib.sha256()
    for package in ("core", "training"):
        for path in sorted((PACKAGES / package).rglob("*.py")):
            digest.update(
                path.relative_to(PACKAGES).as_posix().encode() + b"\0" + path.read_bytes()
            )
    return digest.hexdigest()


def environment_facts(device: torch.device) -> dict[str, Any]:
    """Returns `code_facts` and the machine: system, device, threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        **code_facts(),
        "system": platform.system(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
    }
