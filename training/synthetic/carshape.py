"""The whole surface of a parametric car: body, wheels, mirrors and what is on the roof."""

import numpy as np
import numpy.typing as npt

from training.synthetic.carbody import body_grid, side_outline
from training.synthetic.mesh import (
    BODY,
    CHROME,
    MIRROR,
    PLASTIC,
    TUB,
    WHEEL,
    Builder,
    CarShape,
    Outline,
    grid_normals,
    tube,
)
from training.synthetic.turntable import STYLES, CarParameters


def _add_wheels(builder: Builder, car: CarParameters, outline: Outline) -> None:
    radius, half = car.wheel_radius, 0.5 * car.width
    outer, wide = 0.985 * half - 0.05, 0.21 if car.style != "city" else 0.18
    rim = car.rim_share
    lathe = np.array([  # (share of the radius, metres from the outer face)
        (0.02, -wide), (0.62, -wide), (0.90, -wide), (0.975, -wide + 0.02), (1.0, -wide + 0.05),
        (1.0, -0.05), (0.975, -0.018), (0.91, 0.0), (rim + 0.06, 0.004), (rim + 0.015, -0.004),
        (rim - 0.01, -0.02), (rim * 0.6, -0.03), (rim * 0.25, -0.022), (0.01, -0.015),
    ])  # fmt: skip
    angle = np.linspace(0, 2 * np.pi, 45)
    for x in outline.axles:
        for side in (1.0, -1.0):
            r = lathe[:, :1] * radius
            local = np.stack(
                [r * np.cos(angle), np.broadcast_to(lathe[:, 1:], (14, 45)), r * np.sin(angle)],
                axis=-1,
            )
            local[..., 1] *= side
            points = local + np.array([x, side * outer, radius])
            builder.add(points.astype(np.float32), WHEEL, coordinates=local.astype(np.float32))


def _add_tub(builder: Builder, car: CarParameters) -> None:
    """Adds the dark inside that shows between a wheel and its arch."""
    x = np.linspace(0.46, -0.46, 40) * car.length
    half, low, high = 0.5 * car.width - 0.33, car.clearance + 0.03, car.clearance + 0.62
    for side in (1.0, -1.0):
        z = np.linspace(low, high, 6)
        points = np.stack(np.broadcast_arrays(x[:, None], side * half, z[None]), axis=-1)
        outwards = np.broadcast_to(np.array([0, side, 0], dtype=np.float32), points.shape)
        builder.add(points.astype(np.float32), TUB, normals=outwards)


def _add_mirrors(builder: Builder, car: CarParameters, outline: Outline) -> None:
    share = STYLES[car.style].screen[0] + 0.075
    x = (0.5 - share) * car.length
    z = float(outline.at(x, outline.belt)) + 0.075
    polar, round_ = np.meshgrid(np.linspace(0.02, np.pi - 0.02, 11), np.linspace(0, 2 * np.pi, 15))
    size = np.array([0.085, 0.115, 0.075]) * (1.15 if car.style in ("suv", "pickup", "van") else 1)

    def rounded(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return np.asarray(np.sign(values) * np.abs(values) ** 0.75)

    ball = np.stack([rounded(np.sin(polar) * np.cos(round_)), rounded(np.cos(polar)),
                     rounded(np.sin(polar) * np.sin(round_))], axis=-1) * size  # fmt: skip
    for side in (1.0, -1.0):
        root = 0.5 * car.width * 0.93
        builder.add(
            (ball + np.array([x, side * (root + 0.16), z + 0.02])).astype(np.float32), MIRROR
        )
        path = np.linspace([x + 0.01, side * root * 0.97, z - 0.05],
                           [x, side * (root + 0.12), z - 0.02], 4)  # fmt: skip
        builder.add(tube(path, 0.028), PLASTIC)


def _roof(car: CarParameters, outline: Outline) -> tuple[float, float, float]:
    """Returns where the roof begins and ends (x, metres) and half its width (metres)."""
    style = STYLES[car.style]
    first, last = style.screen[1] + 0.03, style.rear_glass[0] - 0.01
    cabin = float((outline.top - outline.belt).max())
    half = 0.5 * car.width * 0.962 - 0.045 - car.tumblehome * cabin
    return (0.5 - first) * car.length, (0.5 - last) * car.length, half


def _add_roof(builder: Builder, car: CarParameters, outline: Outline) -> None:
    front, back, half = _roof(car, outline)
    if car.roof_rails:
        x = np.linspace(front, back, 20)
        lift = 0.045 * np.clip(4 * np.minimum(x - back, front - x) / (front - back) + 0.1, 0, 1)
        for side in (1.0, -1.0):
            z = outline.at(x, outline.top) + lift - 0.035
            path = np.stack([x, np.full(20, side * (half - 0.04)), z], axis=1)
            builder.add(tube(path, 0.017), CHROME if car.trim == "chrome" else PLASTIC)
    if car.roof_rack:
        for share in (0.2, 0.75):
            x0 = front + share * (back - front)
            z0 = float(outline.at(x0, outline.top)) + 0.055
            y = np.linspace(-half + 0.02, half - 0.02, 12)
            drop = 0.06 * np.abs(y / half) ** 12
            path = np.stack([np.full(12, x0), y, z0 - drop], axis=1)
            builder.add(tube(path, 0.02), PLASTIC)
    if car.aerial:
        x0 = back + 0.12
        z0 = float(outline.at(x0, outline.top)) - 0.01
        if car.aerial == 1:
            tip = np.linspace([x0 + 0.07, 0, z0], [x0 - 0.05, 0, z0 + 0.075], 5)
            fin = tube(tip[:, [2, 1, 0]], np.linspace(1, 0.25, 5), 10)[..., [2, 1, 0]]
            middle = tip[:, None]
            fin = (middle + (fin - middle) * [0.085, 0.022, 0.0]).astype(np.float32)
            fin[..., 2] = np.broadcast_to(tip[:, None, 2], fin.shape[:2])
            builder.add(fin, MIRROR)
        else:
            rod = np.linspace([x0, 0, z0], [x0 - 0.12, 0, z0 + 0.42], 8)
            builder.add(tube(rod, np.linspace(0.009, 0.005, 8), 5), PLASTIC)


def build_shape(car: CarParameters) -> CarShape:
    """Returns the surface of a car, some 13,000 quads."""
    outline = side_outline(car)
    builder = Builder()
    points, flat = body_grid(car, outline)
    # Mirrored with the seam's normals taken from the whole, so that no crease runs down the roof.
    whole = np.concatenate([points, (points * [1, -1, 1])[:, -2::-1]], axis=1).astype(np.float32)
    drawn = np.concatenate([flat, (flat * [1, -1, 1])[:, -2::-1]], axis=1).astype(np.float32)
    normals = grid_normals(whole)
    seam = normals.shape[1] // 2
    normals[:, [0, -1, seam], 1] = 0.0
    if float(((whole - whole.mean(axis=(0, 1))) * normals).sum()) < 0:
        normals = -normals
    builder.add(whole, BODY, coordinates=drawn, normals=normals)
    _add_wheels(builder, car, outline)
    _add_tub(builder, car)
    _add_mirrors(builder, car, outline)
    _add_roof(builder, car, outline)
    return builder.shape(outline)
