"""What stands behind a car: a bare studio, or the ground of a busy place, seen from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.synthetic.mesh import Camera

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_GROUND = 15.0  # metres from the centre to the edge of the floor's drawing
_GROUND_PIXELS = 1536


@dataclass(frozen=True)
class Backdrop:
    """A place without a car, and the light it throws on one."""

    image: Floats
    """(H, W, 3), RGB 0..1 as shown on a screen."""
    environment: Floats
    """(64, 128, 3), linear light from all directions: rows from zenith to nadir."""
    sun: tuple[float, float, float]
    """Unit direction to the sun or main lamp."""
    sunlight: float
    """Strength of the direct light, 0 in even light."""
    shadow: float
    """Darkness of the shadow on the floor, in [0, 1]."""
    gloss: float
    """Strength of the car's reflection in the floor, in [0, 1]."""


def fractal(rng: np.random.Generator, shape: tuple[int, int], cells: int, octaves: int) -> Floats:
    """Returns smooth noise (H, W), mean near 0 and range about -1..1."""
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        count = min(cells * 2**octave, max(shape))
        grid = rng.uniform(-1, 1, (max(2, count * shape[0] // shape[1]), max(2, count)))
        size = (shape[1], shape[0])
        total += (
            cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_CUBIC) / 2**octave
        )
    return total


def smooth(low: float, high: float, values: Floats) -> Floats:
    """Returns a soft step: 0 below low, 1 above high."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def ground_image(camera: Camera, drawing: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns the floor's drawing as the camera sees it (H, W, C), x and y of the floor (H, W)."""
    x, y, hits = camera.floor()
    scale = 0.5 * _GROUND_PIXELS / _GROUND
    u, v = (y + _GROUND) * scale, (x + _GROUND) * scale
    u, v = np.where(hits, u, -1e4), np.where(hits, v, -1e4)
    seen = cv2.remap(drawing, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    return np.asarray(seen, np.float32), np.where(hits, x, -1e4).astype(np.float32), y


def ground_size(metres: float) -> float:
    """Returns a length on the floor's drawing, pixels."""
    return metres * 0.5 * _GROUND_PIXELS / _GROUND


def on_ground(metres: float) -> int:
    """Returns the row or column of a place on the floor's drawing."""
    return round((metres + _GROUND) * 0.5 * _GROUND_PIXELS / _GROUND)


def room_light(
    rng: np.random.Generator, floor: Floats, wall: Floats, ceiling: Floats, lamps: int
) -> Floats:
    """Returns the light of a room (64, 128, 3), linear, from colours as shown on a screen."""
    rise = np.linspace(90, -90, 64, dtype=np.float32)[:, None, None]
    upper = wall + (ceiling - wall) * smooth(25, 60, rise)
    lower = floor * (0.55 + 0.45 * smooth(-70, -8, rise))
    light = np.where(rise > 0, upper, lower)
    light = light * (1 - 0.35 * np.exp(-(((rise + 1) / 4) ** 2)))
    light = np.broadcast_to(light, (64, 128, 3)).astype(np.float32) ** 2.2
    for _ in range(lamps):
        column, row = int(rng.integers(128)), int(rng.integers(6, 20))
        wide, high = int(rng.integers(10, 26)), int(rng.integers(3, 6))
        box = np.zeros((64, 128, 1), dtype=np.float32)
        box[row : row + high, :wide] = 1.0
        light = light + np.roll(box, column, axis=1) * float(rng.uniform(0.8, 1.8))
    return np.asarray(cv2.GaussianBlur(light, (3, 3), 0), dtype=np.float32)


def direction(angle: float, rise: float) -> tuple[float, float, float]:
    """Returns the unit vector at an angle round the table and above the floor, degrees."""
    a, e = np.deg2rad(angle), np.deg2rad(rise)
    return float(np.cos(e) * np.cos(a)), float(np.cos(e) * np.sin(a)), float(np.sin(e))


def _studio_floor(rng: np.random.Generator, tone: Floats) -> Floats:
    size = _GROUND_PIXELS
    drawing = np.broadcast_to(tone, (size, size, 3)).astype(np.float32).copy()
    dirt = fractal(rng, (size, size), 12, 4)[..., None]
    drawing += 0.012 * dirt * rng.uniform(0.3, 1.6)
    spot = cv2.GaussianBlur(
        np.hypot(*np.mgrid[-1:1:1536j, -1:1:1536j]).astype(np.float32), (0, 0), 8
    )
    return np.asarray(drawing * (1.05 - rng.uniform(0.05, 0.28) * spot[..., None]), np.float32)


def _turntable(rng: np.random.Generator, image: Floats, x: Floats, y: Floats) -> None:
    """Draws the turntable's disc, rim and joints where the camera sees the floor at (x, y)."""
    radius, wide = float(rng.uniform(2.9, 3.6)), float(rng.uniform(0.012, 0.05))
    reach = np.hypot(x, y).astype(np.float32)
    # How many metres of floor a pixel covers, so that thin lines fade instead of breaking up.
    pixel = np.maximum(np.abs(np.gradient(reach, axis=0)), np.abs(np.gradient(reach, axis=1)))
    pixel = np.clip(pixel, 1e-3, 5.0)

    def line(distance: Floats, footprint: Floats, width: float) -> Floats:
        cover = (0.5 * (width + footprint) - np.abs(distance)) / footprint
        return np.asarray(np.clip(cover, 0, 1) * np.minimum(1, width / footprint), np.float32)

    disc = np.clip(0.5 + (radius - reach) / pixel, 0, 1)
    image += (disc * rng.uniform(-0.045, 0.045))[..., None]
    dark = line((reach - radius).astype(np.float32), pixel.astype(np.float32), wide)
    if rng.random() < 0.6:
        start = rng.uniform(0, np.pi)
        for angle in start + np.arange(4) * np.pi / 4:
            across = (x * np.sin(angle) - y * np.cos(angle)).astype(np.float32)
            step = np.hypot(np.gradient(across, axis=0), np.gradient(across, axis=1))
            joint = line(across, np.clip(step, 1e-3, 5.0).astype(np.float32), 0.012)
            dark = np.maximum(dark, 0.5 * joint * disc)
    image -= (dark * rng.uniform(0.10, 0.40))[..., None]


_SIGNS = ("AUTOHAUS", "MOTORS", "CAR STUDIO", "GARAGE", "DRIVE", "AUTO 24", "CARMASK", "TURNTABLE")


def _sign(rng: np.random.Generator, image: Floats, base: float, wall: float) -> None:
    """Writes large dark letters on the wall, as car dealers do."""
    height, width = image.shape[:2]
    text = _SIGNS[int(rng.integers(len(_SIGNS)))]
    tall = rng.uniform(0.09, 0.2) * height
    face, thick = cv2.FONT_HERSHEY_DUPLEX, max(1, round(tall * rng.uniform(0.08, 0.2)))
    (w, h), _ = cv2.getTextSize(text, face, 1.0, 1)
    scale = min(tall / h, 0.95 * width / w)
    layer = np.zeros((height, width), dtype=np.uint8)
    at = (round(0.5 * (width - scale * w)), round(base - rng.uniform(0.0, 0.05) * height))
    cv2.putText(layer, text, at, face, scale, 255, thick, cv2.LINE_AA)
    image += layer[..., None] * np.float32((rng.uniform(0.2, 0.6) - wall) / 255)


def plain_backdrop(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """Returns a studio: a floor and a wall of one tone."""
    height, width = camera.shape
    tint = rng.uniform(-0.018, 0.018, 3).astype(np.float32)
    wall = np.float32(rng.uniform(0.78, 0.96)) + tint
    floor = np.float32(rng.uniform(0.52, 0.90)) + tint + rng.uniform(-0.01, 0.01, 3)
    floor = np.minimum(floor, wall + 0.03).astype(np.float32)
    seen, x, y = ground_image(camera, _studio_floor(rng, floor))
    if rng.random() < 0.75:
        _turntable(rng, seen, x, y)
    rise = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    side = rng.uniform(-0.05, 0.05)
    back = wall * (1 - rng.uniform(0, 0.12) * (1 - rise) ** 2 - rng.uniform(0, 0.07) * across**2)
    back = (back + side * across).astype(np.float32)
    far = float(rng.uniform(4.5, 9.0))
    base = camera.project(np.array([[-far, 0, 0]], dtype=np.float32))[0][0, 1]
    if rng.random() < 0.5:
        _sign(rng, back, float(base), float(wall.mean()))
    bend = float(rng.uniform(0.05, 0.2)) if rng.random() < 0.6 else float(rng.uniform(1.0, 3.5))
    reach = np.hypot(x + 2.0, y) if rng.random() < 0.6 else -x
    edge = smooth(far - bend, far + bend, reach)[..., None]
    image = seen * (1 - edge) + back * edge
    room = 1.15 * room_light(
        rng, floor, wall, np.minimum(wall + 0.08, 1.0), int(rng.integers(3, 7))
    )
    return Backdrop(
        image=image.astype(np.float32),
        environment=room.astype(np.float32),
        sun=direction(rng.uniform(0, 360), rng.uniform(45, 80)),
        sunlight=float(rng.uniform(0.0, 0.35)),
        shadow=float(rng.uniform(0.55, 0.95)),
        gloss=float(rng.choice([0.0, 1.0], p=[0.35, 0.65]) * rng.uniform(0.06, 0.4)),
    )


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
