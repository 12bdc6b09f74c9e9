"""Draws a car: which surface each sample sees, its light, its shadow and its mirror image."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from training.synthetic.backdrop import Backdrop
from training.synthetic.carshape import build_shape
from training.synthetic.clutter import make_backdrop
from training.synthetic.mesh import (
    BODY,
    TUB,
    WHEEL,
    Camera,
    CarShape,
    Floats,
    Ints,
    make_camera,
    turn,
)
from training.synthetic.shading import Drawings, Samples, draw_car, holes, material_of, shade
from training.synthetic.turntable import CarParameters

_FINE = 4  # samples along a pixel's side that decide whose the pixel is; every second is shaded
_SHIFT = 4  # OpenCV's fixed point: 1/16 of a sample


@dataclass(frozen=True)
class _Screen:
    """A car's quads on the picture: corners in pixels, depth, and which of them face the camera."""

    places: Floats
    """(V, 2), pixels of the picture."""
    order: Ints
    """Numbers of the facing quads, far ones first."""
    rotation: Floats
    """(3, 3), car to studio."""


@lru_cache(maxsize=4)
def _car(car: CarParameters) -> tuple[CarShape, Drawings]:
    shape = build_shape(car)
    return shape, draw_car(car, shape.outline)


@lru_cache(maxsize=2)
def _place(car: CarParameters, height: int, width: int, background: str, seed: int) -> Backdrop:
    camera = make_camera(car, height, width)
    return make_backdrop(camera, background, (seed, car.seed, car.car, 21))


def _seen(shape: CarShape, car: CarParameters, camera: Camera, view: int, mirror: bool) -> _Screen:
    """Returns the quads as the camera sees them, upright or mirrored in the floor."""
    rotation = turn(car, view)
    if mirror:
        rotation = np.diag(np.array([1, 1, -1], dtype=np.float32)) @ rotation
    offset = np.array([*car.stand.position, 0.0], dtype=np.float32)
    world = shape.vertices @ rotation.T + offset
    normals = shape.normals @ rotation.T
    corners = world[shape.quads]
    face = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    mean = normals[shape.quads].sum(axis=1)
    face *= np.sign((face * mean).sum(axis=1, keepdims=True))
    towards = np.array(camera.eye, dtype=np.float32) - corners.mean(axis=1)
    facing = np.flatnonzero((face * towards).sum(axis=1) > 0)
    places, depth = camera.project(world)
    reach = depth[shape.quads[facing]].mean(axis=1)
    # Wheels stand inside their arches: a flank that is almost as near covers them.
    reach = reach + 0.25 * np.isin(shape.parts[facing], (WHEEL, TUB))
    order = facing[np.argsort(-reach, kind="stable")].astype(np.int32)
    return _Screen(places, order, rotation)


def _numbered(
    screen: _Screen, quads: Ints, order: Ints, box: tuple[int, int, int, int], fine: int
) -> Ints:
    """Returns for each sample of a box the number of the quad it sees plus one, or 0."""
    left, top, right, bottom = box
    target = np.zeros(((bottom - top) * fine, (right - left) * fine), dtype=np.int32)
    origin = np.array([left, top], dtype=np.float32)
    fixed = ((screen.places - origin) * fine - 0.5) * (1 << _SHIFT)
    corners = np.round(fixed).astype(np.int32)[quads[order]]
    fill = cv2.fillConvexPoly
    for number, points in zip((order + 1).tolist(), corners, strict=True):
        fill(target, points, number, cv2.LINE_8, _SHIFT)
    return target


def _gather(
    shape: CarShape, screen: _Screen, camera: Camera, numbers: Ints, u: Floats, v: Floats
) -> Samples:
    """Returns what samples at picture places (u, v) see on the quads of the given numbers."""
    used, index = np.unique(numbers, return_inverse=True)
    quads = shape.quads[used]
    corners = screen.places[quads]
    values = np.concatenate([shape.coordinates, shape.normals], axis=1)[quads]
    first, second = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    inverse = np.where(np.abs(area) > 0.05, 1.0 / np.where(area == 0, 1.0, area), 0.0)[:, None]
    a, b = values[:, 2] - values[:, 0], values[:, 3] - values[:, 1]
    slope_u = (a * second[:, 1:] - b * first[:, 1:]) * inverse
    slope_v = (b * first[:, :1] - a * second[:, :1]) * inverse
    middle = corners.mean(axis=1)
    du, dv = u - middle[index, 0], v - middle[index, 1]
    seen = values.mean(axis=1)[index] + slope_u[index] * du[:, None] + slope_v[index] * dv[:, None]
    local = seen[:, 3:]
    local = local / np.sqrt(np.einsum("ij,ij->i", local, local) + 1e-12)[:, None]
    return Samples(
        coordinates=seen[:, :3].astype(np.float32),
        normals=(local @ screen.rotation.T).astype(np.float32),
        local=local.astype(np.float32),
        parts=shape.parts[used][index],
        rays=camera.rays(u, v).astype(np.float32),
    )


@dataclass(frozen=True)
class Layer:
    """A car without its surroundings."""

    colour: Floats
    """(H, W, 3), RGB 0..1; of use where coverage is above 0."""
    coverage: Floats
    """(H, W), share of each pixel that is car."""
    height: Floats
    """(H, W), metres above the floor of what is seen."""


def _box(screen: _Screen, shape: tuple[int, int], quads: Ints) -> tuple[int, int, int, int]:
    used = screen.places[quads[screen.order]].reshape(-1, 2)
    low, high = np.floor(used.min(axis=0)) - 1, np.ceil(used.max(axis=0)) + 1
    limits = np.array([shape[1], shape[0]])
    left, top = np.clip(low, 0, limits - 1).astype(int).tolist()
    right, bottom = np.clip(high, 1, limits).astype(int).tolist()
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _layer(
    car: CarParameters, place: Backdrop, camera: Camera, view: int, *, mirror: bool = False
) -> Layer:
    """Returns the car as the camera sees it, or its image in the floor."""
    shape, drawings = _car(car)
    fine, stride = (2, 2) if mirror else (_FINE, 2)
    screen = _seen(shape, car, camera, view, mirror)
    box = _box(screen, camera.shape, shape.quads)
    left, top, right, bottom = box
    parts = shape.parts[screen.order]
    numbers = _numbered(screen, shape.quads, screen.order[parts != TUB], box, fine)
    inner = screen.order[(parts == WHEEL) | (parts == TUB)]
    behind = _numbered(screen, shape.quads, inner, box, fine)[1::stride, 1::stride]
    shaded = numbers[1::stride, 1::stride]
    rows, columns = np.nonzero(shaded)
    per = fine // stride
    u = ((columns * stride + 1.5) / fine + left).astype(np.float32)
    v = ((rows * stride + 1.5) / fine + top).astype(np.float32)
    samples = _gather(shape, screen, camera, shaded[rows, columns] - 1, u, v)
    material = material_of(car, drawings, samples)
    open_ = holes(car, shape, samples)
    colour = shade(car, place, samples, material)
    through = np.flatnonzero(open_)
    under = behind[rows[through], columns[through]]
    colour[through] = 0.025
    through, under = through[under > 0], under[under > 0]
    if len(through):
        seen = _gather(shape, screen, camera, under - 1, u[through], v[through])
        colour[through] = shade(car, place, seen, material_of(car, drawings, seen))
    size = (bottom - top, right - left)
    total = np.zeros((shaded.shape[0], shaded.shape[1], 5), dtype=np.float32)
    total[rows, columns, :3] = colour
    total[rows, columns, 3] = 1.0
    total[rows, columns, 4] = samples.coordinates[:, 2] + car.wheel_radius * (
        samples.parts == WHEEL
    )
    if per > 1:
        parted = total.reshape(size[0], per, size[1], per, 5)
        total = np.einsum("aibjc->abc", parted) / np.float32(per**2)
    hit = (numbers > 0).astype(np.float32)
    cover = cv2.resize(hit, size[::-1], interpolation=cv2.INTER_AREA)
    return _placed(total, np.asarray(cover, dtype=np.float32), camera.shape, box)


def _placed(
    total: Floats, cover: Floats, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> Layer:
    """Returns the layer of a whole picture from the sums over a box."""
    left, top, right, bottom = box
    # A pixel that only unshaded samples of the car touch takes its neighbours' colour.
    spread = cv2.blur(total, (3, 3))
    missing = total[..., 3:4] == 0
    total = np.where(missing, spread, total)
    mean = total / np.maximum(total[..., 3:4], 1e-6)
    colour = np.zeros((*shape, 3), dtype=np.float32)
    coverage, height = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    colour[top:bottom, left:right] = mean[..., :3]
    coverage[top:bottom, left:right] = cover
    height[top:bottom, left:right] = mean[..., 4]
    return Layer(colour, coverage, height)


_SHADOW_REACH = 5.5  # metres from the car's middle that the shadow's drawing covers
_SHADOW_PIXELS = 352


def _shadow(car: CarParameters, place: Backdrop, camera: Camera, view: int) -> Floats:
    """Returns the share of light (H, W) that reaches the floor."""
    shape, _ = _car(car)
    scale = 0.5 * _SHADOW_PIXELS / _SHADOW_REACH
    rotation = turn(car, view)
    world = shape.vertices @ rotation.T

    def drawn(points: Floats, sigma: float) -> Floats:
        layer = np.zeros((_SHADOW_PIXELS, _SHADOW_PIXELS), dtype=np.float32)
        flat = ((points[:, [1, 0]] + _SHADOW_REACH) * scale * 16).astype(np.int32)
        cv2.fillConvexPoly(layer, cv2.convexHull(flat), 1.0, cv2.LINE_AA, 4)
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma * scale), dtype=np.float32)

    body = np.unique(shape.quads[shape.parts == BODY])
    foot = world[body]
    light = 1 - 0.80 * place.shadow * drawn(foot * 0.985, 0.10)
    light *= 1 - 0.35 * place.shadow * drawn(foot * 1.06, 0.45)
    for axle in shape.outline.axles:
        for side in (1, -1):
            at = np.array([axle, side * (0.5 * car.width - 0.14), 0.0])
            patch = np.array(
                [[0.13, 0.11, 0], [0.13, -0.11, 0], [-0.13, -0.11, 0], [-0.13, 0.11, 0]]
            )
            light *= 1 - 0.6 * place.shadow * drawn((patch + at) @ rotation.T, 0.035)
    if place.sunlight > 0.02:
        slide = np.array(place.sun[:2]) / max(place.sun[2], 0.3)
        low = shape.coordinates[body, 2] < float(shape.outline.belt.max()) - 0.05
        cast = np.zeros_like(light)
        for part in (foot[low], foot[~low]):
            fallen = part.copy()
            fallen[:, :2] -= part[:, 2:] * slide
            cast = np.maximum(cast, drawn(fallen, 0.05 if place.sunlight > 0.5 else 0.2))
        light *= 1 - min(0.62, place.sunlight) * cast
    x, y, hits = camera.floor()
    u = np.where(hits, (y - car.stand.position[1] + _SHADOW_REACH) * scale, -100.0).astype(
        np.float32
    )
    v = np.where(hits, (x - car.stand.position[0] + _SHADOW_REACH) * scale, -100.0).astype(
        np.float32
    )
    return np.asarray(cv2.remap(light, u, v, cv2.INTER_LINEAR, borderValue=1.0), dtype=np.float32)


def draw_layer(
    car: CarParameters, view: int, height: int, width: int, background: str, seed: int
) -> tuple[Layer, Floats]:
    """Returns a car alone in a background's light, and the share of light (H, W) on its floor.

    The floor is darkened where the car's shadow falls, so both can be laid over another picture.
    """
    camera = make_camera(car, height, width)
    place = _place(car, height, width, background, seed)
    return _layer(car, place, camera, view), _shadow(car, place, camera, view)


def draw_view(
    car: CarParameters, view: int, height: int, width: int, background: str, seed: int
) -> tuple[Floats, Floats]:
    """Returns the picture (H, W, 3), RGB 0..1, and the share of each pixel that is car (H, W)."""
    camera = make_camera(car, height, width)
    place = _place(car, height, width, background, seed)
    image = place.image * _shadow(car, place, camera, view)[..., None]
    if place.gloss > 0:
        ghost = _layer(car, place, camera, view, mirror=True)
        veil = place.gloss * ghost.coverage * np.exp(-ghost.height / 0.45)
        sigma = 0.006 * width
        veil = cv2.GaussianBlur(veil, (0, 0), 0.6 * sigma, sigmaY=sigma)[..., None]
        blurred = cv2.GaussianBlur(ghost.colour * ghost.coverage[..., None], (0, 0), 0.6 * sigma,
                                   sigmaY=sigma)  # fmt: skip
        weight = cv2.GaussianBlur(ghost.coverage, (0, 0), 0.6 * sigma, sigmaY=sigma)[..., None]
        image = image * (1 - veil) + veil * blurred / np.maximum(weight, 1e-4)
    layer = _layer(car, place, camera, view)
    alpha = layer.coverage[..., None]
    image = image * (1 - alpha) + layer.colour * alpha
    rng = np.random.default_rng([seed, car.seed, car.car, view, 31])
    image = image + rng.normal(0, rng.uniform(0.002, 0.008), image.shape).astype(np.float32)
    return image.astype(np.float32), layer.coverage
