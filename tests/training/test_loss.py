"""Losses against hand-made numbers and independent formulas."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.config import TrainConfig
from training.engine.loss import (
    bce_dice_loss,
    bce_loss,
    focal_loss,
    lovasz_loss,
    make_loss,
    soft_dice_loss,
    tversky_loss,
    weighted_loss,
)

# Probabilities 0.5, 0.5, 0.75, 0.25 (logits 0, 0, log 3, -log 3) against the mask 1, 0, 1, 0.
LOGITS = torch.tensor([0, 0, math.log(3), -math.log(3)]).reshape(1, 1, 2, 2)
MASKS = torch.tensor([1.0, 0, 1, 0]).reshape(1, 1, 2, 2)
LOSSES = ("bce", "dice", "bce_dice", "focal", "tversky", "lovasz")


def test_by_hand() -> None:
    # Dice: (2 (0.5 + 0.75) + 1) / (2 + 2 + 1) = 0.7.
    assert float(soft_dice_loss(LOGITS, MASKS)) == pytest.approx(0.3)
    bce = -(2 * math.log(0.5) + 2 * math.log(0.75)) / 4
    assert float(bce_loss(LOGITS, MASKS)) == pytest.approx(bce)
    assert float(bce_dice_loss(LOGITS, MASKS)) == pytest.approx(0.3 + bce)
    weighted = -(4 * math.log(0.5) + 4 * math.log(0.75)) / 4  # the two cars' pixels count 3
    assert float(bce_loss(LOGITS, MASKS, 3.0)) == pytest.approx(weighted)
    focal = -(2 * 0.25 * math.log(0.5) + 2 * 0.0625 * math.log(0.75)) / 4
    assert float(focal_loss(LOGITS, MASKS)) == pytest.approx(focal)
    assert float(focal_loss(LOGITS, MASKS, 3.0)) == pytest.approx(2 * focal)
    # Tversky: overlap 1.25, wrong 0.75, missed 0.75; (1.25 + 1) / (1.25 + 0.75 + 1) = 0.75.
    assert float(tversky_loss(LOGITS, MASKS)) == pytest.approx(0.25)


def test_relatives_agree() -> None:
    torch.manual_seed(1)
    logits, masks = torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) > 0.6).float()
    assert float(focal_loss(logits, masks, gamma=0.0)) == pytest.approx(
        float(bce_loss(logits, masks))
    )
    dice = soft_dice_loss(logits, masks, smooth=2.0)  # 1 px in its half of the fraction
    assert float(tversky_loss(logits, masks, 0.5, 0.5)) == pytest.approx(float(dice))
    missed = tversky_loss(-9 * masks, masks), tversky_loss(9 * torch.ones_like(masks), masks)
    assert float(missed[0]) > float(missed[1]), "a missed car costs more than too much of it"


def jaccard_loss(wrong: tuple[bool, ...], truth: NDArray[np.bool_]) -> float:
    """1 - IoU of the mask whose wrong pixels are these."""
    found = truth ^ np.array(wrong)
    union = (found | truth).sum()
    return 0.0 if union == 0 else 1 - float((found & truth).sum() / union)


def choquet(errors: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The Lovasz extension as an integral over all thresholds, with every set looked up."""
    table = {wrong: jaccard_loss(wrong, truth) for wrong in product((False, True), repeat=6)}
    levels = np.unique(np.concatenate([[0.0], errors[errors > 0]]))
    return float(
        sum(
            (high - low) * table[tuple(bool(e > low) for e in errors)]
            for low, high in pairwise(levels)
        )
    )


def test_lovasz_is_the_extension_of_the_jaccard_loss() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        truth = rng.random(6) < 0.5
        truth[0] = True
        scores = rng.normal(0, 2, 6)
        errors = np.maximum(0, 1 - scores * np.where(truth, 1, -1))
        shape = (1, 1, 2, 3)
        ours = lovasz_loss(
            torch.tensor(scores).reshape(shape), torch.tensor(truth).float().reshape(shape)
        )
        assert float(ours) == pytest.approx(choquet(errors, truth), abs=1e-6)


def test_extra_weights_by_hand() -> None:
    weights = torch.tensor([1.0, 0, 0, 0.5]).reshape(1, 1, 2, 2)
    by_hand = -(math.log(0.5) + 0.5 * math.log(0.75)) / 4
    assert float(weighted_loss(LOGITS, MASKS, weights)) == pytest.approx(by_hand)
    loss = make_loss(TrainConfig(loss="bce"))
    expected = float(bce_loss(LOGITS, MASKS)) + by_hand
    assert float(loss(LOGITS, MASKS, weights)) == pytest.approx(expected)


def test_each_image_counts_the_same() -> None:
    large = torch.full((1, 1, 8, 8), 20.0)
    ones = torch.ones(2, 1, 8, 8)
    for loss in (soft_dice_loss, tversky_loss, lovasz_loss):
        perfect, missed = loss(large, ones[:1]), loss(-large, ones[:1])
        both = loss(torch.cat([large, -large]), ones)
        assert float(perfect) == pytest.approx(0, abs=1e-6)
        assert float(both) == pytest.approx(float(missed) / 2, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_safe_at_any_logit_and_precision(name: str, dtype: torch.dtype) -> None:
    loss = make_loss(TrainConfig(loss=name, positive_weight=2.0))  # type: ignore[arg-type]
    for fill, truth in product((-60000.0, 0.0, 60000.0), (0.0, 1.0)):
        logits = torch.full((2, 1, 256, 256), fill, dtype=dtype, requires_grad=True)
        value = loss(logits, torch.full((2, 1, 256, 256), truth), None)
        assert value.dtype == torch.float32 and bool(torch.isfinite(value))
        value.backward()
        gradient = logits.grad
        assert isinstance(gradient, Tensor) and bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_pulls_the_right_way(name: str) -> None:
    loss = make_loss(TrainConfig(loss=name))  # type: ignore[arg-type]
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss(logits, MASKS, None).backward()
    assert logits.grad is not None
    assert bool((logits.grad * (2 * MASKS - 1) <= 0).all()) and bool(logits.grad.any())


def test_an_empty_mask_has_a_gradient() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    soft_dice_loss(logits, torch.zeros(1, 1, 4, 4)).backward()
    assert logits.grad is not None and bool((logits.grad > 0).all())
