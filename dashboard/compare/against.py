"""What the rows are compared by, and the one that all others are compared against."""

from __future__ import annotations

from collections.abc import Sequence

from core.metric_table import METRICS, Metric, find_metric
from dashboard.compare.choice import Row
from dashboard.ui.named_choice import select_from_url


def pick_metric() -> Metric:
    """Draws the choice of the metric and returns it."""
    chosen = select_from_url(
        "metric",
        "Metric",
        {metric.name: metric.label for metric in METRICS},
        gone="There is no metric {}; these figures are of another one.",
        help="A mask that is wrong by one pixel along its whole edge still has Dice 0.989 at "
        "512 px: where Dice is close, the edges decide.",
    )
    return find_metric(chosen)


def pick_baseline(rows: Sequence[Row], ranked: Sequence[Row]) -> int:
    """Draws the choice of the baseline and returns its place.

    Args:
        rows: What is compared; at least one.
        ranked: Those that can be a baseline: not trained on the cars of the images. Where there is
            none, all can.
    """
    offered = ranked or rows
    chosen = select_from_url(
        "baseline",
        "Baseline",
        {row.name: row.title for row in offered},
        # Before anybody chose, the second is asked whether the first is better than it.
        offered[min(1, len(offered) - 1)].name,
        help="The baseline: every verdict says what another checkpoint is, compared to this one.",
    )
    return [row.name for row in rows].index(chosen)
