"""The ground of busy places, seen from above: asphalt, paving, grass, tiles and their markings."""

import cv2
import numpy as np

from training.synthetic.backdrop import Floats, fractal, ground_size, on_ground, smooth


def _markings(rng: np.random.Generator, drawing: Floats) -> None:
    """Paints parking bays, lanes or a crossing on the floor's drawing."""
    tone = np.array([0.86, 0.86, 0.83] if rng.random() < 0.75 else [0.85, 0.68, 0.2])
    layer = np.zeros(drawing.shape[:2], dtype=np.float32)
    step, wide = rng.uniform(2.4, 3.4), max(2, round(ground_size(0.11)))
    ends = on_ground(rng.uniform(-8, -3)), on_ground(rng.uniform(2, 7))
    across = rng.random() < 0.5
    for place in np.arange(-14, 14, step if rng.random() < 0.7 else 0.9) + rng.uniform(0, 1):
        at = on_ground(place)
        one, two = ((at, ends[0]), (at, ends[1])) if across else ((ends[0], at), (ends[1], at))
        cv2.line(layer, one, two, 1.0, wide, cv2.LINE_AA)
    worn = np.clip(0.8 + 0.5 * fractal(rng, drawing.shape[:2], 60, 3), 0.1, 1)
    weight = (layer * worn * rng.uniform(0.4, 0.95))[..., None]
    drawing += weight * (tone - drawing)


def draw_ground(rng: np.random.Generator, size: int, kind: str) -> Floats:
    """Returns the drawing of asphalt, paving, gravel, grass or tiles."""
    tone = rng.uniform(0.28, 0.62) + rng.uniform(-0.02, 0.02, 3)
    rough = rng.uniform(0.02, 0.06)
    if kind == "yard" and rng.random() < 0.35:
        tone = np.array([0.34, 0.40, 0.24]) * rng.uniform(0.8, 1.4)
        rough = 0.09
    elif kind == "showroom":
        tone, rough = rng.uniform(0.35, 0.85) + rng.uniform(-0.03, 0.03, 3), 0.008
    drawing = np.broadcast_to(tone, (size, size, 3)).astype(np.float32).copy()
    grain = (
        rng.normal(0, rough, (size, size, 1)) + rough * fractal(rng, (size, size), 10, 5)[..., None]
    )
    drawing += grain.astype(np.float32)
    if kind == "showroom" or rng.random() < 0.35:
        cell = ground_size(rng.uniform(0.6, 1.4))
        for place in np.arange(0, size, cell):
            drawing[round(place) : round(place) + 1] *= 0.86
            drawing[:, round(place) : round(place) + 1] *= 0.86
    if kind != "showroom":
        if rng.random() < 0.75:
            _markings(rng, drawing)
        shade = smooth(0.15, 0.5, fractal(rng, (size, size), int(rng.integers(3, 14)), 4))
        drawing *= 1 - rng.uniform(0, 0.45) * shade[..., None]
    return drawing
