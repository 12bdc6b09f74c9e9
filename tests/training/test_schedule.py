"""Learning rates by hand, and how long a training goes on."""

import math

import pytest
import torch

from training.config import TrainConfig
from training.engine.optimizer import learning_rate, reduce_on_plateau
from training.engine.trainer_state import TrainerState, TrainingBudget


def test_cosine_by_hand() -> None:
    config = TrainConfig(learning_rate=1.0, warmup_steps=4)
    rates = [learning_rate(config, step, 12) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0 and rates[8] == pytest.approx(0.5)
    assert rates[11] == pytest.approx(0.0381, abs=1e-3)  # (1 + cos(7/8 pi)) / 2
    assert learning_rate(config, 0, 4) == 0.5  # a warm-up takes half of a short run at most
    assert learning_rate(config, 0, math.inf) == 0.25  # before the clock says anything
    assert learning_rate(config, 9, math.inf) == 1.0


def test_constant_and_plateau_by_hand() -> None:
    config = TrainConfig(learning_rate=1.0, warmup_steps=2, schedule="constant")
    assert [learning_rate(config, step, 10) for step in (0, 1, 2, 9)] == [0.5, 1.0, 1.0, 1.0]
    config = TrainConfig(learning_rate=1.0, warmup_steps=2, schedule="plateau")
    assert [learning_rate(config, step, 10, cuts=2) for step in (0, 1, 9)] == [0.125, 0.25, 0.25]


def test_one_cycle_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=41, cycle_momentum=False
    )
    config = TrainConfig(learning_rate=0.1, schedule="one_cycle")
    for step in range(41):
        # torch puts the top at 0.3 * total - 1 steps, here it is at 0.3 * (total - 1).
        expected = optimizer.param_groups[0]["lr"]
        assert learning_rate(config, step, 41) == pytest.approx(expected, abs=0.008)
        optimizer.step()
        if step < 40:
            theirs.step()
    assert learning_rate(config, 0, 41) == pytest.approx(0.1 / 25)
    assert learning_rate(config, 12, 41) == pytest.approx(0.1)
    assert learning_rate(config, 40, 41) == pytest.approx(0.1 / 25 * 1e-4)


def test_a_plateau_is_cut_after_patience_and_not_at_once_again() -> None:
    config = TrainConfig(schedule="plateau", plateau_patience=2)
    at = TrainerState(best_epoch=3)
    cuts = []
    for epoch in range(3, 9):
        at.epoch = epoch
        if reduce_on_plateau(config, at):
            cuts.append(epoch)
    assert cuts == [5, 7] and at.cuts == 2
    at.best_epoch = 8
    at.epoch = 9
    assert not reduce_on_plateau(config, at)
    assert not reduce_on_plateau(TrainConfig(), TrainerState(epoch=99))


def way(**settings: object) -> TrainingBudget:
    config = TrainConfig(**settings)  # type: ignore[arg-type]
    return TrainingBudget(config, steps=10, step_images=8)


def test_what_ends_first_ends_it() -> None:
    at = TrainerState(epoch=3, step=20, images=160, seconds=60.0, best_epoch=1)
    assert way(epochs=3).end(at, 2) == "" and way(epochs=3).end(at, 3) == "3 epochs"
    assert way(epochs=0, images=160).end(at, 2) == "160 images"
    assert way(epochs=0, images=161).end(at, 2) == ""
    assert way(minutes=1.0).end(at, 2) == "1 minutes" and way(minutes=1.1).end(at, 2) == ""
    assert way(patience=1).end(at, 2) == "1 epochs without a better dice"
    assert way(patience=2).end(at, 2) == ""


def test_the_whole_way_in_steps() -> None:
    at = TrainerState(step=20, seconds=60.0)
    assert way(epochs=3).total_steps(at) == 30
    assert way(epochs=3, images=100).total_steps(at) == 13
    assert way(epochs=0, minutes=4.0).total_steps(at) == 80  # at 20 steps a minute
    assert way(epochs=0, minutes=4.0).total_steps(TrainerState()) == math.inf
    assert way(epochs=4).share(at) == 0.5 and way(epochs=1).share(at) == 1.0
    assert way(epochs=0, minutes=4.0).share(TrainerState()) == 0.0
