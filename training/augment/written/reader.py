"""What an augmented set has of one photo: its versions, and what was done to each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.files import parse_json
from core.image import read_image
from training.augment.written.settings import MANIFEST
from training.data.mask_source import MaskSource, written_mask


@dataclass(frozen=True)
class WrittenVersion:
    """One picture of an augmented set."""

    version: int
    """From 1; 0 is the photo itself, only resized."""
    image_path: Path
    mask: MaskSource
    applied: tuple[tuple[str, dict[str, Any]], ...]
    """Name and drawn parameters of each transform, in order."""

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the image (H, W, 3) uint8 and its mask (H, W) bool.

        Raises:
            ImageError: The picture can't be read.
            MaskError: Its mask can't be read.
        """
        image = read_image(self.image_path)
        return image, self.mask.read((image.shape[0], image.shape[1]))


def read_versions(out: Path, source: str) -> list[WrittenVersion]:
    """Returns the versions that stand already of one photo, in their order.

    Args:
        out: Folder of the augmented set, which may still be written to.
        source: The photo's name in the dataset that it is of.
    """
    wanted = json.dumps(source).encode()
    found = []
    try:
        with (out / MANIFEST).open("rb") as file:
            for raw in file:
                line = _parsed(raw) if wanted in raw else {}
                if line.get("source") == source and "image" in line:
                    found.append(line)
    except OSError:
        return []
    return [
        WrittenVersion(
            int(line["version"]),
            out / line["image"],
            written_mask(out / line["mask"], line),
            tuple((each["transform"], each["parameters"]) for each in line["applied"]),
        )
        for line in found
    ]


def _parsed(raw: bytes) -> dict[str, Any]:
    """Returns a line of the manifest; an empty one where it is torn."""
    try:
        line = parse_json(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
