"""The colours of those that are compared: runs and checkpoints."""

from __future__ import annotations

COLOURS = (
    *("#1C86C7", "#E69F00", "#009E73", "#CC79A7", "#D55E00"),
    *("#56B4E9", "#8C6BB1", "#8A8D0F", "#7A5C3E", "#7F8B97"),
)
"""In the order in which they are given out; each is seen on white and on black.

Source: the first six are Okabe and Ito's.
"""


def colour_of(place: int) -> str:
    """Returns the colour of what was chosen at this place, from 0."""
    return COLOURS[place % len(COLOURS)]
