"""Losses on logits."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def soft_dice_loss(logits: Tensor, masks: Tensor, smooth: float = 1.0) -> Tensor:
    """Returns 1 - soft Dice, mean over the batch's images; a scalar in [0, 1].

    Args:
        logits: float (N, 1, H, W).
        masks: float (N, 1, H, W) in {0, 1}.
        smooth: Added to both sides of the fraction, so an empty mask has a gradient.

    Source: Milletari et al. 2016, "V-Net", section 3, per image, without squares.
    """
    probability = logits.sigmoid().flatten(1)
    truth = masks.flatten(1)
    both = (probability * truth).sum(1)
    total = probability.sum(1) + truth.sum(1)
    return (1 - (2 * both + smooth) / (total + smooth)).mean()


def bce_dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Returns binary cross-entropy plus `soft_dice_loss`, a scalar; arguments as there."""
    return F.binary_cross_entropy_with_logits(logits, masks) + soft_dice_loss(logits, masks)
