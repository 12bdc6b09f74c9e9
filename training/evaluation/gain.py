"""What an ensemble or the mirrored photo brings over single checkpoints, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.evaluation.rows import METRICS
from training.evaluation.stored import StoredEvaluation


@dataclass(frozen=True, eq=False)
class Gain:
    """A mean of several answers beside the best of the single ones that it is made of."""

    whole: StoredEvaluation
    """The ensemble, or the checkpoint with the mirrored photo."""
    single: StoredEvaluation
    """The best by Dice of the checkpoints in it, each alone and without the mirrored photo."""
    times: float
    """How many times as long as the single one the network's part takes."""

    def of(self, metric: str) -> float:
        """Returns by how much the mean of a column rose, in the metric's unit."""
        return float(self.whole.scored[metric].mean() - self.single.scored[metric].mean())

    def sentence(self) -> str:
        """Returns "+0.0012 Dice over run/best, in 2.0 times its time"."""
        over = f"over {self.single.facts.title}, in {self.times:.1f} times its time"
        return f"{self.of('dice'):+.4f} Dice {over}"

    def facts(self) -> dict[str, Any]:
        """Returns what is gained by metric, over what, and the cost in time, for JSON."""
        gains = {metric.name: self.of(metric.name) for metric in METRICS}
        return {"over": self.single.facts.title, "times": self.times, **gains}


def gain_of(evaluation: StoredEvaluation, evaluations: Sequence[StoredEvaluation]) -> Gain | None:
    """Returns an evaluation's gain; None if it is a single one, or no single one of it is there.

    Args:
        evaluation: What to look at.
        evaluations: All that were computed on the same photos with the same settings.
    """
    facts = evaluation.facts
    if len(facts.fingerprints) == 1 and not facts.flips:
        return None
    singles = [
        each
        for each in evaluations
        if not each.facts.flips
        and len(each.facts.fingerprints) == 1
        and each.facts.fingerprints[0] in facts.fingerprints
    ]
    if not singles or evaluation.scored.empty:
        return None
    best = max(singles, key=lambda each: float(each.scored["dice"].mean()))
    times = float(evaluation.scored["seconds"].sum() / best.scored["seconds"].sum())
    return Gain(evaluation, best, times)
