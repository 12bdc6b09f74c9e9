"""The network that answers clicks: a photo, a mask and clicks in, the pixels that change out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint import load_checkpoint, network_fingerprint
from core.clicks import (
    CHANNELS,
    Click,
    changed_part,
    connected_part,
    crop_round,
    network_input,
    on_grid,
    resized_levels,
    target_crop,
)
from core.device import autocast_dtype
from core.errors import CheckpointError, ConfigError
from core.masks import Mask, require_pair
from core.model import UNet, fold_normalisation
from core.preprocess import Preprocessing, enlarge
from core.refine import Crop

_CLOSER = 0.7
"""A second pass is worth it where its crop has at most this share of the first one's area."""
_DOUBT = 0.25
"""A pixel changes where the probability is so far beyond a half; where none is, beyond a half."""
_SLIVER = 3
"""Px of the network's grid; what is thinner holds no two changes together. An odd number."""
_REACH = 2
"""Px of the network's grid that a click may lie beside the change that it asks for."""


@dataclass(frozen=True)
class Change:
    """Pixels of a mask that a click turns; all others stay as they are."""

    top: int
    left: int
    turned: Mask
    """bool (h, w), the upper left one at (top, left); each side has a true pixel."""

    def applied(self, mask: Mask) -> Mask:
        """Returns a mask (H, W) with these pixels turned."""
        result = mask.copy()
        height, width = self.turned.shape
        result[self.top : self.top + height, self.left : self.left + width] ^= self.turned
        return result


class ClickNetwork:
    """A click network ready to answer, on the CPU."""

    def __init__(self, model: UNet, preprocessing: Preprocessing, fingerprint: str = "") -> None:
        """Copies a network.

        Args:
            model: Network with `core.clicks.CHANNELS` inputs and one output.
            preprocessing: How its pictures were prepared in training.
            fingerprint: Of its file; see `core.checkpoint.network_fingerprint`.
        """
        self.fingerprint = fingerprint
        self.preprocessing = preprocessing
        self._model = fold_normalisation(model).to(memory_format=torch.channels_last)
        self._half = autocast_dtype(torch.device("cpu"))

    @classmethod
    def load(cls, path: Path) -> ClickNetwork:
        """Returns the network of a file.

        Raises:
            CheckpointError: It can't be read, or holds another kind of network.
        """
        model, info = load_checkpoint(path)
        if (info.model.in_channels, info.model.out_channels) != (CHANNELS, 1):
            raise CheckpointError(
                f"{path} holds a network with {info.model.in_channels} inputs; one that answers "
                f"clicks has {CHANNELS}. Train one with `python -m training clicks`."
            )
        return cls(model, info.preprocessing, network_fingerprint(path))

    def change(
        self, photo: NDArray[np.uint8], mask: Mask, clicks: Sequence[Click]
    ) -> Change | None:
        """Returns what the last click changes; None where the network sees nothing to change.

        The change is one connected part at the click. A positive click only adds to the mask, a
        negative one only takes away.

        Args:
            photo: RGB uint8 (H, W, 3).
            mask: The present mask, bool (H, W).
            clicks: Clicks of before that still hold, then the one to answer.

        Raises:
            ConfigError: There is no click, or the last one lies outside the photo.
            ImageError: The photo is no RGB uint8 picture.
            MaskError: The mask is none, or has another size than the photo.
        """
        require_pair(photo, mask)
        if not clicks:
            raise ConfigError("A click network needs at least one click.")
        click = clicks[-1]
        if not (0 <= click.x < mask.shape[1] and 0 <= click.y < mask.shape[0]):
            raise ConfigError(f"The click ({click.x}, {click.y}) lies outside the photo.")
        still_right = [each for each in clicks[:-1] if mask[each.y, each.x] == each.positive]
        clicks = [*still_right, click]
        whole = target_crop(mask, click)
        first = self._probability(photo, mask, clicks, whole)
        focus = _focus(mask, first, click, whole)
        if _area(focus) > _CLOSER * _area(whole) or first.size >= _area(whole):
            return _change(mask, first, click, whole)
        closer = self._probability(photo, mask, clicks, focus)
        change = _change(mask, _both(closer, focus, first, whole), click, focus)
        if change is None or not _is_cut(change, focus, mask.shape):
            return change
        return _change(mask, first, click, whole) or change  # it is larger than it seemed

    @torch.inference_mode()
    def _probability(
        self, photo: NDArray[np.uint8], mask: Mask, clicks: Sequence[Click], crop: Crop
    ) -> NDArray[np.float32]:
        """Returns the probability of car in a crop, float32 (h, w), on the network's grid."""
        shape = self.preprocessing.grid_shape(crop.bottom - crop.top, crop.right - crop.left)
        inputs = network_input(photo, mask, clicks, crop, shape, self.preprocessing)
        batch = torch.from_numpy(inputs[None]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", self._half, enabled=self._half is not None):
            logits = self._model(batch)
        return np.asarray(logits[0, 0].float().sigmoid().numpy(), np.float32)


def _area(crop: Crop) -> int:
    return (crop.bottom - crop.top) * (crop.right - crop.left)


def _both(
    closer: NDArray[np.float32], focus: Crop, first: NDArray[np.float32], whole: Crop
) -> NDArray[np.float32]:
    """Returns the closer pass's probability, where both passes looked the mean with the first's.

    The grid is the closer pass's, and so is the crop.
    """
    scales = (
        first.shape[0] / (whole.bottom - whole.top),
        first.shape[1] / (whole.right - whole.left),
    )
    steps = (
        (focus.bottom - focus.top) / closer.shape[0],
        (focus.right - focus.left) / closer.shape[1],
    )
    # Where each cell of the closer grid has its middle on the first grid.
    rows = (focus.top - whole.top + steps[0] * (np.arange(closer.shape[0]) + 0.5)) * scales[0] - 0.5
    columns = (focus.left - whole.left + steps[1] * (np.arange(closer.shape[1]) + 0.5)) * scales[
        1
    ] - 0.5
    across, down = np.meshgrid(np.float32(columns), np.float32(rows))
    coarse = cv2.remap(first, across, down, cv2.INTER_LINEAR, borderValue=-1)
    seen = (down >= 0) & (down <= first.shape[0] - 1) & (across >= 0)
    seen &= across <= first.shape[1] - 1
    return np.where(seen, (closer + coarse) / 2, closer).astype(np.float32)


def _focus(mask: Mask, probability: NDArray[np.float32], click: Click, whole: Crop) -> Crop:
    """Returns the crop round the change that a first pass found."""
    shape = probability.shape
    present = mask[whole.top : whole.bottom, whole.left : whole.right]
    y, x = on_grid(click, whole, shape)
    part = changed_part(
        resized_levels(present, shape) >= 0.5, probability >= 0.5, Click(x, y, click.positive)
    )
    scales = (whole.bottom - whole.top) / shape[0], (whole.right - whole.left) / shape[1]
    if part is None:
        high, wide = ((whole.bottom - whole.top) / 4, (whole.right - whole.left) / 4)
        box = Crop(
            max(0, int(click.y - high)),
            max(0, int(click.x - wide)),
            min(mask.shape[0], int(click.y + high)),
            min(mask.shape[1], int(click.x + wide)),
        )
        return crop_round(box, click, mask.shape, 0.0)
    left, top, width, height = cv2.boundingRect(part.view(np.uint8))
    box = Crop(
        whole.top + int(top * scales[0]),
        whole.left + int(left * scales[1]),
        whole.top + int(np.ceil((top + height) * scales[0])),
        whole.left + int(np.ceil((left + width) * scales[1])),
    )
    return crop_round(box, click, mask.shape)


def _change(
    mask: Mask, probability: NDArray[np.float32], click: Click, crop: Crop
) -> Change | None:
    """Returns the change at a click within a crop, at the photo's size."""
    present = mask[crop.top : crop.bottom, crop.left : crop.right]
    inner = Click(click.x - crop.left, click.y - crop.top, click.positive)
    fineness = max(1.0, (present.size / probability.size) ** 0.5)
    reach = round(_REACH * fineness)
    enlarged = enlarge(probability, *present.shape)
    sign = 1 if click.positive else -1
    part = None
    for doubt in (_DOUBT, 0.0):
        if part is None:
            part = changed_part(present, enlarged >= 0.5 + sign * doubt, inner, reach)
    if part is None:
        return None
    shape = probability.shape if fineness > 1 else present.shape
    body = _body(part, inner, (shape[0], shape[1]), reach)
    if body is not None:
        part = body
    left, top, width, height = cv2.boundingRect(part.view(np.uint8))
    turned = part[top : top + height, left : left + width].copy()
    return Change(crop.top + top, crop.left + left, turned)


def _body(part: Mask, click: Click, shape: tuple[int, int], reach: int) -> Mask | None:
    """Returns a change without what slivers tie to it; None where all of it is as thin.

    Where the network would draw an edge a little elsewhere there is a sliver along the mask, which
    touches changes that have nothing to do with the click.

    Args:
        part: The connected change, bool (H, W).
        click: In px of it.
        shape: Height and width of the grid in px, on which slivers are thin.
        reach: In px, how far from the click the change may begin.
    """
    coarse = (resized_levels(part, shape) >= 0.5).view(np.uint8)
    thick = cv2.morphologyEx(coarse, cv2.MORPH_OPEN, np.ones((_SLIVER, _SLIVER), np.uint8)) > 0
    y, x = on_grid(click, Crop(0, 0, *part.shape), shape)
    body = connected_part(thick, x, y, _REACH)
    if body is None:
        return None
    grown = cv2.dilate(body.view(np.uint8), np.ones((2 * _SLIVER - 1, 2 * _SLIVER - 1), np.uint8))
    allowed = cv2.resize(grown, part.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return connected_part(part & allowed, click.x, click.y, 2 * reach)


def _is_cut(change: Change, crop: Crop, shape: tuple[int, ...]) -> bool:
    """Returns whether a change ends at a side of its crop that is not the photo's."""
    height, width = change.turned.shape
    return (
        (change.top <= crop.top > 0)
        or (change.left <= crop.left > 0)
        or (change.top + height >= crop.bottom < shape[0])
        or (change.left + width >= crop.right < shape[1])
    )
