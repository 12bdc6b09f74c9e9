"""Settings that need less memory: what is proposed where a training's step does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import ConfigError
from training.config import TrainConfig


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
