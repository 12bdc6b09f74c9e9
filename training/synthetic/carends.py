"""The drawings of a car's front and rear: grille, lamps, plates, bumpers and windows."""

import numpy as np

from training.synthetic.carpaint import (
    BLACK,
    CHROME,
    PLASTIC,
    draw_screen,
    lamp_height,
    mixed,
    screen_points,
)
from training.synthetic.mesh import Outline
from training.synthetic.sheet import CHROME_SHINE, GAP, LAMP, MATT, PAINT, Colour, Points, Sheet
from training.synthetic.turntable import STYLES, CarParameters


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
