"""What a trainer saw of its masks before it began, as environment.json keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class OddMasks:
    """One way in which some masks are odd."""

    title: str
    """How many of what."""
    names: tuple[str, ...]
    """The photos that they belong to."""
    advice: str
    """What it means and what to do."""


@dataclass(frozen=True)
class MaskLook:
    """What was seen of the masks of a training."""

    looked_at: int
    odd: tuple[OddMasks, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns it for a run's environment.json."""
        return asdict(self)


NOT_SEEN = MaskLook(0)
"""Nobody looked."""
