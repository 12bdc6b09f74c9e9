"""Losses on logits; all are computed in float32 and are means over the batch's images.

Everywhere: `logits` float (N, 1, H, W) of any precision, `masks` float (N, 1, H, W) in {0, 1}; the
result is a scalar.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
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
        labels: uint8 (N, 1, H, W) of `core.masks.Truth.labels`.
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
        weights: Float32 (N, 1, H, W); see `training.engine.weight_map`.

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
