"""What a training is told, declared once: command line, form, run log and checkpoint use this."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from core.architecture import UNetConfig
from core.errors import ConfigError
from core.preprocess import Preprocessing


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of a training; the docstring under a field is its help text."""

    data: tuple[str, ...] = ()
    """Data folders (Carvana's layout, or images/ and masks/); give more than one to mix them."""
    val_share: float = 0.15
    """Share of each data folder's cars that is kept for validation."""
    epochs: int = 10
    """Times that every training photo is seen."""
    batch: int = 8
    """Photos in one step."""
    size: int = 512
    """Side in px of the square that the network sees in training."""
    width: int = 16
    """Channels of the U-Net's first level; each deeper level doubles them."""
    depth: int = 4
    """Poolings of the U-Net."""
    padding: str = "same"
    """"same" keeps the photo's size, "valid" is the original paper's."""
    norm: str = "batch"
    """Normalisation after each convolution: none, batch, group or instance."""
    stem: str = "space_to_depth"
    """"plain", or "space_to_depth": sees 512 px at the price of 256 px."""
    start_from: str = ""
    """Checkpoint, or a run's folder, whose weights are the start; empty starts from scratch."""
    recipe: str = "robust"
    """Augmentation recipe of the training photos: none, light or robust."""
    learning_rate: float = 2e-3
    """Highest learning rate of AdamW, reached after the warm-up."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""
    warmup_steps: int = 200
    """Steps in which the learning rate grows to its highest; a cosine takes it down after."""
    clip_norm: float = 5.0
    """Longest gradient (L2 norm over all weights); a longer one is shortened to it."""
    ema: float = 0.998
    """Decay of the moving average of the weights that is validated and kept; 0 turns it off."""
    seed: int = 0
    """Seed of the weights, the split, the order and the augmentations."""
    workers: int = 1
    """Processes that read and augment photos; 0 does it in the trainer itself."""
    threads: int = 0
    """CPU threads of the network; 0 leaves the choice to torch."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    save_minutes: float = 5.0
    """Minutes between two saved training states inside an epoch."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", tuple(self.data))
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value}; it must be from {low} to {high}.")
        if self.recipe not in RECIPES:
            raise ConfigError(f"recipe is {self.recipe!r}; choose one of: {', '.join(RECIPES)}.")
        self.model  # noqa: B018  (an unknown padding, norm or stem is refused here)

    @property
    def model(self) -> UNetConfig:
        """The network that these settings ask for."""
        return UNetConfig(
            in_channels=3,
            out_channels=1,
            width=self.width,
            depth=self.depth,
            padding=self.padding,  # type: ignore[arg-type]
            norm=self.norm,  # type: ignore[arg-type]
            stem=self.stem,  # type: ignore[arg-type]
        )

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos are prepared, in training and for every later prediction."""
        return Preprocessing(size=self.size)

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


RECIPES = ("none", "light", "robust")

_LIMITS: dict[str, tuple[float, float]] = {
    "val_share": (0.0, 0.9),
    "epochs": (1, 100_000),
    "batch": (1, 4096),
    "size": (32, 4096),
    "width": (1, 512),
    "depth": (1, 8),
    "learning_rate": (0.0, 10.0),
    "weight_decay": (0.0, 10.0),
    "warmup_steps": (0, 1_000_000),
    "clip_norm": (0.0, 1e9),
    "ema": (0.0, 0.99999),
    "seed": (0, 2**31 - 1),
    "workers": (0, 256),
    "threads": (0, 1024),
    "save_minutes": (0.0, 1e6),
}


@cache
def field_help() -> dict[str, str]:
    """Returns each field's docstring by its name: the help texts of command line and form."""
    body = ast.parse(inspect.getsource(TrainConfig)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for declared, doc in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(declared, ast.AnnAssign)
            and isinstance(declared.target, ast.Name)
            and isinstance(doc, ast.Expr)
            and isinstance(doc.value, ast.Constant)
        ):
            texts[declared.target.id] = inspect.cleandoc(str(doc.value.value))
    return texts
