"""Surfaces made of quads, which a car's shape is kept in, and the camera that looks at them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.synthetic.turntable import VIEWS, CarParameters

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BODY, WHEEL, TUB, MIRROR, PLASTIC, CHROME = range(6)
"""Parts of a car; each quad belongs to one."""


@dataclass(frozen=True)
class CarShape:
    """A car in its own frame: x forward, y left, z up, metres; the floor is z = 0."""

    vertices: Floats
    """(V, 3), metres."""
    normals: Floats
    """(V, 3), unit length, outwards."""
    coordinates: Floats
    """(V, 3): where a vertex lies in the car's drawings (body: before the nose is bowed; wheel:
    from its own hub)."""
    quads: Ints
    """(Q, 4) vertex numbers, in order round each quad."""
    parts: Ints
    """(Q,) the part of each quad."""
    outline: "Outline"
    """The side view that the body is built from."""


@dataclass(frozen=True)
class Outline:
    """The side view of a body as functions of x, sampled from nose to tail."""

    x: Floats
    """(N,) metres, falling from nose to tail."""
    top: Floats
    """(N,) height of the roof line on the car's middle, metres."""
    belt: Floats
    """(N,) height of the shoulder, metres."""
    bottom: Floats
    """(N,) height of the underbody, metres."""
    axles: tuple[float, float]
    """x of the front and of the rear axle, metres."""
    arch: float
    """Radius of a wheel arch, metres."""

    def at(self, x: npt.ArrayLike, curve: Floats) -> npt.NDArray[np.float64]:
        """Returns the value of one of the curves at x (metres)."""
        return np.interp(-np.asarray(x, dtype=np.float64), -self.x, curve)


def _grid_quads(rows: int, columns: int, first: int) -> Ints:
    index = first + np.arange(rows * columns).reshape(rows, columns)
    corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    return np.stack([corner.ravel() for corner in corners], axis=1).astype(np.int32)


def grid_normals(points: Floats) -> Floats:
    """Returns unit normals (R, C, 3) of a grid of points, areas as weights."""
    faces = np.cross(points[1:, 1:] - points[:-1, :-1], points[:-1, 1:] - points[1:, :-1])
    total = np.zeros(points.shape, dtype=np.float32)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            total[rows, columns] += faces
    length = np.linalg.norm(total, axis=-1, keepdims=True)
    return np.asarray(total / np.maximum(length, 1e-12), dtype=np.float32)


class Builder:
    """Collects grids of quads."""

    def __init__(self) -> None:
        self.count = 0
        self.arrays: list[tuple[Floats, Floats, Floats, Ints, Ints]] = []

    def add(
        self,
        points: Floats,
        part: int,
        *,
        coordinates: Floats | None = None,
        normals: Floats | None = None,
    ) -> None:
        """Adds a grid (R, C, 3); without normals, its outside is what looks away from its middle.

        Args:
            points: (R, C, 3) in the car's frame, metres.
            part: The part that the grid's quads belong to.
            coordinates: (R, C, 3) places in the car's drawings; None for the points themselves.
            normals: (R, C, 3) of unit length, outwards.
        """
        rows, columns = points.shape[:2]
        if normals is None:
            normals = grid_normals(points)
            if float(((points - points.mean(axis=(0, 1))) * normals).sum()) < 0:
                normals = -normals
        drawn = points if coordinates is None else coordinates
        quads = _grid_quads(rows, columns, self.count)
        parts = np.full(len(quads), part, dtype=np.int32)
        flat = [np.asarray(a, dtype=np.float32).reshape(-1, 3) for a in (points, normals, drawn)]
        self.arrays.append((flat[0], flat[1], flat[2], quads, parts))
        self.count += rows * columns

    def shape(self, outline: Outline) -> CarShape:
        """Returns all that was added as one surface."""
        vertices, normals, drawn, quads, parts = zip(*self.arrays, strict=True)
        return CarShape(
            vertices=np.concatenate(vertices),
            normals=np.concatenate(normals),
            coordinates=np.concatenate(drawn),
            quads=np.concatenate(quads),
            parts=np.concatenate(parts),
            outline=outline,
        )


def tube(path: npt.NDArray[np.floating], radius: npt.ArrayLike, sides: int = 6) -> Floats:
    """Returns a tube (N, sides + 1, 3) round a path (N, 3) that runs along one axis mostly."""
    along = np.abs(path[-1] - path[0])
    axes = [axis for axis in range(3) if axis != int(np.argmax(along))]
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.zeros((len(path), sides + 1, 3))
    size = np.broadcast_to(np.asarray(radius), (len(path),))[:, None]
    ring[..., axes[0]] = size * np.cos(angle)
    ring[..., axes[1]] = size * np.sin(angle)
    return (path[:, None] + ring).astype(np.float32)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along minus x at the turntable's centre; metres and pixels."""

    eye: tuple[float, float, float]
    """Where it stands."""
    pitch: float
    """Radians it looks down."""
    focal: float
    """Pixels."""
    centre: tuple[float, float]
    """x and y of the optical axis in the picture, pixels."""
    shape: tuple[int, int]
    """Height and width of the picture, pixels."""

    def _axes(self) -> tuple[Floats, Floats, Floats]:
        cosine, sine = np.cos(self.pitch), np.sin(self.pitch)
        forward = np.array([-cosine, 0.0, -sine], dtype=np.float32)
        right = np.array([0.0, 1.0, 0.0], dtype=np.float32)
        up = np.array([-sine, 0.0, cosine], dtype=np.float32)
        return forward, right, up

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Returns picture places (N, 2) in pixels and depths (N,) in metres of points (N, 3)."""
        forward, right, up = self._axes()
        moved = points - np.array(self.eye, dtype=np.float32)
        depth = moved @ forward
        scale = self.focal / np.maximum(depth, 0.05)
        u = self.centre[0] + scale * (moved @ right)
        v = self.centre[1] - scale * (moved @ up)
        return np.stack([u, v], axis=1), depth

    def rays(self, u: Floats, v: Floats) -> Floats:
        """Returns unit directions (..., 3) in which the pixels at (u, v) look."""
        forward, right, up = self._axes()
        across = ((u - self.centre[0]) / self.focal)[..., None]
        rise = ((self.centre[1] - v) / self.focal)[..., None]
        ray = forward + across * right + rise * up
        length = np.sqrt(np.einsum("...i,...i->...", ray, ray))[..., None]
        return np.asarray(ray / length, dtype=np.float32)

    @lru_cache(maxsize=4)  # noqa: B019 - a camera is small, frozen and shared by a car's views
    def floor(self) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Returns x and y (H, W) of the floor at each pixel, metres, and whether it sees any."""
        height, width = self.shape
        v, u = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
        ray = self.rays(u, v)
        hits = ray[..., 2] < -1e-3
        reach = np.where(hits, self.eye[2] / np.maximum(-ray[..., 2], 1e-3), 0.0)
        x = self.eye[0] + reach * ray[..., 0]
        y = self.eye[1] + reach * ray[..., 1]
        return x.astype(np.float32), y.astype(np.float32), hits

    def horizon(self) -> float:
        """Returns the row of the horizon, pixels."""
        return float(self.centre[1] - self.focal * np.tan(self.pitch))


def make_camera(car: CarParameters, height: int, width: int) -> Camera:
    """Returns the camera that a car's parameters ask for; the same for all of its views."""
    aim = 0.42 * car.height
    pitch = float(np.arctan2(car.stand.camera_height - aim, car.stand.camera_distance))
    frame = min(width, 1.5 * height)
    # In side view the flank is what is nearest, and it is what must fit.
    near = car.stand.camera_distance - 0.5 * car.width
    focal = car.stand.fill * frame * near / (car.length + 0.15)
    return Camera(
        eye=(car.stand.camera_distance, 0.0, car.stand.camera_height),
        pitch=pitch,
        focal=float(focal),
        centre=(0.5 * width, (0.5 + car.stand.aim) * height),
        shape=(height, width),
    )


def turn(car: CarParameters, view: int) -> Floats:
    """Returns the rotation (3, 3) from the car's frame to the studio's for a view (1..16)."""
    angle = np.deg2rad(car.stand.yaw - (view - 1) * 360.0 / VIEWS)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=np.float32)
