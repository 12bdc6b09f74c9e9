"""What a run ran on: versions, device, threads and the code's own fingerprint."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from typing import Any

import torch

from core.places import PACKAGES

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
