"""Losses against hand-made numbers."""

import math

import pytest
import torch

from training.loss import bce_dice_loss, soft_dice_loss

# Probabilities 0.5, 0.5, 0.75, 0.25 (logits 0, 0, log 3, -log 3) against the mask 1, 0, 1, 0.
LOGITS = torch.tensor([0, 0, math.log(3), -math.log(3)]).reshape(1, 1, 2, 2)
MASKS = torch.tensor([1.0, 0, 1, 0]).reshape(1, 1, 2, 2)


def test_by_hand() -> None:
    # Dice: (2 (0.5 + 0.75) + 1) / (2 + 2 + 1) = 0.7.
    assert float(soft_dice_loss(LOGITS, MASKS)) == pytest.approx(0.3)
    bce = -(2 * math.log(0.5) + 2 * math.log(0.75)) / 4
    assert float(bce_dice_loss(LOGITS, MASKS)) == pytest.approx(0.3 + bce)


def test_each_image_counts_the_same() -> None:
    large = torch.full((1, 1, 8, 8), 20.0)
    perfect, missed = (
        soft_dice_loss(large, large.sigmoid()),
        soft_dice_loss(-large, large.sigmoid()),
    )
    both = soft_dice_loss(torch.cat([large, -large]), torch.ones(2, 1, 8, 8))
    assert float(perfect) == pytest.approx(0, abs=1e-6)
    assert float(both) == pytest.approx(float(missed) / 2, abs=1e-6)


def test_an_empty_mask_has_a_gradient() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    soft_dice_loss(logits, torch.zeros(1, 1, 4, 4)).backward()
    assert logits.grad is not None and bool((logits.grad > 0).all())
