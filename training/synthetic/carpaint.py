"""The drawings that colour a car (side and top views, paint, glass), and the sheet they are on."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from training.synthetic.mesh import Floats, Outline
from training.synthetic.turntable import STYLES, CarParameters

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.floating]

PAINT, GLASS, MATT, LAMP, CHROME_SHINE = 64, 100, 30, 84, 190
"""Reflectance at normal incidence, as 255 times its square root."""

GAP: Colour = (10, 10, 11)
"""The dark of a joint between two panels."""

_RESOLUTION = 180.0  # pixels for each metre


class Sheet:
    """A drawing in metres: RGB and reflectance, uint8 (H, W, 4)."""

    def __init__(self, low: tuple[float, float], high: tuple[float, float], fill: Colour) -> None:
        self.low, self.high = low, high
        width = int((high[0] - low[0]) * _RESOLUTION) + 1
        height = int((high[1] - low[1]) * _RESOLUTION) + 1
        self.pixels = np.empty((height, width, 4), dtype=np.uint8)
        self.pixels[:] = (*fill, PAINT)

    def _place(self, points: Points) -> npt.NDArray[np.int32]:
        array = np.asarray(points, dtype=np.float64)
        u = (array[:, 0] - self.low[0]) * _RESOLUTION
        v = (self.high[1] - array[:, 1]) * _RESOLUTION
        return np.round(np.stack([u, v], axis=1) * 16).astype(np.int32)

    def fill(self, points: Points, colour: Colour, shine: int) -> None:
        """Fills a polygon (N, 2), metres."""
        place = self._place(points)[:, None]
        cv2.fillPoly(self.pixels, [place], (*colour, shine), cv2.LINE_AA, 4)

    def line(
        self, points: Points, colour: Colour = GAP, width: float = 0.008, shine: int = MATT,
        closed: bool = False,
    ) -> None:  # fmt: skip
        """Draws a line through points (N, 2); points and width in metres."""
        thickness = max(1, round(width * _RESOLUTION))
        place = self._place(points)[:, None]
        cv2.polylines(self.pixels, [place], closed, (*colour, shine), thickness, cv2.LINE_AA, 4)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, shine: int) -> None:
        """Fills a disc; metres."""
        angle = np.linspace(0, 2 * np.pi, 40)
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre
        self.fill(points, colour, shine)

    def sample(self, first: Floats, second: Floats) -> npt.NDArray[np.uint8]:
        """Returns colour and reflectance (N, 4) at the places (first, second), metres."""
        u = ((first - self.low[0]) * _RESOLUTION).astype(np.float32)
        v = ((self.high[1] - second) * _RESOLUTION).astype(np.float32)
        return _sampled(self.pixels, u, v)


def _sampled(pixels: npt.NDArray[np.uint8], u: Floats, v: Floats) -> npt.NDArray[np.uint8]:
    # OpenCV's remap takes at most 32,767 rows, so a long list is folded into columns.
    count, columns = len(u), 512
    if count == 0:
        return np.empty((0, pixels.shape[2]), dtype=np.uint8)
    short = -count % columns
    u = np.pad(u, (0, short)).reshape(-1, columns)
    v = np.pad(v, (0, short)).reshape(-1, columns)
    out = cv2.remap(pixels, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.uint8).reshape(-1, pixels.shape[2])[:count]


BLACK: Colour = (17, 17, 18)
PLASTIC: Colour = (38, 39, 41)
CHROME: Colour = (196, 198, 200)


def _glass(car: CarParameters) -> Colour:
    light = 1.0 - car.tint
    return (int(12 + 34 * light), int(14 + 40 * light), int(16 + 41 * light))


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """Returns a colour with a share, in [0, 1], of another mixed in."""
    red, green, blue = (
        int((1 - share) * a + share * b) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue


def glass_half(car: CarParameters, outline: Outline, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns half the width of windscreen and rear window at x (metres)."""
    top, belt = outline.at(x, outline.top), outline.at(x, outline.belt)
    cabin = np.maximum(top - belt, 0.0)
    rounding = np.minimum(0.085, 0.5 * cabin)
    ledge = 0.5 * car.width * 0.962 - np.minimum(0.045, 0.6 * cabin)
    roof = ledge - car.tumblehome * (cabin - rounding)
    return np.minimum(roof - 0.75 * rounding - 0.02, 0.43 * car.width)


def _window(car: CarParameters, outline: Outline, start: float, end: float) -> Floats | None:
    """Returns the polygon of a side window between two shares of the length; None if too small."""
    x = np.linspace(0.5 - start, 0.5 - end, 60) * car.length
    low = outline.at(x, outline.belt) + 0.035
    # The pane keeps its distance from the slanting roof line, not only from what is above it.
    near = np.stack([outline.at(x + d, outline.top) for d in np.linspace(-0.07, 0.07, 9)])
    high = near.min(axis=0) - 0.095
    keep = high > low + 0.03
    if keep.sum() < 4:
        return None
    x, low, high = x[keep], low[keep], high[keep]
    return np.concatenate([np.stack([x, low], axis=1), np.stack([x, high], axis=1)[::-1]]).astype(
        np.float32
    )


def _draw_side_glass(sheet: Sheet, car: CarParameters, outline: Outline) -> None:
    style = STYLES[car.style]
    first, last = style.side_glass
    whole = _window(car, outline, first, last if not car.panel else style.doors[1])
    if whole is None:
        return
    glass = _glass(car)
    sheet.fill(whole, BLACK, PAINT)
    trim = {"chrome": CHROME, "black": BLACK, "body": car.paint}[car.trim]
    sheet.line(whole, trim, 0.024, CHROME_SHINE if car.trim == "chrome" else PAINT, closed=True)
    pillars = [share for share in style.doors[1:] if first < share < last]
    edges = [first, *pillars, last] if not car.panel else [first, style.doors[1]]
    for start, end in pairwise(edges):
        pane = _window(car, outline, start + 0.009 * (start != first), end - 0.009)
        if pane is None:
            continue
        sheet.fill(pane, glass, GLASS)
        x0, x1 = float(pane[:, 0].max()), float(pane[:, 0].min())
        z0, z1 = float(pane[:, 1].min()), float(pane[:, 1].max())
        if x0 - x1 > 0.35 and car.tint < 0.75:
            seat, x = mixed(glass, (8, 8, 9), 0.75), x1 + 0.30 * (x0 - x1)
            top = z0 + 0.62 * (z1 - z0)
            sheet.fill([(x - 0.13, z0), (x - 0.16, top - 0.08), (x + 0.02, top - 0.06),
                        (x + 0.10, z0)], seat, GLASS)  # fmt: skip
            sheet.fill([(x - 0.17, top - 0.05), (x - 0.18, top + 0.06), (x - 0.07, top + 0.06),
                        (x - 0.05, top - 0.05)], seat, GLASS)  # fmt: skip


def _draw_doors(sheet: Sheet, car: CarParameters, outline: Outline) -> None:
    style, half = STYLES[car.style], 0.5 * car.length
    xs = [half - share * car.length for share in style.doors]
    sill = car.clearance + 0.13
    gap = mixed(car.paint, GAP, 0.8)
    for number, x in enumerate(xs):
        top = float(outline.at(x, outline.belt)) + 0.01
        bend = 0.05 if number == 0 else 0.0
        lower = max(sill, 0.0)
        axle = min(outline.axles, key=lambda a: abs(a - x))
        reach = outline.arch + 0.03
        if abs(axle - x) < reach:  # the gap follows the wheel arch
            lower = car.wheel_radius + float(np.sqrt(reach**2 - (axle - x) ** 2))
        sheet.line([(x, top), (x + bend, 0.5 * (top + lower)), (x, lower)], gap)
    if len(xs) > 1:
        sheet.line([(xs[0], sill), (xs[-1] + 0.05, sill)], gap)
    shine, colour = (CHROME_SHINE, CHROME) if car.trim == "chrome" else (PAINT, car.paint)
    for x in xs[1:]:
        z = float(outline.at(x, outline.belt)) - 0.085
        sheet.fill([(x + 0.05, z - 0.022), (x + 0.25, z - 0.022), (x + 0.25, z + 0.008),
                    (x + 0.05, z + 0.008)], mixed(car.paint, GAP, 0.45), PAINT)  # fmt: skip
        sheet.fill([(x + 0.04, z - 0.006), (x + 0.26, z - 0.006), (x + 0.26, z + 0.016),
                    (x + 0.04, z + 0.016)], colour, shine)  # fmt: skip


def lamp_height(car: CarParameters, outline: Outline) -> float:
    """Returns the height of the head lamps, metres."""
    nose = float(outline.top[20])
    return nose - 0.13 - 0.07 * car.lamps


def draw_side(car: CarParameters, outline: Outline) -> Sheet:
    """Returns the side view (x and z), the same for both flanks."""
    half = 0.5 * car.length + 0.15
    sheet = Sheet((-half, 0.0), (half, car.height + 0.15), car.paint)
    x, low = outline.x[::8], outline.bottom[::8]
    roof = np.stack([x, outline.top[::8] - 0.10], axis=1)
    keep = (outline.top - outline.belt)[::8] > 0.2
    if keep.sum() > 3:
        above = np.concatenate([roof[keep], roof[keep][::-1] + np.array([0.0, 0.4])])
        sheet.fill(above, car.roof_paint, PAINT)
    _draw_side_glass(sheet, car, outline)
    _draw_doors(sheet, car, outline)
    sill = 0.20 if car.cladding else 0.06
    band = np.concatenate(
        [np.stack([x, low + sill], axis=1), np.stack([x, low * 0 - 0.1], axis=1)[::-1]]
    )
    sheet.fill(band, PLASTIC, MATT)
    lamp, nose, tail = lamp_height(car, outline), float(outline.x[0]), float(outline.x[-1])
    sheet.fill([(nose + 0.1, lamp - 0.05), (nose - 0.20, lamp + 0.0), (nose - 0.36, lamp + 0.09),
                (nose + 0.1, lamp + 0.07)], (190, 196, 202), LAMP)  # fmt: skip
    back = float(outline.at(tail + 0.1, outline.belt)) - 0.02
    deep = 0.36 if car.tail == 1 else 0.16
    sheet.fill([(tail - 0.1, back), (tail + 0.26, back - 0.01), (tail + 0.17, back - deep),
                (tail - 0.1, back - deep)], (196, 16, 20), LAMP)  # fmt: skip
    gap = mixed(car.paint, GAP, 0.7)
    front_arch, rear_arch = outline.axles[0] + outline.arch, outline.axles[1] - outline.arch
    sheet.line([(front_arch - 0.02, 0.52), (nose, lamp - 0.09)], gap)
    sheet.line([(rear_arch + 0.02, 0.54), (tail, 0.56)], gap)
    for axle in outline.axles:
        centre = (axle, car.wheel_radius)
        if car.cladding:
            sheet.disc(centre, outline.arch + 0.065, PLASTIC, MATT)
        sheet.disc(centre, outline.arch + 0.012, mixed(car.paint, GAP, 0.6), MATT)
    return sheet


def screen_points(car: CarParameters, outline: Outline, ends: tuple[float, float]) -> Floats:
    """Returns x, half width and z (N, 3) along a window in the middle of the car, metres."""
    start, end = ends
    x = (0.5 - np.linspace(start + 0.012, end - 0.008, 30)) * car.length
    return np.stack([x, glass_half(car, outline, x), outline.at(x, outline.top)], axis=1).astype(
        np.float32
    )


def draw_screen(sheet: Sheet, car: CarParameters, screen: Floats, column: int) -> None:
    """Draws a window on the front or rear view (column 2: z) or on the top view (column 0: x)."""
    along, half = screen[:, column], screen[:, 1]
    if column == 2:
        edge = np.concatenate([np.stack([half, along], 1), np.stack([-half, along], 1)[::-1]])
    else:
        edge = np.concatenate([np.stack([along, half], 1), np.stack([along, -half], 1)[::-1]])
    sheet.fill(edge, _glass(car), GLASS)
    sheet.line(edge, BLACK, 0.03, PAINT, closed=True)


def draw_top(car: CarParameters, outline: Outline) -> Sheet:
    """Returns the top view (x and y)."""
    style, half = STYLES[car.style], 0.5 * car.length + 0.15
    wide = 0.5 * car.width
    sheet = Sheet((-half, -wide - 0.1), (half, wide + 0.1), car.paint)
    start, end = (
        (0.5 - style.screen[1] + 0.02) * car.length,
        (0.5 - style.rear_glass[1]) * car.length,
    )
    sheet.fill([(start, -wide), (start, wide), (end, wide), (end, -wide)], car.roof_paint, PAINT)
    for ends in (style.screen, style.rear_glass):
        draw_screen(sheet, car, screen_points(car, outline, ends), 0)
    gap = mixed(car.paint, GAP, 0.75)
    nose, cowl = 0.47 * car.length, (0.5 - style.screen[0]) * car.length
    y = 0.80 * wide
    sheet.line([(cowl, -y), (nose, -0.9 * y), (nose, 0.9 * y), (cowl, y)], gap)
    sheet.fill([(cowl + 0.03, -0.84 * wide), (cowl + 0.03, 0.84 * wide), (cowl - 0.05, 0.84 * wide),
                (cowl - 0.05, -0.84 * wide)], BLACK, MATT)  # fmt: skip
    if car.style == "pickup":
        bed, tail = (0.5 - 0.635) * car.length, -0.475 * car.length
        sheet.fill([(bed, -0.82 * wide), (bed, 0.82 * wide), (tail, 0.82 * wide),
                    (tail, -0.82 * wide)], (24, 24, 25), MATT)  # fmt: skip
    elif car.style in ("saloon", "coupe"):
        lid = (0.5 - style.rear_glass[1]) * car.length - 0.03
        sheet.line([(lid - 0.6, -0.78 * wide), (lid, -0.78 * wide), (lid, 0.78 * wide),
                    (lid - 0.6, 0.78 * wide)], gap)  # fmt: skip
    return sheet


def draw_wheel(car: CarParameters) -> Sheet:
    """Returns a wheel seen from outside, its hub in the middle."""
    radius = car.wheel_radius
    rim = radius * car.rim_share
    sheet = Sheet((-radius, -radius), (radius, radius), (24, 24, 25))
    sheet.pixels[..., 3] = MATT
    sheet.disc((0, 0), rim, car.rim, LAMP + 40)
    sheet.disc((0, 0), rim * 0.93, (14, 14, 15), MATT)
    sheet.disc((0, 0), rim * 0.62, (70, 71, 73), LAMP)
    sheet.disc((0, 0), rim * 0.40, (30, 30, 31), MATT)
    width = 1.15 / car.spokes
    for number in range(car.spokes):
        middle = 2 * np.pi * number / car.spokes + 0.3
        ends = [(0.20, 2.2 * width), (0.55, 0.62 * width), (0.97, 0.50 * width)]
        left = [(r * rim * np.cos(middle + a), r * rim * np.sin(middle + a)) for r, a in ends]
        right = [(r * rim * np.cos(middle - a), r * rim * np.sin(middle - a)) for r, a in ends]
        sheet.fill(left + right[::-1], car.rim, LAMP + 30)
        sheet.line(left, mixed(car.rim, GAP, 0.45), 0.006, LAMP)
    sheet.disc((0, 0), rim * 0.24, mixed(car.rim, GAP, 0.15), LAMP + 30)
    sheet.disc((0, 0), rim * 0.13, (44, 45, 47), LAMP)
    return sheet
