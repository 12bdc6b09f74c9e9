"""How fast a training is: images a second, and the time that it waits for its photos."""

from __future__ import annotations

import time


class Pace:
    """Counts images and time from its making on; validation is no part of it."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._images = 0
        self._waited = 0.0

    def count(self, images: int, waited: float) -> None:
        """Counts a step.

        Args:
            images: Photos in it.
            waited: Seconds that the network waited for them.
        """
        self._images += images
        self._waited += waited

    def facts(self) -> dict[str, float]:
        """Returns images_per_second and waited, the share of the time spent on waiting."""
        seconds = max(1e-9, time.monotonic() - self._started)
        return {
            "images_per_second": round(self._images / seconds, 2),
            "waited": round(min(1.0, self._waited / seconds), 3),
        }
