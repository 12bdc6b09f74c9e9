"""What colour a car's surface shows: its drawings, its material, and the light that falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.synthetic.backdrop import Backdrop
from training.synthetic.carbody import draw_front, draw_rear
from training.synthetic.carpaint import (
    CHROME_SHINE,
    LAMP,
    MATT,
    PAINT,
    Sheet,
    draw_side,
    draw_top,
    draw_wheel,
)
from training.synthetic.mesh import (
    BODY,
    CHROME,
    MIRROR,
    PLASTIC,
    TUB,
    WHEEL,
    CarShape,
    Floats,
    Ints,
    Outline,
)
from training.synthetic.turntable import CarParameters


@dataclass(frozen=True)
class Drawings:
    """The drawings of one car."""

    side: Sheet
    """x and z."""
    front: Sheet
    """y and z."""
    rear: Sheet
    """y and z."""
    top: Sheet
    """x and y."""
    wheel: Sheet
    """A wheel seen from outside, hub in the middle."""


def draw_car(car: CarParameters, outline: Outline) -> Drawings:
    """Returns the drawings of a car."""
    return Drawings(
        side=draw_side(car, outline),
        front=draw_front(car, outline),
        rear=draw_rear(car, outline),
        top=draw_top(car, outline),
        wheel=draw_wheel(car),
    )


Bools = npt.NDArray[np.bool_]
_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@dataclass(frozen=True)
class Samples:
    """What the shaded samples see."""

    coordinates: Floats
    """(N, 3) in the car's drawings."""
    normals: Floats
    """(N, 3), unit, studio frame."""
    local: Floats
    """(N, 3), unit normals in the car's frame."""
    parts: Ints
    """(N,)."""
    rays: Floats
    """(N, 3), unit, from the camera."""


def holes(car: CarParameters, shape: CarShape, samples: Samples) -> Bools:
    """Returns which samples look through a wheel arch into the car."""
    x, y, z = samples.coordinates.T
    outline = shape.outline
    inside = np.zeros(len(x), dtype=bool)
    for axle in outline.axles:
        inside |= (x - axle) ** 2 + (z - car.wheel_radius) ** 2 < outline.arch**2
    flank = np.abs(y) > 0.5 * car.width * 0.72
    return np.asarray(inside & flank & (samples.parts == BODY))


def material_of(car: CarParameters, drawings: Drawings, samples: Samples) -> npt.NDArray[np.uint8]:
    """Returns colour (RGB) and reflectance code (N, 4) of samples."""
    flat = np.zeros((6, 4), dtype=np.uint8)
    flat[TUB] = (7, 7, 8, 0)
    flat[WHEEL] = (26, 26, 27, MATT)
    flat[MIRROR] = (*(car.paint if car.trim != "black" else (22, 22, 23)), PAINT)
    flat[PLASTIC] = (30, 31, 32, MATT)
    flat[CHROME] = (190, 192, 194, CHROME_SHINE)
    colour = flat[samples.parts]
    x, y, z = samples.coordinates.T
    nx, ny, nz = samples.local.T
    body = samples.parts == BODY
    side = body & (np.abs(ny) > 0.58)
    ends = body & ~side & (np.abs(nx) > nz)
    top = body & ~side & ~ends
    front, rear = ends & (nx > 0), ends & (nx <= 0)
    colour[side] = drawings.side.sample(x[side], z[side])
    colour[front] = drawings.front.sample(y[front], z[front])
    colour[rear] = drawings.rear.sample(y[rear], z[rear])
    colour[top] = drawings.top.sample(x[top], y[top])
    rim = (samples.parts == WHEEL) & (np.abs(ny) > 0.25) & (np.abs(y) < 0.05)
    colour[rim] = drawings.wheel.sample(x[rim], z[rim])
    return colour


def _light(environment: Floats, directions: Floats) -> Floats:
    """Returns the light (N, 3) that comes from directions (N, 3)."""
    rows, columns = environment.shape[:2]
    turned = np.arctan2(directions[:, 1], directions[:, 0]) * (columns / (2 * np.pi)) + columns / 2
    rise = np.arcsin(np.clip(directions[:, 2], -1, 1)) * (rows / np.pi)
    short = -len(rise) % 512
    u = np.pad(turned.astype(np.float32), (0, short)).reshape(-1, 512)
    v = np.pad((rows / 2 - rise - 0.5).astype(np.float32), (0, short)).reshape(-1, 512)
    seen = cv2.remap(environment, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(seen, dtype=np.float32).reshape(-1, 3)[: len(rise)]


def _blurred_light(place: Backdrop) -> tuple[Floats, Floats]:
    """Returns a place's light blurred for matt surfaces, and for metallic ones."""
    columns = place.environment.shape[1]
    wide = np.concatenate([place.environment] * 3, axis=1)
    even = cv2.GaussianBlur(wide, (0, 0), 11.0, borderType=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(wide, (0, 0), 4.5, borderType=cv2.BORDER_REPLICATE)
    inner = slice(columns, 2 * columns)
    return np.asarray(even[:, inner], np.float32), np.asarray(soft[:, inner], np.float32)


def shade(
    car: CarParameters, place: Backdrop, samples: Samples, material: npt.NDArray[np.uint8]
) -> Floats:
    """Returns colours (N, 3) of samples, RGB 0..1 as shown on a screen."""
    normal, ray = samples.normals, samples.rays
    albedo = _LINEAR[material[:, :3]]
    base = (material[:, 3:].astype(np.float32) / 255) ** 2
    facing = np.clip(-np.einsum("ij,ij->i", normal, ray), 0, 1)[:, None]
    mirrored = ray + 2 * facing * normal
    polish = np.clip((base - 0.02) / 0.03, 0, 1)
    fresnel = base + (0.75 * polish) * (1 - base) * (1 - facing) ** 5
    height = samples.coordinates[:, 2:]
    wheel = (samples.parts == WHEEL)[:, None]
    height = np.where(wheel, height + car.wheel_radius, height)
    near = np.clip(height / 0.75, 0, 1)
    # Close to the floor the car shades itself, most where it looks down.
    open_ = 0.30 + 0.70 * np.clip(near + 0.45 * (normal[:, 2:] + 0.15), 0, 1)
    even, soft_light = _blurred_light(place)
    diffuse = _light(even, normal) * open_
    down = np.clip(-mirrored[:, 2:] * 2.5, 0, 1)
    glint = _light(place.environment, mirrored) * (1 - 0.65 * down * (1 - near))
    soft = _light(soft_light, mirrored) * (1 - 0.5 * down)
    metal = car.metallic * (material[:, 3:] == PAINT)
    colour = albedo * (diffuse * (1 - 0.45 * metal) + 0.5 * metal * soft) * (1 - fresnel)
    if place.sunlight > 0:
        sun = np.array(place.sun, dtype=np.float32)
        colour += albedo * place.sunlight * np.clip(normal @ sun, 0, 1)[:, None]
        gleam = np.clip(mirrored @ sun, 0, 1)[:, None] ** 240
        colour += gleam * polish * place.sunlight * 1.5
    colour += glint * fresnel
    lamp = (material[:, 3:] == LAMP) & (material[:, :1] > 150)
    colour += 0.12 * lamp * albedo
    shown = np.clip(colour * car.stand.exposure, 0, None)
    # A soft shoulder keeps the brightest parts of a white car from burning out flat.
    shown = np.where(shown < 0.7, shown, 0.7 + 0.3 * (1 - np.exp(-(shown - 0.7) / 0.3)))
    return np.asarray(shown ** (1 / 2.2), dtype=np.float32)
