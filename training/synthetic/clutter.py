"""Busy places: streets, yards and showrooms with houses, trees, posts, signs and other cars."""

import cv2
import numpy as np
import numpy.typing as npt

from training.synthetic.backdrop import (
    Backdrop,
    Bytes,
    direction,
    draw_ground,
    fractal,
    ground_image,
    ground_size,
    plain_backdrop,
    room_light,
    smooth,
)
from training.synthetic.mesh import Camera

_DRAWN = 2  # the scenery is drawn at twice the size and averaged


def _colour(rng: np.random.Generator, low: float, high: float, spread: float = 18) -> list[float]:
    """Returns a muted colour, RGB 0..255."""
    # Houses and floors differ between warm and cold; purple and green walls are rare.
    warm, green = rng.uniform(-spread, spread), 0.25 * rng.uniform(-spread, spread)
    tone = rng.uniform(low, high) + np.array([warm, green, -warm])
    return [float(value) for value in np.clip(tone, 0, 255)]


def _shaded(rng: np.random.Generator, colour: list[float], low: float, high: float) -> list[float]:
    factor = float(rng.uniform(low, high))
    return [factor * value for value in colour]


def _box(canvas: Bytes, x: float, y: float, w: float, h: float, colour: list[float]) -> None:
    cv2.rectangle(canvas, (round(x), round(y)), (round(x + w), round(y + h)), colour, -1)


def _facade(rng: np.random.Generator, canvas: Bytes, x: float, base: float, unit: float) -> float:
    """Draws one house and returns its width; unit is the length of a metre there, pixels."""
    width, height = rng.uniform(4, 11) * unit, rng.uniform(3.5, 12) * unit
    wall = _colour(rng, 70, 225, 16)
    _box(canvas, x, base - height, width, height, wall)
    _box(canvas, x, base - height, width, 0.3 * unit, [0.7 * c for c in wall])
    pane, frame = _colour(rng, 30, 120, 7), _colour(rng, 150, 245, 8)
    columns, rows = int(rng.integers(2, 6)), max(1, int(height / (2.9 * unit)))
    cell = width / columns
    for row in range(rows):
        for column in range(columns):
            left = x + cell * (column + 0.22)
            top = base - height + unit * (0.8 + 2.9 * row)
            high = min(1.5 * unit, base - top - 0.3 * unit)
            if high <= 0 or rng.random() < 0.08:
                continue
            _box(canvas, left - 0.08 * unit, top - 0.08 * unit, 0.56 * cell + 0.16 * unit,
                 high + 0.16 * unit, frame)  # fmt: skip
            _box(canvas, left, top, 0.56 * cell, high, _shaded(rng, pane, 0.6, 1.6))
            if rng.random() < 0.5:
                middle = left + 0.28 * cell
                _box(canvas, middle, top, 0.07 * unit, high, frame)
    if rng.random() < 0.5:  # a shop window with an awning
        _box(
            canvas,
            x + 0.1 * width,
            base - 2.4 * unit,
            0.8 * width,
            2.2 * unit,
            _colour(rng, 20, 110),
        )
        _box(canvas, x + 0.06 * width, base - 2.9 * unit, 0.88 * width, 0.6 * unit,
             _colour(rng, 40, 200, 40))  # fmt: skip
    return width


def _tree(rng: np.random.Generator, canvas: Bytes, x: float, base: float, unit: float) -> None:
    trunk = _colour(rng, 45, 95, 8)
    tall = rng.uniform(2.2, 5.0) * unit
    _box(canvas, x - 0.12 * unit, base - tall, 0.24 * unit, tall, trunk)
    green = np.array([rng.uniform(30, 95), rng.uniform(75, 135), rng.uniform(20, 60)])
    for _ in range(130):
        at = rng.normal(0, 1, 2) * [0.85 * unit, 0.75 * unit] + [x, base - tall - 0.7 * unit]
        shade = green * rng.uniform(0.45, 1.35)
        axes = (round(rng.uniform(0.1, 0.42) * unit), round(rng.uniform(0.08, 0.3) * unit))
        cv2.ellipse(canvas, (round(at[0]), round(at[1])), axes, float(rng.uniform(0, 180)), 0, 360,
                    shade.tolist(), -1, cv2.LINE_AA)  # fmt: skip


def _post(rng: np.random.Generator, canvas: Bytes, x: float, base: float, unit: float) -> None:
    tall, grey = rng.uniform(2.2, 7) * unit, _colour(rng, 40, 170, 10)
    _box(canvas, x, base - tall, max(1.0, rng.uniform(0.07, 0.2) * unit), tall, grey)
    if rng.random() < 0.6:
        sign = _colour(rng, 60, 220, 55)
        if rng.random() < 0.5:
            cv2.circle(
                canvas, (round(x), round(base - tall)), round(0.36 * unit), sign, -1, cv2.LINE_AA
            )
        else:
            _box(canvas, x - 0.5 * unit, base - tall, unit, 0.7 * unit, sign)


def _parked(rng: np.random.Generator, canvas: Bytes, x: float, base: float, unit: float) -> None:
    """Draws another car from its side: it is scenery, never part of the mask."""
    paint = _colour(rng, 20, 225, 14)
    side = np.array([(0, 0.3), (0.05, 0.75), (0.9, 0.92), (1.6, 1.42), (2.9, 1.45), (3.7, 0.98),
                     (4.4, 0.9), (4.5, 0.3)])  # fmt: skip
    glass = np.array([(1.15, 0.95), (1.7, 1.35), (2.85, 1.37), (3.45, 0.98)])
    if rng.random() < 0.5:
        side, glass = side * [-1, 1] + [4.5, 0], glass * [-1, 1] + [4.5, 0]

    def placed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        at = np.stack([x + points[:, 0] * unit, base - points[:, 1] * unit], axis=1)
        return np.round(at).astype(np.int32)[:, None]

    _box(canvas, x + 0.1 * unit, base - 0.3 * unit, 4.3 * unit, 0.3 * unit, [25, 25, 27])
    cv2.fillPoly(canvas, [placed(side)], paint, cv2.LINE_AA)
    cv2.fillPoly(canvas, [placed(glass)], _colour(rng, 25, 80, 8), cv2.LINE_AA)
    for axle in (0.85, 3.55):
        middle = (round(x + axle * unit), round(base - 0.32 * unit))
        cv2.circle(canvas, middle, round(0.33 * unit), (22, 22, 23), -1, cv2.LINE_AA)
        cv2.circle(canvas, middle, round(0.2 * unit), _colour(rng, 90, 190, 6), -1, cv2.LINE_AA)


def _person(rng: np.random.Generator, canvas: Bytes, x: float, base: float, unit: float) -> None:
    tall = rng.uniform(1.55, 1.9) * unit
    _box(
        canvas,
        x - 0.13 * unit,
        base - 0.5 * tall,
        0.26 * unit,
        0.5 * tall,
        _colour(rng, 20, 110, 25),
    )
    _box(
        canvas,
        x - 0.2 * unit,
        base - 0.85 * tall,
        0.4 * unit,
        0.4 * tall,
        _colour(rng, 30, 200, 32),
    )
    cv2.circle(canvas, (round(x), round(base - 0.92 * tall)), round(0.11 * unit),
               (176, 132, 108), -1, cv2.LINE_AA)  # fmt: skip


def _fence(rng: np.random.Generator, canvas: Bytes, base: float, unit: float) -> None:
    tall, tone = rng.uniform(1.1, 2.2) * unit, _colour(rng, 60, 190, 24)
    step = rng.uniform(0.16, 0.4) * unit
    solid = rng.random() < 0.5
    for x in np.arange(-step, canvas.shape[1], step):
        _box(canvas, x, base - tall, step * (0.93 if solid else 0.3), tall,
             _shaded(rng, tone, 0.85, 1.1))  # fmt: skip
    _box(canvas, 0, base - 0.8 * tall, canvas.shape[1], 0.08 * unit, [0.8 * c for c in tone])


def _hedge(rng: np.random.Generator, canvas: Bytes, base: float, unit: float) -> None:
    noise = fractal(rng, canvas.shape[:2], 24, 5)
    rows = np.arange(canvas.shape[0], dtype=np.float32)[:, None]
    tall = rng.uniform(1.0, 4.0) * unit
    inside = (rows < base) & (rows > base - tall + 0.4 * unit * noise[:1])
    green = np.array([rng.uniform(35, 90), rng.uniform(70, 120), rng.uniform(25, 60)])
    shade = np.clip(0.75 + 0.55 * noise, 0.2, 1.7)[..., None] * green
    canvas[inside] = np.clip(shade, 0, 255)[inside].astype(np.uint8)


def _outdoors(
    rng: np.random.Generator, canvas: Bytes, base: float, unit: float, yard: bool
) -> None:
    """Draws sky, houses or hedge and fence, trees, posts and other cars."""
    height, width = canvas.shape[:2]
    red, blue = rng.uniform(120, 215), rng.uniform(222, 248)
    sky = np.array([red, red + rng.uniform(0.45, 0.65) * (blue - red), blue])
    rise = np.linspace(0, 1, height)[:, None, None]
    cloud = np.clip(fractal(rng, (height, width), 4, 4), -0.4, 1)[..., None]
    canvas[:] = np.clip(sky + (238 - sky) * (0.6 * rise + 0.5 * np.clip(cloud, 0, 1)), 0, 255)
    x = -rng.uniform(0, 4) * unit
    while x < width:
        if rng.random() < (0.35 if yard else 0.9):
            x += _facade(rng, canvas, x, base, 0.7 * unit)
        x += rng.uniform(0, 2) * unit
    if yard or rng.random() < 0.25:
        close = _hedge if rng.random() < 0.5 else _fence
        close(rng, canvas, base, unit)
    for _ in range(int(rng.integers(0, 5))):
        _tree(rng, canvas, rng.uniform(0, width), base, unit * rng.uniform(0.8, 1.3))
    for _ in range(int(rng.integers(0, 4))):
        _parked(rng, canvas, rng.uniform(-2 * unit, width - 2 * unit), base + 0.1 * unit, unit)
    for _ in range(int(rng.integers(0, 5))):
        _post(rng, canvas, rng.uniform(0, width), base + 0.1 * unit, unit)
    for _ in range(int(rng.integers(0, 4))):
        _person(rng, canvas, rng.uniform(0, width), base + 0.1 * unit, unit)


def _indoors(rng: np.random.Generator, canvas: Bytes, base: float, unit: float) -> None:
    """Draws a showroom's wall with windows, posters, lamps, pillars and other cars."""
    width = canvas.shape[1]
    canvas[:] = np.array(_colour(rng, 110, 235, 6), dtype=np.uint8)
    panel = rng.uniform(1.2, 3.5) * unit
    lined, outside = _colour(rng, 90, 160, 6), _colour(rng, 150, 235, 10)
    glazed = rng.random() < 0.5
    for x in np.arange(-rng.uniform(0, 1) * panel, width, panel):
        if glazed:
            _box(
                canvas,
                x,
                base - 3.2 * unit,
                panel,
                2.9 * unit,
                _shaded(rng, outside, 0.75, 1.1),
            )
            _box(canvas, x, base - 1.2 * unit, panel, 0.9 * unit, _colour(rng, 60, 150, 12))
        _box(canvas, x, 0, max(1.0, 0.06 * unit), base, lined)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0, width), base - rng.uniform(1.6, 3.0) * unit
        _box(
            canvas,
            x,
            y,
            rng.uniform(0.6, 2.2) * unit,
            rng.uniform(0.5, 1.3) * unit,
            _colour(rng, 50, 210, 45),
        )
    for _ in range(int(rng.integers(0, 3))):
        _box(
            canvas,
            rng.uniform(0, width),
            0,
            rng.uniform(0.3, 0.6) * unit,
            base,
            _colour(rng, 60, 240, 8),
        )
    for _ in range(int(rng.integers(2, 8))):
        x, y = rng.uniform(0, width), rng.uniform(0, 0.3) * base
        _box(canvas, x, y, rng.uniform(0.8, 2.5) * unit, 0.12 * unit, [252, 252, 248])
    for _ in range(int(rng.integers(0, 4))):
        _parked(rng, canvas, rng.uniform(-2 * unit, width - 2 * unit), base + 0.1 * unit, unit)
    for _ in range(int(rng.integers(0, 3))):
        _tree(rng, canvas, rng.uniform(0, width), base + 0.1 * unit, 0.45 * unit)
    for _ in range(int(rng.integers(0, 3))):
        _person(rng, canvas, rng.uniform(0, width), base + 0.1 * unit, unit)


def busy_backdrop(rng: np.random.Generator, camera: Camera) -> Backdrop:
    """Returns a street, a yard or a showroom.

    Args:
        rng: All that is left to chance.
        camera: Sees the place.
    """
    kind = str(rng.choice(["street", "yard", "showroom"]))
    height, width = camera.shape
    far = float(rng.uniform(5.0, 10.0))
    ends = camera.project(np.array([[-far, 0, 0], [-far, 0, 1]], dtype=np.float32))[0]
    base, unit = float(ends[0, 1]) * _DRAWN, float(ends[0, 1] - ends[1, 1]) * _DRAWN
    canvas = np.zeros((height * _DRAWN, width * _DRAWN, 3), dtype=np.uint8)
    if kind == "showroom":
        _indoors(rng, canvas, base, unit)
    else:
        _outdoors(rng, canvas, base, unit, kind == "yard")
    back = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    texture = 1 + 0.05 * fractal(rng, (height, width), 30, 4)[..., None]
    scenery = cv2.GaussianBlur(back.astype(np.float32) / 255 * texture, (0, 0),
                               float(rng.uniform(0.3, 1.8)))  # fmt: skip
    floor = draw_ground(rng, round(ground_size(30.0)), kind)
    seen, x, _ = ground_image(camera, floor)
    edge = smooth(far - 0.05, far + 0.05, -x)[..., None]
    image = np.clip(seen * (1 - edge) + scenery * edge, 0, 1)
    sunny = kind != "showroom" and rng.random() < 0.6
    wall = scenery[: max(8, int(base / _DRAWN))].mean(axis=(0, 1))
    above = [0.92, 0.92, 0.92] if kind == "showroom" else [0.80, 0.88, 0.98]
    ceiling = np.array(above, dtype=np.float32)
    lamps = int(rng.integers(3, 7)) if kind == "showroom" else 0
    light = room_light(rng, floor.mean(axis=(0, 1)), wall, ceiling, lamps)
    # Paint and glass mirror the scenery: it runs twice round the horizon.
    strip = cv2.resize(
        scenery[: max(8, int(base / _DRAWN))], (64, 12), interpolation=cv2.INTER_AREA
    )
    light[20:32] = np.concatenate([strip, strip[:, ::-1]], axis=1) ** 2.2
    light = light * np.float32(1.0 if kind == "showroom" else 1.25)
    return Backdrop(
        image=image.astype(np.float32),
        environment=light,
        sun=direction(rng.uniform(0, 360), rng.uniform(30, 70)),
        sunlight=float(rng.uniform(0.5, 0.9)) if sunny else float(rng.uniform(0.0, 0.2)),
        shadow=float(rng.uniform(0.6, 0.95)),
        gloss=float(rng.uniform(0.05, 0.3)) if kind == "showroom" else 0.0,
    )


def make_backdrop(camera: Camera, background: str, entropy: tuple[int, ...]) -> Backdrop:
    """Returns a place for a car.

    Args:
        camera: Sees the place.
        background: "plain" or "busy".
        entropy: Numbers, 0 or more, that alone decide what the place looks like.
    """
    rng = np.random.default_rng(entropy)
    if background == "plain":
        return plain_backdrop(rng, camera)
    return busy_backdrop(rng, camera)
