"""Losses on logits; all are computed in float32 and are means over the batch's images.

Everywhere: `logits` float (N, 1, H, W) of any precision, `masks` float (N, 1, H, W) in {0, 1}; the
result is a scalar.

Weight map of the loss: extra weight of pixels along the edge and in narrow gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.truth import IGNORED
from training.config import TrainConfig

LossFunction = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""The loss of (logits, masks, extra weights), the last None where no pixel weighs more."""

_SURELY_NOT = -1e4  # a logit that half precision holds and whose sigmoid is 0
_SMOOTH = 1.0
"""Pixels added to both sides of a fraction of areas, so an empty mask has a gradient."""


def make_loss(config: TrainConfig) -> LossFunction:
    """Returns the loss that the settings ask for: `config.loss`, plus the extra weights' part."""
    base = _BASES[config.loss]
    positive = config.positive_weight

    def loss(logits: Tensor, masks: Tensor, extra: Tensor | None = None) -> Tensor:
        total = base(logits, masks, positive)
        if extra is not None:
            total = total + weighted_loss(logits, masks, extra)
        return total

    return loss


def without_ignored(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Returns logits and masks in which ignored pixels are surely right, so that no loss sees them.

    Args:
        logits: Before the sigmoid.
        labels: uint8 (N, 1, H, W) of `core.truth.Truth.labels`.
    """
    return logits.masked_fill(labels == IGNORED, _SURELY_NOT), (labels == 1).float()


def bce_loss(logits: Tensor, masks: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Returns binary cross-entropy, mean over pixels; a car's pixel counts `positive_weight`."""
    weight = None if positive_weight == 1 else logits.new_tensor(positive_weight).float()
    return F.binary_cross_entropy_with_logits(logits.float(), masks, pos_weight=weight)


def soft_dice_loss(logits: Tensor, masks: Tensor, smooth: float = _SMOOTH) -> Tensor:
    """Returns 1 - soft Dice, mean over the batch's images; in [0, 1].

    Args:
        logits: Before the sigmoid.
        masks: The truth.
        smooth: Added to both sides of the fraction, in px.

    Source: Milletari et al. 2016, "V-Net", section 3, per image, without squares.
    """
    probability = logits.float().sigmoid().flatten(1)
    truth = masks.flatten(1)
    both = (probability * truth).sum(1)
    total = probability.sum(1) + truth.sum(1)
    return (1 - (2 * both + smooth) / (total + smooth)).mean()


def bce_dice_loss(logits: Tensor, masks: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Returns `bce_loss` plus `soft_dice_loss`."""
    return bce_loss(logits, masks, positive_weight) + soft_dice_loss(logits, masks)


def focal_loss(
    logits: Tensor, masks: Tensor, positive_weight: float = 1.0, gamma: float = 2.0
) -> Tensor:
    """Returns the focal loss, (1 - p)^gamma * -log(p) with p of the true class, mean over pixels.

    Args:
        logits: Before the sigmoid.
        masks: The truth.
        positive_weight: Weight of a car's pixel; it stands for the paper's alpha.
        gamma: How much less an easy pixel counts; 0 is `bce_loss`.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5.
    """
    logits = logits.float()
    surprise = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    wrong = torch.where(masks > 0.5, -logits, logits).sigmoid()
    weight = 1 + (positive_weight - 1) * masks
    return (weight * wrong**gamma * surprise).mean()


def tversky_loss(
    logits: Tensor, masks: Tensor, false_positive: float = 0.3, false_negative: float = 0.7
) -> Tensor:
    """Returns 1 - the Tversky index, mean over the batch's images; in [0, 1].

    Args:
        logits: Before the sigmoid.
        masks: The truth.
        false_positive: Cost of a pixel that is wrongly called car (alpha).
        false_negative: Cost of a missed pixel (beta). 0.5 and 0.5 give Dice.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", equation 4; their best weights are 0.3 and 0.7.
    """
    probability = logits.float().sigmoid().flatten(1)
    truth = masks.flatten(1)
    both = (probability * truth).sum(1)
    wrong = (probability * (1 - truth)).sum(1)
    missed = ((1 - probability) * truth).sum(1)
    index = (both + _SMOOTH) / (both + false_positive * wrong + false_negative * missed + _SMOOTH)
    return (1 - index).mean()


def lovasz_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Returns the Lovasz hinge, mean over the batch's images; at least 0.

    It is the Jaccard loss 1 - IoU, made convex in the hinge errors of the pixels.

    Source: Berman, Triki and Blaschko 2018, "The Lovasz-Softmax loss", section 3.1 and
    algorithm 1, per image.
    """
    logits = logits.float().flatten(1)
    truth = masks.flatten(1)
    errors = 1 - logits * (2 * truth - 1)
    errors, order = errors.sort(dim=1, descending=True, stable=True)
    truth = truth.gather(1, order)
    car = truth.sum(1, keepdim=True)
    left = car - truth.cumsum(1)
    union = car + (1 - truth).cumsum(1)
    jaccard = 1 - left / union
    growth = torch.cat([jaccard[:, :1], jaccard.diff(dim=1)], dim=1)
    return (errors.relu() * growth).sum(1).mean()


def weighted_loss(logits: Tensor, masks: Tensor, weights: Tensor) -> Tensor:
    """Returns the binary cross-entropy times each pixel's weight, mean over all pixels.

    With `bce_loss` it makes the paper's weight map for a single object, where the distances to
    the two nearest cells become the distance d to the car's own edge:
    w = w_c + w_0 * exp(-d^2 / (2 sigma^2)), w_c = positive_weight at the car, w_0 = edge_weight.

    Args:
        logits: Before the sigmoid.
        masks: The truth.
        weights: Float32 (N, 1, H, W); see `weight_map`.

    Source: Ronneberger et al. 2015, "U-Net", equations 1 and 2.
    """
    surprise = F.binary_cross_entropy_with_logits(logits.float(), masks, reduction="none")
    return (weights * surprise).mean()


_BASES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "bce": bce_loss,
    "dice": lambda logits, masks, _: soft_dice_loss(logits, masks),
    "bce_dice": bce_dice_loss,
    "focal": focal_loss,
    "tversky": lambda logits, masks, _: tversky_loss(logits, masks),
    "lovasz": lambda logits, masks, _: lovasz_loss(logits, masks),
}


SIGMA = 5.0
"""How far an edge reaches, in px of the training square; the U-Net's paper takes the same."""

_REACH = 6.0
"""Sigmas after which the closeness is 0."""
_WIDEST_GAP = 21
"""Widest gap that counts as narrow, in px of the training square; an odd number."""
_BESIDE_GAP = 2
"""How far into the car a gap's weight reaches, in px."""


def weight_map(mask: NDArray[np.bool_], config: TrainConfig) -> NDArray[np.float32] | None:
    """Returns the weight map, float32 (H, W) from 0 up; None where the settings ask for none."""
    if not config.has_weight_map:
        return None
    weights = np.zeros(mask.shape, np.float32)
    if config.edge_weight:
        weights += np.float32(config.edge_weight) * edge_closeness(mask)
    if config.gap_weight:
        weights += np.float32(config.gap_weight) * narrow_gaps(mask)
    return weights


def edge_closeness(mask: NDArray[np.bool_], sigma: float = SIGMA) -> NDArray[np.float32]:
    """Returns exp(-d^2 / (2 sigma^2)), float32 (H, W) in [0, 1], d the distance to the edge in px.

    The edge runs between the pixels, so those beside it have d = 0.5. The picture's own border is
    no edge; a mask that is empty or full has none, and its closeness is 0.

    Args:
        mask: bool (H, W).
        sigma: In px.

    Source: Ronneberger et al. 2015, "U-Net", equation 2, for a single object.
    """
    bits = mask.astype(np.uint8)
    if not bits.any() or bits.all():
        return np.zeros(mask.shape, np.float32)
    inside = cv2.distanceTransform(bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - bits, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's distances differ in their last bit from call to call, with where the array lies in
    # memory; their squares are whole numbers, so rounding these gives the same bits each time.
    squares = np.rint(np.maximum(inside, outside) ** 2).astype(np.int64)
    table = _closeness_by_square(sigma)
    return np.asarray(table[np.minimum(squares, len(table) - 1)], dtype=np.float32)


def narrow_gaps(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns bool (H, W), True in the car's narrow gaps and right beside them.

    A gap is background up to 21 px wide that has the car on both sides: between the spokes of a
    wheel, under a spoiler, behind a tyre. A morphological closing would fill it. For a single
    object this is what the paper's weight map is for, "the small separation borders"; its two
    distances d1 and d2 are to two cells, a car has but one outline.

    Args:
        mask: bool (H, W).

    Source: Ronneberger et al. 2015, "U-Net", section 3; Serra 1982, "Image Analysis and
    Mathematical Morphology", chapter II, for the closing.
    """
    beyond = [(_WIDEST_GAP, _WIDEST_GAP)] * 2  # background, so the picture's border makes no gap
    bits = np.pad(mask.astype(np.uint8), beyond)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_GAP, _WIDEST_GAP))
    gaps = cv2.bitwise_and(cv2.morphologyEx(bits, cv2.MORPH_CLOSE, disk), 1 - bits)
    pair = np.ones((2, 2), np.uint8)  # an opening by it takes away the steps of slanted edges
    gaps = cv2.dilate(cv2.erode(gaps, pair, anchor=(0, 0)), pair, anchor=(1, 1))
    side = 2 * _BESIDE_GAP + 1
    reached = cv2.dilate(gaps, np.ones((side, side), np.uint8)) > 0
    return reached[_WIDEST_GAP:-_WIDEST_GAP, _WIDEST_GAP:-_WIDEST_GAP]


@cache
def _closeness_by_square(sigma: float) -> NDArray[np.float32]:
    """Returns the closeness for each squared distance to the next pixel of the other side."""
    distance = np.sqrt(np.arange(int((_REACH * sigma) ** 2) + 1)) - 0.5
    closeness = np.exp(-(distance**2) / (2 * sigma**2))
    closeness[-1] = 0.0  # and all beyond
    return closeness.astype(np.float32)
