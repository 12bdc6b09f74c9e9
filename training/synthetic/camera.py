"""The camera before the turntable: where points fall in the picture and what each pixel sees."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.synthetic.turntable import VIEWS, CarParameters

Floats = npt.NDArray[np.float32]


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
