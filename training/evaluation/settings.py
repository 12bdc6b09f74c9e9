"""How masks are made of probabilities in an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from core.masks import MaskSettings, require_range


@dataclass(frozen=True)
class EvaluationSettings:
    """Threshold and clean-up, the same for all checkpoints of an evaluation.

    Raises:
        ConfigError: A value is outside its range.
    """

    threshold: float | None = None
    """Least probability that counts as car, in [0, 1]; None takes each checkpoint's own."""
    keep_largest: bool = False
    """Keep the largest connected part and remove all others."""
    fill_holes: bool = False
    """Fill the background that the mask encloses."""
    min_area: float = 0.0
    """Connected parts below this share of the picture are removed, in [0, 1]; 0 keeps all."""

    def __post_init__(self) -> None:
        if self.threshold is not None:
            require_range("threshold", self.threshold, 0, 1)
        require_range("min_area", self.min_area, 0, 1)

    def masks(self, own: float) -> MaskSettings:
        """Returns how masks of a checkpoint are made whose own threshold is `own`, in [0, 1]."""
        threshold = own if self.threshold is None else self.threshold
        return MaskSettings(float(threshold), self.keep_largest, self.fill_holes, self.min_area)
