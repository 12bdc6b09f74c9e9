"""What is behind the car: a colour, a gradient, a picture, or a room."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.drawing import rgb
from core.listing.pictures import read_picture
from core.listing.steps import Background

Frame = NDArray[np.float32]
"""RGB times alpha, and alpha, float32 (H, W, 4) in [0, 255]."""

_WALL_FALL, _FLOOR_FALL = 0.10, 0.16  # share of light that a room loses towards its corners
_EDGE = 0.03  # height of the soft edge between wall and floor, in heights of the frame


def draw_backdrop(step: Background, width: int, height: int) -> tuple[Frame, str]:
    """Returns a frame with its background, and what should be known of it.

    Args:
        step: Which background.
        width: Of the frame, in px.
        height: Of the frame, in px.

    Raises:
        ImageError: The picture can't be read.
    """
    frame = np.full((height, width, 4), 255, np.float32)
    if step.kind == "transparent":
        frame[:] = 0
    elif step.kind == "colour":
        frame[..., :3] = rgb("colour", step.colour)
    elif step.kind == "gradient":
        frame[..., :3] = _mix(step.colour, step.floor, np.linspace(0, 1, height))[:, None]
    elif step.kind == "room":
        frame[..., :3] = _room(step, width, height)
    else:
        frame[..., :3], enlarged = _filling(read_picture(step.picture), width, height)
        if enlarged > 1.02:
            return frame, (
                f"The background picture was enlarged {enlarged:.1f} times to fill the frame."
            )
    return frame, ""


def _mix(first: str, second: str, share: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns colours between two, (..., 3), by the share of the second."""
    start, end = (np.array(rgb("colour", colour), np.float32) for colour in (first, second))
    weight = share[..., None].astype(np.float32)
    return np.asarray(start * (1 - weight) + end * weight, np.float32)


def _room(step: Background, width: int, height: int) -> NDArray[np.float32]:
    """Returns a wall and a floor, lit from above the middle, float32 (H, W, 3)."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    on_floor = np.clip((y - step.horizon) / _EDGE + 0.5, 0, 1)
    on_floor = on_floor * on_floor * (3 - 2 * on_floor)
    below = np.clip((y - step.horizon) / max(1 - step.horizon, 0.05), 0, 1)
    above = np.clip((step.horizon - y) / max(step.horizon, 0.05), 0, 1)
    wall, floor = _WALL_FALL / 2 * (1 - on_floor), _FLOOR_FALL / 2 * on_floor
    middle = 1 - wall * above - floor * below**2
    light = middle[:, None] - (wall + floor)[:, None] * ((2 * x - 1) ** 2)[None]
    colours = _mix(step.colour, step.floor, on_floor)[:, None]
    return np.asarray(colours * light[..., None], np.float32)


def _filling(
    picture: NDArray[np.uint8], width: int, height: int
) -> tuple[NDArray[np.uint8], float]:
    """Returns a picture cut to the frame's shape and brought to its size, and its scale."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    wide, high = (
        min(picture.shape[1], max(1, round(width / scale))),
        min(picture.shape[0], max(1, round(height / scale))),
    )
    left, top = (picture.shape[1] - wide) // 2, (picture.shape[0] - high) // 2
    part = picture[top : top + high, left : left + wide]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8), scale
