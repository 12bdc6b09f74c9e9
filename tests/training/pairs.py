"""Draws photos with masks for the tests: a dark ellipse on bright noise."""

from pathlib import Path

import numpy as np

from core.image import encode_jpeg, encode_png


def write_pair(root: Path, name: str, seed: int, size: tuple[int, int] = (48, 64)) -> None:
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: size[0], : size[1]]
    centre = rng.uniform(0.4, 0.6, 2) * size
    mask = ((yy - centre[0]) / (size[0] / 4)) ** 2 + ((xx - centre[1]) / (size[1] / 3)) ** 2 < 1
    image = rng.integers(150, 255, (*size, 3), dtype=np.uint8)
    image[mask] //= 3
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "masks").mkdir(exist_ok=True)
    (root / "images" / f"{name}.jpg").write_bytes(encode_jpeg(image))
    (root / "masks" / f"{name}.png").write_bytes(encode_png(mask))
