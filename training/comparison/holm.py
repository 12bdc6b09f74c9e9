"""Many comparisons at once."""

from __future__ import annotations

import numpy as np

from training.comparison.resampling import Floats


def holm(p_values: Floats) -> Floats:
    """Returns p values corrected for being looked at together.

    Calling those below alpha different makes, with a chance of at most alpha, one wrong call or
    more among all of them, however they depend on each other.

    Args:
        p_values: (N,) in [0, 1].

    Returns:
        (N,) in [0, 1], none smaller than it came.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(count, 0, -1)
    corrected = np.empty(count)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected
