"""What an ensemble or the mirrored photo brings over single checkpoints, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.metric_table import Metric, find_metric
from training.comparison.verdict import Verdict, compare
from training.evaluation.stored import StoredEvaluation


@dataclass(frozen=True, eq=False)
class Gain:
    """A mean of several answers beside the best of the single ones that it is made of."""

    whole: StoredEvaluation
    """The ensemble, or the checkpoint with the mirrored photo."""
    single: StoredEvaluation
    """The best by Dice of the checkpoints in it, alone and without the mirrored photo."""
    times: float
    """How many times as long as the single one the network's part takes."""

    def verdict(self, metric: Metric) -> Verdict:
        """Returns whether it is better than the single one, by how much, with its interval."""
        names = self.single.facts.title, self.whole.facts.title
        return compare(self.single.rows, self.whole.rows, metric, names)

    def sentence(self) -> str:
        """Returns by how much Dice rose with its interval, and the cost in time."""
        interval = self.verdict(find_metric("dice")).interval
        over = f"over {self.single.facts.title}, in {self.times:.1f} times its time"
        return f"gain of {interval.text_with('Dice')} {over}"


def gain_of(evaluation: StoredEvaluation, others: Sequence[StoredEvaluation]) -> Gain | None:
    """Returns an evaluation's gain; None if it is a single one, or no single one of it is there.

    Args:
        evaluation: What to look at.
        others: Evaluations of the same photos with the same settings.
    """
    if not evaluation.facts.is_mean or evaluation.scored.empty:
        return None
    members = set(evaluation.facts.fingerprints)
    singles = [
        each
        for each in others
        if not each.facts.is_mean and set(each.facts.fingerprints) <= members
    ]
    if not singles:
        return None
    best = max(singles, key=lambda each: float(each.scored["dice"].mean()))
    times = float(evaluation.scored["seconds"].sum() / best.scored["seconds"].sum())
    return Gain(evaluation, best, times)
