"""Speed of training: this engine against a plain loop, in turn, in one process.

Both take the same steps of the same network with the same photos, recipe, loss and optimiser. The
plain loop is what one writes first: tensors contiguous, float32, photos read and augmented in the
main process between two steps. The engine is what `python -m training fit --preset best` does.

    python benchmarks/training.py --data samples
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.model import UNet  # noqa: E402
from training.config import TrainConfig  # noqa: E402
from training.data.folder import Sample, open_dataset  # noqa: E402
from training.engine.batches import epoch_batches  # noqa: E402
from training.engine.learner import Batch, Learner, normalised  # noqa: E402
from training.engine.loss import make_loss  # noqa: E402
from training.engine.optimizer import make_optimizer  # noqa: E402
from training.presets import find_preset  # noqa: E402

Step = Callable[[Batch], object]

SIDES = ("engine", "plain")


def plain_step(config: TrainConfig) -> Step:
    """Returns the plain loop's step."""
    torch.manual_seed(config.seed)
    model = UNet(config.model)
    optimizer, loss_of = make_optimizer(model, config), make_loss(config)

    def step(batch: Batch) -> None:
        pictures, masks = batch
        images = normalised(pictures, config.preprocessing).contiguous()
        optimizer.zero_grad()
        loss = loss_of(model(images), masks.float(), None)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        loss.item()

    return step


def images_a_second(
    step: Step, samples: tuple[Sample, ...], config: TrainConfig, epoch: int, steps: int
) -> float:
    """Returns how many images a loop learns from, a second; its first step is left out."""
    batches = iter(epoch_batches(samples, config, epoch))
    step(next(batches))
    started, images = time.perf_counter(), 0
    for batch in islice(batches, steps):
        step(batch)
        images += len(batch[0])
    return images / (time.perf_counter() - started)


def measured(
    config: TrainConfig, data: Path, turns: int, steps: int, sides: Sequence[str] = SIDES
) -> dict[str, list[float]]:
    """Returns the images a second of each turn of each side, measured in turn.

    Args:
        config: What both train; the plain loop reads without workers.
        data: Data folder.
        turns: Times that each side is measured.
        steps: Steps of a turn that are timed.
        sides: Who takes part.
    """
    samples = open_dataset(data).samples
    samples *= -(-(1 + steps) * config.batch // len(samples))  # an epoch is long enough
    loops: dict[str, tuple[Step, TrainConfig]] = {}
    if "engine" in sides:
        learner = Learner(config, torch.device("cpu"))
        loops["engine"] = (lambda batch: learner.step([batch], config.learning_rate), config)
    if "plain" in sides:
        loops["plain"] = (plain_step(config), replace(config, workers=0))
    speeds: dict[str, list[float]] = {side: [] for side in loops}
    for turn in range(1, turns + 1):
        for side, (step, settings) in loops.items():
            speeds[side].append(images_a_second(step, samples, settings, turn, steps))
    return speeds


def main() -> None:
    """Measures both in turn and prints the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--preset", default="best")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps of a turn that are timed")
    options = parser.parse_args()

    config = find_preset(options.preset).config({"data": (str(options.data),), "device": "cpu"})
    if config.has_weight_map:
        parser.error("the plain loop weighs no edges or gaps; take another --preset")
    speeds = measured(config, options.data, options.turns, options.steps)
    ratios = [one / other for one, other in zip(speeds["engine"], speeds["plain"], strict=True)]
    precision = Learner(config, torch.device("cpu")).precision
    print(
        f"{config.size} px, {config.model.parameter_count():,} parameters, batches of "
        f"{config.batch}, {torch.get_num_threads()} threads; the engine in {precision} "
        f"with {config.workers} worker"
    )
    for name, values in speeds.items():
        print(f"{name}: {statistics.median(values):.2f} images a second")
    print(
        f"The engine is {statistics.median(ratios):.2f} times as fast "
        f"({min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} pairs)"
    )


if __name__ == "__main__":
    main()
