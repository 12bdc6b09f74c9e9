"""Samples for tests: noise instead of cars, with true masks."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_samples(folder: Path) -> None:
    """Writes three cars of two views, 120 x 80 px; the true car is 60 x 40 px of it."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    random = np.random.default_rng(0)
    for name in (f"synth{car:04}_{view:02}" for car in range(3) for view in (1, 9)):
        pixels = random.integers(0, 256, (80, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{name}.jpg")
        mask = np.zeros((80, 120), np.uint8)
        mask[20:60, 30:90] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
