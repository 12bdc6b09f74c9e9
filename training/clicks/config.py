"""Settings of the click network's training."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from training.config import TrainConfig

Texts = Annotated[tuple[str, ...], Field(strict=False)]
Count = Annotated[int, Field(ge=1, le=100_000)]


@dataclass(
    frozen=True,
    config=ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True),
)
class ClickConfig:
    """Settings of a training; the docstrings are the command line's help."""

    data: Texts
    """data folder with photos of cars as they are; more than one may be given"""
    cars: Texts
    """data folder with one whole car a photo, which are cut out for composites"""
    backgrounds: str
    """folder of photos without cars"""
    split: str
    """file of a split by car; its validation side is never trained on"""
    start_from: str
    """whose weights are the start: a run or checkpoint that segments, or a click network's file"""
    masks_of: Texts = ()
    """run whose masks of the photos are corrected, beside masks that are spoiled"""
    instances: str = ""
    """folder with PNG files of the cars' numbers for some photos, named as they are"""
    composites: Count = 800
    """composites that are made"""
    single_cars: Annotated[float, Field(ge=0, le=1)] = 0.0
    """share of the samples that begin without a mask, with a click on one of several cars"""
    size: Annotated[int, Field(ge=32, le=1024)] = 256
    """side in px of a square with as many px as the network's grid"""
    batch: Count = 16
    """samples in a step"""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """highest rate of the cosine schedule"""
    minutes: Annotated[float, Field(gt=0)] = 60.0
    """wall time of the training, over all sessions"""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """decay of the weights' moving average"""
    save_minutes: Annotated[float, Field(gt=0)] = 5.0
    """how often the network is saved"""
    threads: Count = 2
    """threads of the network"""
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    """processes that make samples"""
    seed: Annotated[int, Field(ge=0)] = 0
    """seed of all draws"""

    def training(self) -> TrainConfig:
        """Returns the settings of optimiser, schedule and precision as a training has them."""
        return TrainConfig(
            learning_rate=self.learning_rate,
            warmup_steps=60,
            minutes=self.minutes,
            epochs=0,
            ema=self.ema,
            batch=self.batch,
        )
