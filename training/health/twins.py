"""Finds a photo in a data folder that shows the same picture as another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.folder import Sample
from training.health.facts import measure_photo
from training.health.index import FactsIndex
from training.health.leaks import find_duplicates

_MOST = 300
"""Photos that are measured for it; of more, those that are measured already are looked through."""


def find_twin(
    photo: NDArray[np.uint8], samples: Sequence[Sample], index: FactsIndex
) -> Sample | None:
    """Returns the sample with an equal photo, or with a copy of it; None where there is none.

    A copy was saved anew, resized or brightened; see `find_duplicates`.

    Args:
        photo: RGB (H, W, 3).
        samples: Where to look.
        index: What was measured of them; what is missing is measured.
    """
    if len(index.missing(samples)) <= _MOST:
        index.update(samples, workers=0)
    known = [
        (sample, facts)
        for sample, facts in zip(samples, index.known(samples), strict=True)
        if facts is not None
    ]
    mine, picture = measure_photo(photo)
    others = [sample for sample, _ in known]

    def pictures(places: Sequence[int]) -> list[bytes]:
        found = index.pictures([others[place - 1] for place in places if place])
        return [found.pop(0) if place else picture for place in places]

    same = find_duplicates([mine, *(facts for _, facts in known)], pictures)
    exact = [place for group in same.exact if 0 in group for place in group]
    near = [place for pair in same.near if 0 in pair for place in pair]
    # Of an exact group only the first stands among the near ones, and this photo is the first.
    return next((others[place - 1] for place in [*exact, *near] if place), None)
