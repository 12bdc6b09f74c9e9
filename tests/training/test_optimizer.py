"""Each optimiser takes the step of its formula; biases are not decayed."""

import pytest
import torch
from torch import nn

from core.architecture import UNetConfig
from core.device import resolve_device
from core.errors import ConfigError
from core.model import UNet
from training.config import TrainConfig
from training.engine.optimizer import averaged_copy, half_type, make_optimizer

CPU = torch.device("cpu")


def stepped(config: TrainConfig, steps: int = 1) -> tuple[float, float]:
    """Returns weight and bias, both 1 at the start, after steps along the gradient 1."""
    model = nn.Linear(1, 1)
    nn.init.ones_(model.weight)
    nn.init.ones_(model.bias)
    optimizer = make_optimizer(model, config)
    for _ in range(steps):
        model.weight.grad, model.bias.grad = torch.ones(1, 1), torch.ones(1)
        optimizer.step()
    return float(model.weight.detach()), float(model.bias.detach())


def test_sgd_by_hand() -> None:
    config = TrainConfig(optimizer="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.0)
    assert stepped(config, 2)[1] == pytest.approx(1 - 0.1 - 0.1 * 1.5)
    decayed = TrainConfig(optimizer="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.2)
    assert stepped(decayed) == pytest.approx((1 - 0.1 * 1.2, 1 - 0.1))


def test_adamw_decays_apart_from_the_gradient_and_adam_within_it() -> None:
    adamw = TrainConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    assert stepped(adamw) == pytest.approx((1 - 0.1 * 0.5 - 0.1, 1 - 0.1))
    adam = TrainConfig(optimizer="adam", learning_rate=0.1, weight_decay=0.5)
    assert stepped(adam) == pytest.approx((1 - 0.1, 1 - 0.1))  # a first step's size is the rate


def test_the_average_follows_by_hand() -> None:
    model = UNet(UNetConfig(in_channels=3, out_channels=1, width=2, depth=1))
    average = averaged_copy(model, 0.15)
    for value in (1.0, 2.0, 3.0):
        nn.init.constant_(model.final.bias, value)
        average.update_parameters(model)
    second = 1 + (2 - 1) * (1 - 0.15)  # keeps min(0.15, 2 / 11)
    assert float(average.module.final.bias.detach()) == pytest.approx(second + (3 - second) * 0.85)
    off = averaged_copy(model, 0.0)
    for value in (1.0, 5.0):
        nn.init.constant_(model.final.bias, value)
        off.update_parameters(model)
    assert float(off.module.final.bias.detach()) == 5.0


def test_precisions() -> None:
    assert half_type("auto", CPU) is None and half_type("fp32", CPU) is None
    assert half_type("bf16", CPU) is torch.bfloat16
    assert half_type("fp16", torch.device("cuda")) is torch.float16
    with pytest.raises(ConfigError, match=r"fp16.*graphics card"):
        half_type("fp16", resolve_device("cpu"))
