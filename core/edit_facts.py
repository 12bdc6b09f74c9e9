"""What is stored of an edited mask beside its pixels, and the digests that tell pixels apart."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.files import Facts
from core.truth import Mask


class Status(StrEnum):
    """What a person decided about an edit."""

    DRAFT = "draft"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNCLEAR = "unclear"


class Origin(Facts):
    """What an edit began from."""

    kind: str = ""
    """network, label (a data folder's mask), edit (an accepted one), or imported (a file's)."""
    checkpoint: str = ""
    """Name of the network; "" where no network made the mask."""
    fingerprint: str = ""
    """Its `core.checkpoint.network_fingerprint`."""
    edit: str = ""
    """The accepted edit that it began from."""


class EditFacts(Facts):
    """What is stored of an edit beside its pixels."""

    edit: str = ""
    """Its name, unique among a photo's."""
    photo: str = ""
    """Digest of the photo's pixels; see `photo_digest`."""
    name: str = ""
    """The photo's name when it began."""
    height: int = 0
    """Of the photo in px."""
    width: int = 0
    start: str = ""
    """Digest of the mask that it began from; see `mask_digest`."""
    origin: Origin = Origin()
    began: str = ""
    """Time in UTC, ISO 8601."""
    changed: str = ""
    """When the status changed last."""
    status: Status = Status.DRAFT
    mask: str = ""
    """Digest of the accepted mask."""
    steps: int = 0
    """Steps that the accepted mask holds."""
    seconds: float = 0.0
    """Time spent on it until then."""
    base: str = ""
    """The photo's accepted edit when this one began; "" for none."""


def photo_digest(pixels: NDArray[np.uint8]) -> str:
    """Returns the digest of a photo's size and upright pixels (H, W, 3): SHA-256, 32 digits.

    The same picture has the same one under whatever name, in whatever folder, ZIP or upload.
    """
    return _digest(pixels.shape, np.ascontiguousarray(pixels))


def mask_digest(mask: Mask) -> str:
    """Returns the digest of a mask (H, W): SHA-256 of its size and bits, 32 digits."""
    return _digest(mask.shape, np.packbits(mask))


def _digest(shape: tuple[int, ...], values: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(f"{shape[1]}x{shape[0]}".encode())
    digest.update(values.data)
    return digest.hexdigest()[:32]
