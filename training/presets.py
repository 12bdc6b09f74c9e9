"""Presets: whole sets of settings that go together; and settings that need less memory."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.places import shipped_runs, short_path
from training.config import TrainConfig

SHIPPED = "carmask-fast"
"""The shipped run that preset quick goes on from."""


@dataclass(frozen=True)
class Preset:
    """Settings that go together; what they leave out keeps TrainConfig's default."""

    name: str
    title: str
    reason: str
    settings: Callable[[], dict[str, Any]]
    """Gives the settings for this machine."""

    def config(self, given: Mapping[str, Any]) -> TrainConfig:
        """Returns the preset's configuration, with some settings given otherwise.

        Raises:
            ConfigError: A value is out of its range.
        """
        return TrainConfig(**{**self.settings(), **given})


def find_preset(name: str) -> Preset:
    """Returns a preset by its name or its title.

    Raises:
        ConfigError: There is none.
    """
    for preset in PRESETS.values():
        if name.casefold() in (preset.name, preset.title.casefold()):
            return preset
    raise ConfigError(f"preset is {name!r}; choose one of: {', '.join(PRESETS)}.")


def fast_precision() -> str:
    """Returns "bf16" where this machine's CPU is fast in it, else "auto".

    Measured at 512 px, width 16, as times of float32's speed: Intel with AMX 2.1; AMD with the
    instructions (avx512_bf16) 2.0; Intel with the instructions alone 0.87.
    """
    if platform.system() != "Linux":
        return "auto"
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "auto"
    words = set(facts.split())
    amd = {"AuthenticAMD", "avx512_bf16"}
    return "bf16" if "amx_bf16" in words or amd <= words else "auto"


def _paper() -> dict[str, Any]:
    return {
        "batch": 1,
        "width": 64,
        "padding": "valid",
        "norm": "none",
        "stem": "plain",
        "dropout": 0.5,
        "recipe": "paper",
        "loss": "bce",
        "edge_weight": 10.0,
        "optimizer": "sgd",
        "learning_rate": 1e-3,
        "momentum": 0.99,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup_steps": 0,
        "clip_norm": 1.0,
        "ema": 0.0,
    }


def _starting_point() -> dict[str, Any]:
    return {
        "width": 64,
        "padding": "same",
        "norm": "batch",
        "stem": "plain",
        "recipe": "light",
        "loss": "bce_dice",
        "optimizer": "adamw",
        "learning_rate": 1e-4,
        "schedule": "plateau",
        "warmup_steps": 0,
        "ema": 0.0,
    }


def _first_steps() -> dict[str, Any]:
    return {
        "minutes": 1.5,
        "epochs": 0,
        "size": 128,
        "recipe": "studio",
        "learning_rate": 4e-3,
        "warmup_steps": 20,
        "ema": 0.95,
        "validate_every": 10,
        "precision": fast_precision(),
    }


def _quick() -> dict[str, Any]:
    start = short_path(shipped_runs() / SHIPPED)
    return {**_first_steps(), "size": 352, "start_from": start, "learning_rate": 3e-4}


def _best() -> dict[str, Any]:
    return {
        "epochs": 8,
        "size": 512,
        "stem": "space_to_depth",
        "recipe": "studio",
        "schedule": "cosine",
        "ema": 0.998,
        "precision": fast_precision(),
    }


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "best",
            "Best",
            "The most accurate masks for the time: 512 px detail at the speed of 256 px, "
            "and the average of its weights is kept.",
            _best,
        ),
        Preset(
            "quick",
            "Quick",
            "A network for your photos in under two minutes on two cores: it starts from "
            "carmask-fast, which ships.",
            _quick,
        ),
        Preset(
            "first-steps",
            "First steps",
            "From scratch in under two minutes on two cores, to see how masks take shape: small "
            "squares, validated now and then. Good masks take longer.",
            _first_steps,
        ),
        Preset(
            "starting-point",
            "Starting point",
            "A usual U-Net of today: padded, with batch normalisation, 64 channels, cross-entropy "
            "and Dice, AdamW, the learning rate halved where it stands still. It wants a graphics "
            "card.",
            _starting_point,
        ),
        Preset(
            "paper-2015",
            "Paper 2015",
            "The U-Net as published (Ronneberger 2015): unpadded, without normalisation, one photo "
            "a step, momentum 0.99, edges weigh more. It wants a graphics card and patience.",
            _paper,
        ),
    )
}


@dataclass(frozen=True)
class Proposal:
    """Settings that need less memory than others."""

    text: str
    """What they do, for a button: "4 photos at once"."""
    options: str
    """What differs, as it is typed: "--batch 4 --accumulate 2"."""
    config: TrainConfig


def less_memory(config: TrainConfig) -> list[Proposal]:
    """Returns settings that need less memory, the mildest first; none where all are small.

    The first keeps the optimiser's step as it is: half the photos at once, twice as often.
    """
    proposals: list[Proposal] = []

    def propose(text: str, **changes: int) -> None:
        options = " ".join(f"--{name} {value}" for name, value in changes.items())
        try:
            proposals.append(Proposal(text, options, replace(config, **changes)))  # type: ignore[arg-type]
        except ConfigError:  # no network fits these
            return

    if config.batch > 1:
        half = config.batch // 2
        times = -(-config.step_images // half)
        propose(f"{half} photos at once", batch=half, accumulate=times)
    if config.size >= 128:
        propose(f"{config.size // 2} px", size=config.size // 2)
    if config.width > 8:
        propose(f"width {config.width // 2}", width=config.width // 2)
    return proposals


def memory_advice(config: TrainConfig) -> str:
    """Returns a sentence with the settings that need less memory."""
    options = [proposal.options for proposal in less_memory(config)]
    if not options:
        return "These settings are small already: it takes a machine with more memory."
    *others, last = options
    either = f"{', '.join(others)} or {last}" if others else last
    return f"Start again with {either}."
