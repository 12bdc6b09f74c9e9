"""The body of a parametric car: cross sections along its length, and what is on its ends."""

from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.carpaint import (
    BLACK,
    CHROME,
    CHROME_SHINE,
    GAP,
    LAMP,
    MATT,
    PAINT,
    PLASTIC,
    Colour,
    Points,
    Sheet,
    draw_screen,
    lamp_height,
    mixed,
    screen_points,
)
from training.synthetic.mesh import Floats, Outline
from training.synthetic.turntable import STYLES, CarParameters


def side_outline(car: CarParameters) -> Outline:
    """Returns the side view of a car."""
    style = STYLES[car.style]
    share = np.linspace(0.0, 1.0, 801)
    knots = np.array(car.profile)
    top = gaussian_filter1d(np.interp(share, knots[:, 0], knots[:, 1]), 11.0, mode="nearest")
    # A light crown over the whole length takes the ruler-straight look from bonnet and roof.
    top = top * car.height * (1.0 - 0.02 * (2.0 * share - 1.0) ** 2)
    waist = np.interp(share, [0.0, style.screen[0], 1.0], [0.56, *car.belt]) * car.height
    belt = gaussian_filter1d(np.minimum(waist, top - 0.05), 6.0, mode="nearest")
    lift = 0.06 * np.clip((0.10 - share) / 0.10, 0, 1) ** 2
    lift += 0.12 * np.clip((share - 0.88) / 0.12, 0, 1) ** 1.5
    x = (0.5 - share) * car.length
    front = (0.5 - style.front_axle) * car.length
    return Outline(
        x=x.astype(np.float32),
        top=top.astype(np.float32),
        belt=belt.astype(np.float32),
        bottom=(car.clearance + lift).astype(np.float32),
        axles=(front, front - style.wheelbase * car.length),
        arch=car.wheel_radius * 1.13,
    )


def _sections(
    car: CarParameters, x: Floats, top: Floats, belt: Floats, bottom: Floats, half: Floats
) -> tuple[Floats, Floats]:
    """Returns y and z (S, T) of the half sections, from the underbody's middle to the roof's."""
    cabin = np.maximum(top - belt, 0.0)
    rounding = np.minimum(0.085, 0.5 * cabin)
    deep = belt - bottom
    ledge = half * 0.962 - np.minimum(0.045, 0.6 * cabin)
    roof = np.maximum(ledge - car.tumblehome * (cabin - rounding), 0.35 * half)
    crown = np.minimum(0.028, 0.3 * cabin)
    zero = np.zeros_like(x)
    corners = [  # (y, z, quads up to the next corner)
        (zero, bottom, 4),
        (0.86 * half, bottom, 4),
        (0.955 * half, bottom + 0.05 * deep, 4),
        (0.988 * half, bottom + 0.20 * deep, 4),
        ((0.990 - 0.012 * car.crease) * half, bottom + 0.42 * deep, 4),
        ((1.000 - 0.012 * car.crease) * half, bottom + 0.64 * deep, 3),
        (1.000 * half, bottom + 0.76 * deep, 3),
        (0.992 * half, bottom + 0.86 * deep, 3),
        (0.975 * half, belt - 0.02 * deep, 4),
        (ledge, belt + 0.15 * rounding, 9),
        (roof, top - rounding - crown, 3),
        (roof - 0.35 * rounding, top - 0.4 * rounding - crown, 3),
        (roof - 1.1 * rounding, top - crown, 3),
        (0.62 * roof, top - 0.42 * crown, 3),
        (0.3 * roof, top - 0.1 * crown, 3),
        (zero, top, 0),
    ]
    ys, zs = [], []
    for (y0, z0, count), (y1, z1, _) in pairwise(corners):
        for step in range(count):
            t = step / count
            ys.append((1 - t) * y0 + t * y1)
            zs.append((1 - t) * z0 + t * z1)
    ys.append(corners[-1][0])
    zs.append(corners[-1][1])
    y, z = np.stack(ys, axis=1), np.stack(zs, axis=1)
    y = np.concatenate([-y[:, 4:0:-1], y, -y[:, -2:-6:-1]], axis=1)
    z = np.concatenate([z[:, 4:0:-1], z, z[:, -2:-6:-1]], axis=1)
    y = gaussian_filter1d(y, 1.15, axis=1)[:, 4:-4]
    z = gaussian_filter1d(z, 1.15, axis=1)[:, 4:-4]
    y[:, [0, -1]] = 0.0
    return y.astype(np.float32), z.astype(np.float32)


def _stations(outline: Outline, count: int) -> Floats:
    """Returns x of the sections, spaced evenly along the roof line, ends left out."""
    step = np.hypot(np.diff(outline.x), 0.7 * np.diff(outline.top))
    run = np.concatenate([[0.0], np.cumsum(step)])
    return np.interp(np.linspace(0, run[-1], count), run, outline.x).astype(np.float32)


def body_grid(car: CarParameters, outline: Outline) -> tuple[Floats, Floats]:
    """Returns vertices and drawing coordinates (S, T, 3) of the body's left half."""
    end, turn = 0.20, np.linspace(0.0, np.pi / 2, 9)
    inner = _stations(outline, 92)
    inner = inner[(inner < outline.x[0] - end) & (inner > outline.x[-1] + end)]
    nose = outline.x[0] - end + end * np.cos(turn)
    tail = outline.x[-1] + end - end * np.cos(turn[::-1])
    x = np.concatenate([nose, inner, tail]).astype(np.float32)
    fade = np.concatenate([1 - np.sin(turn), np.zeros(len(inner)), 1 - np.sin(turn[::-1])])
    top = (outline.at(x, outline.top) - 0.07 * fade).astype(np.float32)
    belt = np.minimum(outline.at(x, outline.belt), top - 0.04).astype(np.float32)
    bottom = (outline.at(x, outline.bottom) + 0.06 * fade).astype(np.float32)
    share = 0.5 - x / car.length
    waist = 1 - 0.07 * np.clip((0.22 - share) / 0.22, 0, 1) ** 2
    waist -= 0.06 * np.clip((share - 0.80) / 0.20, 0, 1) ** 2
    half = (0.5 * car.width * waist - 0.09 * fade).astype(np.float32)
    y, z = _sections(car, x, top, belt, bottom, half)
    # The flat ends close with rings that shrink towards their middle.
    rings = np.array([0.03, 0.25, 0.45, 0.62, 0.78, 0.91], dtype=np.float32)[:, None]

    def cap(row: int) -> tuple[Floats, Floats]:
        middle = 0.5 * (z[row].max() + z[row].min())
        return rings * y[row], middle + rings * (z[row] - middle)

    (y0, z0), (y1, z1) = cap(0), cap(-1)
    y = np.concatenate([y0, y, y1[::-1]])
    z = np.concatenate([z0, z, z1[::-1]])
    x = np.concatenate([np.full(6, x[0]), x, np.full(6, x[-1])])
    flat = np.stack([np.broadcast_to(x[:, None], y.shape), y, z], axis=-1).astype(np.float32)
    return _bowed(car, flat), flat


def _bowed(car: CarParameters, flat: Floats) -> Floats:
    """Returns the body with nose, screens and tail rounded in plan and leaning in side view."""
    x, y, z = flat[..., 0], flat[..., 1], flat[..., 2]
    along = x / (0.5 * car.length)
    side = (np.abs(y) / (0.5 * car.width)) ** 2.4
    bow = car.bow * np.sign(along) * np.abs(along) ** 1.2 * side
    # The nose leans back above the bumper, and a bumper stands out at its height.
    low = np.exp(-(((z - 0.40) / 0.17) ** 2))
    ends = np.clip((np.abs(along) - 0.9) / 0.1, 0, 1)
    lean = np.where(along > 0, 0.10, 0.05) * np.clip(z - 0.45, 0, 0.5) / 0.5
    moved = x - bow + np.sign(along) * ends * (0.05 * low - lean)
    under = ends * 0.10 * np.clip(0.36 - z, 0, 0.2) / 0.2
    return np.stack([moved - np.sign(along) * under, y, z], axis=-1).astype(np.float32)


def _mirrored(points: Points) -> list[tuple[float, float]]:
    return [(-float(y), float(z)) for y, z in points]


def _both(sheet: Sheet, points: Points, colour: Colour, shine: int) -> None:
    sheet.fill(points, colour, shine)
    sheet.fill(_mirrored(points), colour, shine)


def _box(y: float, z: float, width: float, height: float, cut: float = 0.0) -> Points:
    w, h, c = width / 2, height / 2, cut
    return [(y - w + c, z - h), (y + w - c, z - h), (y + w, z - h + c), (y + w, z + h - c),
            (y + w - c, z + h), (y - w + c, z + h), (y - w, z + h - c),
            (y - w, z - h + c)]  # fmt: skip


def draw_front(car: CarParameters, outline: Outline) -> Sheet:
    """Returns the front view (y and z)."""
    half = 0.5 * car.width
    sheet = Sheet((-half - 0.1, 0.0), (half + 0.1, car.height + 0.15), car.paint)
    draw_screen(sheet, car, screen_points(car, outline, STYLES[car.style].screen), 2)
    lamp, low = lamp_height(car, outline), car.clearance
    sheet.fill(_box(0, low, 2 * half, 0.22), PLASTIC, MATT)
    intake = low + 0.15
    sheet.fill(_box(0, intake, 1.25 * half, 0.13, 0.04), BLACK, MATT)
    _both(sheet, _box(0.76 * half, intake + 0.02, 0.24 * half, 0.10, 0.02), BLACK, MATT)
    _both(sheet, _box(0.76 * half, intake + 0.02, 0.10, 0.05, 0.015), (205, 208, 205), LAMP)
    wide, high = ((1.05, 0.15), (0.86, 0.24), (1.20, 0.10), (0.70, 0.20))[car.grille]
    centre = lamp + 0.01 - 0.5 * max(0.0, high - 0.16)
    rim = CHROME if car.trim == "chrome" else BLACK
    sheet.fill(_box(0, centre, wide * half + 0.04, high + 0.035, 0.04), rim,
               CHROME_SHINE if car.trim == "chrome" else PAINT)  # fmt: skip
    sheet.fill(_box(0, centre, wide * half, high, 0.03), BLACK, MATT)
    bars = np.linspace(centre - 0.5 * high, centre + 0.5 * high, 6)[1:-1]
    for z in bars:
        sheet.line([(-0.47 * wide * half, z), (0.47 * wide * half, z)],
                   (150, 152, 154) if car.trim == "chrome" else (92, 94, 96),
                   0.008, LAMP)  # fmt: skip
    sheet.disc((0, centre + 0.02), 0.055, CHROME, CHROME_SHINE)
    sheet.disc((0, centre + 0.02), 0.038, mixed(BLACK, car.paint, 0.4), PAINT)
    inner = min(0.52 * wide * half + 0.05, 0.66 * half)
    lens = [(inner, lamp - 0.035), (0.86 * half, lamp - 0.055), (1.1 * half, lamp - 0.02),
            (1.1 * half, lamp + 0.10), (0.84 * half, lamp + 0.075),
            (inner + 0.02, lamp + 0.04)]  # fmt: skip
    _both(sheet, lens, (176, 182, 188), LAMP)
    for y in (0.60, 0.78):
        at = max(inner + 0.07, y * half) if y < 0.7 else y * half
        _both(sheet, _box(at, lamp + 0.012, 0.085, 0.07, 0.025), (70, 74, 80), LAMP)
        _both(sheet, _box(at, lamp + 0.012, 0.055, 0.045, 0.018), (236, 240, 244), LAMP)
    _both(sheet, [(inner, lamp - 0.045), (0.86 * half, lamp - 0.063), (0.86 * half, lamp - 0.05),
                  (inner, lamp - 0.032)], (60, 62, 66), LAMP)  # fmt: skip
    sheet.line([(-0.9 * half, lamp - 0.10), (-0.5 * half, lamp - 0.13), (0.5 * half, lamp - 0.13),
                (0.9 * half, lamp - 0.10)], mixed(car.paint, GAP, 0.4))  # fmt: skip
    plate = low + 0.255
    sheet.fill(_box(0, plate, 0.50, 0.125, 0.01), (40, 41, 43), MATT)
    sheet.fill(_box(0, plate, 0.47, 0.105, 0.008), (216, 217, 214), MATT)
    for number in range(6):
        sheet.fill(_box(-0.165 + 0.066 * number, plate, 0.038, 0.06), (60, 62, 70), MATT)
    return sheet


def draw_rear(car: CarParameters, outline: Outline) -> Sheet:
    """Returns the rear view (y and z)."""
    half, low, style = 0.5 * car.width, car.clearance, STYLES[car.style]
    sheet = Sheet((-half - 0.1, 0.0), (half + 0.1, car.height + 0.15), car.paint)
    screen = screen_points(car, outline, style.rear_glass)
    draw_screen(sheet, car, screen, 2)
    upright = car.style not in ("saloon", "coupe", "pickup")
    tail = float(outline.x[-1])
    back = float(outline.at(tail + 0.1, outline.belt)) - 0.02
    sheet.fill(_box(0, low + 0.04, 2 * half, 0.26, 0.03), PLASTIC, MATT)
    red, dark = (196, 16, 20), (120, 8, 12)
    if car.tail == 1:  # upright lamps
        lens = [(0.80 * half, back - 0.36), (1.1 * half, back - 0.36), (1.1 * half, back + 0.02),
                (0.84 * half, back + 0.02)]  # fmt: skip
    else:
        reach = 0.44 if car.tail == 2 else 0.58
        lens = [(reach * half, back - 0.13), (1.1 * half, back - 0.17), (1.1 * half, back + 0.02),
                (reach * half + 0.03, back)]  # fmt: skip
    _both(sheet, lens, red, LAMP)
    _both(sheet, _box(0.86 * half, back - 0.09, 0.10, 0.05, 0.01), (224, 214, 208), LAMP)
    _both(sheet, _box(0.80 * half, back - 0.035, 0.20 * half, 0.02), dark, LAMP)
    gap = mixed(car.paint, GAP, 0.75)
    lid = 0.78 * half
    bottom = low + (0.30 if upright else 0.40)
    top = back + (0.05 if not upright else 0.02)
    sheet.line([(-lid, top), (-lid, bottom + 0.06), (-lid + 0.08, bottom), (lid - 0.08, bottom),
                (lid, bottom + 0.06), (lid, top)], gap)  # fmt: skip
    plate = back - 0.17 if not upright else back - 0.22
    sheet.fill(_box(0, plate, 0.60, 0.16, 0.03), mixed(car.paint, GAP, 0.35), PAINT)
    sheet.fill(_box(0, plate, 0.47, 0.105, 0.008), (216, 217, 214), MATT)
    for number in range(6):
        sheet.fill(_box(-0.165 + 0.066 * number, plate, 0.038, 0.06), (60, 62, 70), MATT)
    sheet.fill(_box(0, plate + 0.095, 0.56, 0.018), CHROME if car.trim == "chrome" else BLACK,
               CHROME_SHINE if car.trim == "chrome" else PAINT)  # fmt: skip
    sheet.disc((0, back - 0.01), 0.045, CHROME, CHROME_SHINE)
    _both(sheet, _box(0.72 * half, low + 0.20, 0.20, 0.035, 0.01), red, LAMP)
    _both(sheet, _box(0.55 * half, low + 0.03, 0.13, 0.05, 0.015), CHROME, CHROME_SHINE)
    return sheet
