"""What a training is told, declared once: command line, form, run log and checkpoint use this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from core.architecture import Norm, Padding, Stem, UNetConfig
from core.errors import ConfigError
from core.metric_table import HEADLINE
from core.names import shortened
from core.preprocess import Preprocessing
from training.augment.recipe import find_recipe
from training.data.folder import Reading
from training.data.portions import Portion, read_portion
from training.settings import Limits, check, choices_of, help_of, limits_of

SplitBy = Literal["car", "random"]
Optimizer = Literal["adamw", "adam", "sgd"]
Schedule = Literal["cosine", "one_cycle", "plateau", "constant"]
Loss = Literal["bce", "dice", "bce_dice", "focal", "tversky", "lovasz"]
Cache = Literal["none", "memory"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
if TYPE_CHECKING:
    BestBy = str
else:  # the training takes the epoch with the highest one
    BestBy = Literal[tuple(metric.name for metric in HEADLINE if metric.higher_is_better)]

_DEVICE = re.compile("auto|cpu|mps|cuda(:[0-9]{1,3})?")
CHANGEABLE = ("epochs", "minutes", "images", "patience", "workers", "cache", "save_minutes")
"""What a resumed run may change: how long it goes on, and what its result does not depend on."""


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of a training; the docstring under a field is its help text."""

    data: tuple[str, ...] = ()
    """Data folders (Carvana's layout, or images/ and masks/); give more than one to mix them."""
    val_share: Annotated[float, Limits(0.0, 0.9)] = 0.15
    """Share of each data folder's cars that is kept for validation."""
    split: str = ""
    """Split file to use (python -m training split); empty makes one from val_share and seed."""
    split_by: SplitBy = "car"
    """"car", or "random" for single photos: shows how a leak flatters, the run is marked LEAKY."""
    car_rule: str = ""
    """Regular expression whose group "car" finds the car in a photo's name; empty: before "_"."""
    cars: str = ""
    """CSV file with the columns image and car; it wins over car_rule."""
    classes: tuple[str, ...] = ()
    """Category (COCO) or class (VOC) that is a car, or its number or colour (64,0,128) in masks
    with a file each, or all; FOLDER=NAME for one data folder. Give more than one to join them."""
    inverted_masks: tuple[str, ...] = ()
    """Name of a data folder whose masks are the wrong way round: bright beside the car."""
    repeat: tuple[str, ...] = ()
    """Data folder whose training photos are seen more than once in an epoch, as NAME=TIMES, or as
    NAME=TIMES:RECIPE where they have a recipe of their own; give it for each small folder that is
    to weigh as much as a large one, and again for the same folder with another recipe."""
    epochs: Annotated[int, Limits(0, 100_000)] = 10
    """Times that every training photo is seen; 0 does not limit it. What ends first ends it."""
    minutes: Annotated[float, Limits(0.0, 1e6)] = 0.0
    """Minutes of training and validation; the last validation comes on top. 0 does not limit it.
    Learning rates then follow the clock, so such a run can't be repeated bit for bit."""
    images: Annotated[int, Limits(0, 10**12)] = 0
    """Training samples to see, repeats counted; 0 does not limit it."""
    patience: Annotated[int, Limits(0, 100_000)] = 0
    """Epochs without a better best_by after which the training ends; 0 turns it off."""
    batch: Annotated[int, Limits(1, 4096)] = 8
    """Photos that the network works on at once."""
    accumulate: Annotated[int, Limits(1, 1024)] = 1
    """Batches in one optimiser step; more of them act like a larger batch in the same memory."""
    size: Annotated[int, Limits(32, 4096)] = 512
    """Side in px of the square that the network sees in training."""
    width: Annotated[int, Limits(1, 512)] = 16
    """Channels of the U-Net's first level; each deeper level doubles them, up to widest."""
    depth: Annotated[int, Limits(1, 8)] = 4
    """Poolings of the U-Net."""
    widest: Annotated[int, Limits(0, 65_536)] = 0
    """Most channels of a level, so that a deep network stays small; 0 does not limit them."""
    padding: Padding = "same"
    """"same" keeps the photo's size, "valid" is the original paper's."""
    norm: Norm = "batch"
    """Normalisation after each convolution: none, batch, group or instance."""
    stem: Stem = "space_to_depth"
    """"plain", or "space_to_depth": sees 512 px at the price of 256 px."""
    dropout: Annotated[float, Limits(0.0, 0.9)] = 0.0
    """Share of features dropped at the end of the contracting path, as in the paper; 0 is off."""
    start_from: str = ""
    """Checkpoint, or a run's folder, whose weights are the start; empty starts from scratch. Its
    network may have fewer poolings than this one."""
    recipe: str = "robust"
    """Augmentation recipe of the training photos: none, light, heavy, studio, paper or robust; or a
    recipe's JSON file."""
    loss: Loss = "bce_dice"
    """What is made small: bce (cross-entropy), dice, their sum bce_dice, focal, tversky, lovasz."""
    positive_weight: Annotated[float, Limits(0.001, 1000.0)] = 1.0
    """Weight of a car's pixel in the cross-entropy (bce, bce_dice, focal); 1 treats all alike."""
    edge_weight: Annotated[float, Limits(0.0, 1000.0)] = 0.0
    """Extra weight of the cross-entropy right at the true edge, fading over some 5 px (the paper
    takes 10); 0 turns it off."""
    gap_weight: Annotated[float, Limits(0.0, 1000.0)] = 0.0
    """Extra weight of the cross-entropy in the car's narrow gaps, such as those between spokes; 0
    turns it off."""
    optimizer: Optimizer = "adamw"
    """adamw, adam, or sgd with momentum."""
    learning_rate: Annotated[float, Limits(0.0, 10.0)] = 2e-3
    """Highest learning rate, reached after the warm-up."""
    momentum: Annotated[float, Limits(0.0, 0.9999)] = 0.9
    """Momentum of sgd (the paper takes 0.99); adamw and adam have their own."""
    weight_decay: Annotated[float, Limits(0.0, 10.0)] = 1e-2
    """Weight decay: decoupled in adamw, part of the gradient in adam and sgd."""
    schedule: Schedule = "cosine"
    """Way of the learning rate: cosine to zero, one_cycle, plateau (halved where best_by stands
    still) or constant."""
    warmup_steps: Annotated[int, Limits(0, 1_000_000)] = 200
    """Steps in which the learning rate grows to its highest; one_cycle has its own warm-up."""
    plateau_patience: Annotated[int, Limits(1, 100_000)] = 3
    """Epochs without a better best_by after which the schedule plateau halves the rate."""
    clip_norm: Annotated[float, Limits(0.0, 1e9)] = 5.0
    """Longest gradient (L2 norm over all weights), a longer one is shortened to it; 0 is off."""
    ema: Annotated[float, Limits(0.0, 0.99999)] = 0.998
    """Decay of the moving average of the weights that is validated and kept; 0 turns it off."""
    precision: Precision = "auto"
    """Numbers of the network: auto is bf16 or fp16 on a graphics card and fp32 on a CPU; bf16 is
    twice as fast on CPUs that have it."""
    best_by: BestBy = "dice"
    """Validation figure that says which epoch is the best one."""
    validate_every: Annotated[int, Limits(1, 100_000)] = 1
    """Epochs from one validation to the next; the last epoch is always validated."""
    checkpoint_every: Annotated[int, Limits(0, 100_000)] = 0
    """Epochs from one kept checkpoint to the next; 0 keeps the best and the last alone."""
    seed: Annotated[int, Limits(0, 2**31 - 1)] = 0
    """Seed of the weights, the split, the order and the augmentations."""
    workers: Annotated[int, Limits(0, 256)] = 1
    """Processes that read and augment photos; 0 does it in the trainer itself."""
    cache: Cache = "none"
    """"memory" reads each training photo once and keeps it (1 MB at 512 px): for a graphics card
    that is faster than the reading of files; "none" reads it each time."""
    threads: Annotated[int, Limits(0, 1024)] = 0
    """CPU threads of the network; 0 leaves the choice to torch."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    save_minutes: Annotated[float, Limits(0.0, 1e6)] = 5.0
    """Minutes between two saved training states inside an epoch."""

    def __post_init__(self) -> None:
        for name in ("data", "classes", "inverted_masks", "repeat"):
            if isinstance(getattr(self, name), list):  # as JSON has it
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check(self)
        if not _DEVICE.fullmatch(self.device):  # it also names files of the queue
            raise ConfigError(
                f"device is {shortened(self.device)!r}; it must be auto, cpu, cuda, cuda:<number> "
                "or mps."
            )
        if self.split and self.split_by != "car":
            raise ConfigError(
                f"split_by is {self.split_by!r} beside split {self.split!r}; a split file is by "
                "what it was made by. Give one of the two."
            )
        portions = self.portions  # what can't be understood is refused here
        for recipe in (self.recipe, *(each.recipe for each in portions if each.recipe)):
            # A recipe's file is read where it is used: a run stays readable when its file is gone.
            if not recipe.endswith(".json"):
                find_recipe(recipe)
        if not (self.epochs or self.minutes or self.images):
            raise ConfigError(
                "epochs, minutes and images are all 0, so the training would never end; "
                "give one of them."
            )
        self.model  # noqa: B018  (settings of a network that can't be are refused here)

    @property
    def model(self) -> UNetConfig:
        """The network that these settings ask for."""
        return UNetConfig(
            in_channels=3,
            out_channels=1,
            width=self.width,
            depth=self.depth,
            padding=self.padding,
            norm=self.norm,
            stem=self.stem,
            dropout=self.dropout,
            widest=self.widest,
        )

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos are prepared, in training and for every later prediction."""
        return Preprocessing(size=self.size)

    @property
    def portions(self) -> tuple[Portion, ...]:
        """What an epoch sees of data folders whose photos it does not just see once."""
        return tuple(read_portion(each) for each in self.repeat)

    def reading(self, base: Path = Path()) -> Reading:
        """Returns how the data folders are to be read; the CSV of cars is counted from `base`."""
        cars = base / self.cars if self.cars else None
        return Reading(self.classes, self.car_rule, cars, self.inverted_masks)

    @property
    def has_extra_weights(self) -> bool:
        """Whether some pixels weigh more than others; see `training.engine.extra_weights`."""
        return bool(self.edge_weight or self.gap_weight)

    @property
    def step_images(self) -> int:
        """Photos in one optimiser step."""
        return self.batch * self.accumulate

    def extended(self, changes: Mapping[str, Any]) -> TrainConfig:
        """Returns the configuration of a resumed run that goes on longer, or ends sooner.

        Args:
            changes: New values of some of CHANGEABLE.

        Raises:
            ConfigError: Another setting is to change, or a value is out of its range.
        """
        others = sorted(set(changes) - set(CHANGEABLE))
        if others:
            raise ConfigError(
                f"A resumed run keeps its settings; only {', '.join(CHANGEABLE)} can change, not "
                f"{', '.join(others)}."
            )
        return replace(self, **changes)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainConfig:
        """Returns the configuration of a run's config.json.

        Raises:
            ConfigError: A field is unknown here, or out of its range.
        """
        unknown = sorted(values.keys() - {f.name for f in fields(cls)})
        if unknown:
            raise ConfigError(
                f"config.json has settings that this version does not know: {', '.join(unknown)}."
            )
        return cls(**values)


def field_help() -> dict[str, str]:
    """Returns each field's docstring by its name: the help texts of command line and form."""
    return help_of(TrainConfig)


def field_limits() -> dict[str, Limits]:
    """Returns the least and the largest value of each field that is a number."""
    return limits_of(TrainConfig)


def field_choices() -> dict[str, tuple[str, ...]]:
    """Returns the words to choose from, of each field that takes one of a few."""
    return choices_of(TrainConfig)
