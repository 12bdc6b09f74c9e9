"""Settings of a training, declared once for command line, form, run folder and checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ArgsKwargs

from core.architecture import Norm, Padding, Stem, UNetConfig
from core.errors import ConfigError
from core.metric_table import HEADLINE
from core.names import shortened
from core.preprocess import Preprocessing
from training.augment.recipe import find_recipe
from training.data.folder import Reading
from training.data.portions import Portion, read_portion

SplitBy = Literal["car", "random"]
Anchored = Literal["train", "any"]
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

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A text that can stand in a command line."""
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
"""Texts in a tuple, or in a list as JSON has it."""

CHANGEABLE = ("epochs", "minutes", "images", "patience", "workers", "cache", "save_minutes")
"""What a resumed run may change: how long it goes on, and what its result does not depend on."""


@dataclass(
    frozen=True,
    config=ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    ),
)
class TrainConfig:
    """Every setting of a training; the docstring under a field is its help text."""

    data: Texts = ()
    """Data folders (Carvana's layout, or images/ and masks/); give more than one to mix them."""
    val_share: Annotated[float, Field(ge=0.0, le=0.9)] = 0.15
    """Share of each data folder's cars that is kept for validation."""
    split: Text = ""
    """Split file to use (python -m training split); empty makes one from val_share and seed."""
    split_by: SplitBy = "car"
    """"car", or "random" for single photos: shows how a leak flatters, the run is marked LEAKY."""
    anchored: Anchored = "train"
    """Where photos stand whose mask a person made of a network's own: "train" keeps them out of
    validation, where they flatter that network; "any" treats them like all others."""
    car_rule: Text = ""
    """Regular expression whose group "car" finds the car in a photo's name; empty: before "_"."""
    cars: Text = ""
    """CSV file with the columns image and car; it wins over car_rule."""
    classes: Texts = ()
    """Category (COCO) or class (VOC) that is a car, or its number or colour (64,0,128) in masks
    with a file each, or all; FOLDER=NAME for one data folder. Give more than one to join them."""
    inverted_masks: Texts = ()
    """Name of a data folder whose masks are the wrong way round: bright beside the car."""
    leave_out: Texts = ()
    """Name of a photo to pass over, or FOLDER/NAME, such as one that can't be read."""
    repeat: Texts = ()
    """Data folder whose training photos are seen more than once in an epoch, as NAME=TIMES, or as
    NAME=TIMES:RECIPE where they have a recipe of their own; give it for each small folder that is
    to weigh as much as a large one, and again for the same folder with another recipe."""
    epochs: Annotated[int, Field(ge=0, le=100_000)] = 10
    """Times that every training photo is seen; 0 does not limit it. What ends first ends it."""
    minutes: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    """Minutes of training and validation; the last validation comes on top. 0 does not limit it.
    Learning rates then follow the clock, so such a run can't be repeated bit for bit."""
    images: Annotated[int, Field(ge=0, le=10**12)] = 0
    """Training samples to see, repeats counted; 0 does not limit it."""
    patience: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Epochs without a better best_by after which the training ends; 0 turns it off."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 8
    """Photos that the network works on at once."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches in one optimiser step; more of them act like a larger batch in the same memory."""
    size: Annotated[int, Field(ge=32, le=4096)] = 512
    """Side in px of the square that the network sees in training."""
    width: Annotated[int, Field(ge=1, le=512)] = 16
    """Channels of the U-Net's first level; each deeper level doubles them, up to widest."""
    depth: Annotated[int, Field(ge=1, le=8)] = 4
    """Poolings of the U-Net."""
    widest: Annotated[int, Field(ge=0, le=65_536)] = 0
    """Most channels of a level, so that a deep network stays small; 0 does not limit them."""
    padding: Padding = "same"
    """"same" keeps the photo's size, "valid" is the original paper's."""
    norm: Norm = "batch"
    """Normalisation after each convolution: none, batch, group or instance."""
    stem: Stem = "space_to_depth"
    """"plain", or "space_to_depth": sees 512 px at the price of 256 px."""
    dropout: Annotated[float, Field(ge=0.0, le=0.9)] = 0.0
    """Share of features dropped at the end of the contracting path, as in the paper; 0 is off."""
    start_from: Text = ""
    """Checkpoint, or a run's folder, whose weights are the start; empty starts from scratch. Its
    network may have fewer poolings than this one."""
    start_share: Annotated[float, Field(ge=0.0, le=0.9)] = 0.0
    """Share of the start's weights in those that are validated and kept, beside what was learnt:
    more of it forgets less. 0 turns it off; without start_from it does nothing."""
    recipe: Text = "robust"
    """Augmentation recipe of the training photos: none, light, heavy, studio, paper or robust; or a
    recipe's JSON file."""
    loss: Loss = "bce_dice"
    """What is made small: bce (cross-entropy), dice, their sum bce_dice, focal, tversky, lovasz."""
    positive_weight: Annotated[float, Field(ge=0.001, le=1000.0)] = 1.0
    """Weight of a car's pixel in the cross-entropy (bce, bce_dice, focal); 1 treats all alike."""
    edge_weight: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    """Extra weight of the cross-entropy right at the true edge, fading over some 5 px (the paper
    takes 10); 0 turns it off."""
    gap_weight: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    """Extra weight of the cross-entropy in the car's narrow gaps, such as those between spokes; 0
    turns it off."""
    optimizer: Optimizer = "adamw"
    """adamw, adam, or sgd with momentum."""
    learning_rate: Annotated[float, Field(ge=0.0, le=10.0)] = 2e-3
    """Highest learning rate, reached after the warm-up."""
    momentum: Annotated[float, Field(ge=0.0, le=0.9999)] = 0.9
    """Momentum of sgd (the paper takes 0.99); adamw and adam have their own."""
    weight_decay: Annotated[float, Field(ge=0.0, le=10.0)] = 1e-2
    """Weight decay: decoupled in adamw, part of the gradient in adam and sgd."""
    schedule: Schedule = "cosine"
    """Way of the learning rate: cosine to zero, one_cycle, plateau (halved where best_by stands
    still) or constant."""
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Steps in which the learning rate grows to its highest; one_cycle has its own warm-up."""
    plateau_patience: Annotated[int, Field(ge=1, le=100_000)] = 3
    """Epochs without a better best_by after which the schedule plateau halves the rate."""
    clip_norm: Annotated[float, Field(ge=0.0, le=1e9)] = 5.0
    """Longest gradient (L2 norm over all weights), a longer one is shortened to it; 0 is off."""
    ema: Annotated[float, Field(ge=0.0, le=0.99999)] = 0.998
    """Decay of the moving average of the weights that is validated and kept; 0 turns it off."""
    precision: Precision = "auto"
    """Numbers of the network: auto is bf16 or fp16 on a graphics card and fp32 on a CPU; bf16 is
    twice as fast on CPUs that have it."""
    best_by: BestBy = "dice"
    """Validation figure that says which epoch is the best one."""
    validate_every: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Epochs from one validation to the next; the last epoch is always validated."""
    checkpoint_every: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Epochs from one kept checkpoint to the next; 0 keeps the best and the last alone."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of the weights, the split, the order and the augmentations."""
    workers: Annotated[int, Field(ge=0, le=256)] = 1
    """Processes that read and augment photos; 0 does it in the trainer itself."""
    cache: Cache = "none"
    """"memory" reads each training photo once and keeps it (1 MB at 512 px): for a graphics card
    that is faster than the reading of files; "none" reads it each time."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """CPU threads of the network; 0 leaves the choice to torch."""
    device: Text = "auto"
    """auto, cpu, cuda or mps."""
    save_minutes: Annotated[float, Field(ge=0.0, le=1e6)] = 5.0
    """Minutes between two saved training states inside an epoch."""

    @model_validator(mode="wrap")
    @classmethod
    def _validated(
        cls, values: ArgsKwargs, validate: ModelWrapValidatorHandler[TrainConfig]
    ) -> TrainConfig:
        try:
            return validate(values)
        except ValidationError as errors:
            error = errors.errors(include_url=False)[0]
            name = str(error["loc"][0])
            value = (values.kwargs or {}).get(name, error["input"])
            raise ConfigError(f"{name} is {value!r}; {_need(name)}.") from None

    def __post_init__(self) -> None:
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
        portions = self.portions  # refuses what can't be parsed
        for recipe in (self.recipe, *(each.recipe for each in portions if each.recipe)):
            # A recipe's file is read where it is used: a run stays readable when its file is gone.
            if not recipe.endswith(".json"):
                find_recipe(recipe)
        if not (self.epochs or self.minutes or self.images):
            raise ConfigError(
                "epochs, minutes and images are all 0, so the training would never end; "
                "give one of them."
            )
        self.model  # noqa: B018  (refuses impossible architectures)

    @property
    def model(self) -> UNetConfig:
        """The network's architecture."""
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
        """Data folders whose photos an epoch sees more than once."""
        return tuple(read_portion(each) for each in self.repeat)

    def reading(self, base: Path = Path()) -> Reading:
        """Returns how to read the data folders; a relative path of `cars` starts at `base`."""
        cars = base / self.cars if self.cars else None
        return Reading(self.classes, self.car_rule, cars, self.inverted_masks, self.leave_out)

    @property
    def has_weight_map(self) -> bool:
        """Whether some pixels weigh more than others; see `training.engine.loss`."""
        return bool(self.edge_weight or self.gap_weight)

    @property
    def step_images(self) -> int:
        """Photos in one optimiser step."""
        return self.batch * self.accumulate

    def extended(self, changes: Mapping[str, Any]) -> TrainConfig:
        """Returns the configuration of a resumed run with another length.

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


class Limits(NamedTuple):
    """The least and the largest value of a number, both allowed."""

    low: float
    high: float


def field_help() -> dict[str, str]:
    """Returns each field's docstring by its name: the help texts of command line and form."""
    return {name: facts["description"] for name, facts in _schema().items()}


def field_limits() -> dict[str, Limits]:
    """Returns the limits of each field that is a number."""
    return {
        name: Limits(facts["minimum"], facts["maximum"])
        for name, facts in _schema().items()
        if "minimum" in facts
    }


def field_choices() -> dict[str, tuple[str, ...]]:
    """Returns the choices of each field that has some."""
    return {name: tuple(facts["enum"]) for name, facts in _schema().items() if "enum" in facts}


def field_kinds() -> dict[str, type]:
    """Returns the type of each field: int, float, str or tuple; a field with choices is str."""
    return {name: _KINDS[facts["type"]] for name, facts in _schema().items()}


_KINDS = {"boolean": bool, "integer": int, "number": float, "string": str, "array": tuple}


@cache
def _schema() -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = TypeAdapter(TrainConfig).json_schema()["properties"]
    return properties


def _need(name: str) -> str:
    """Returns what the value of a field must be, in words."""
    if name not in _schema():
        return "there is no such setting"
    if name in field_choices():
        return f"choose one of: {', '.join(field_choices()[name])}"
    if name in field_limits():
        number = "a whole number" if field_kinds()[name] is int else "a number"
        return f"it must be {number} from {field_limits()[name].low} to {field_limits()[name].high}"
    what = "a list of texts" if field_kinds()[name] is tuple else "a text"
    return f"it must be {what} in Unicode without NUL bytes"
