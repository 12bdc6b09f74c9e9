"""Clicks in the editor: the network's answer to each, which the browser merges into its mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.clicks import NETWORK_FILE, Click
from core.edit_steps import CLICK, Canvas
from core.errors import EditError
from core.files import Facts
from core.places import runs_folder, shipped_runs
from core.rle import pack, run_lengths

RUN = "carmask-click"
"""The run whose network answers."""


class Prompt(Facts):
    """A click as the browser sends it."""

    id: str
    """Tells it from all others."""
    x: int
    """Column of its pixel."""
    y: int
    """Row of its pixel."""
    positive: bool
    """Whether the pixel belongs to the car."""


def answer(prompt: Prompt, canvas: Canvas, read: Callable[[], NDArray[np.uint8]]) -> dict[str, Any]:
    """Returns what the browser is told: the pixels that the click adds, or takes away.

    Args:
        prompt: The click.
        canvas: The mask as it stands, with its steps: clicks of before guide the network too.
        read: Returns the photo (H, W, 3).

    Raises:
        CarmaskError: There is no click network, or the photo can't be read.
    """
    network = _network(_network_file())
    before = [
        Click(int(step.points[0][0]), int(step.points[0][1]), step.positive)
        for step in canvas.done
        if step.tool == CLICK and step.points
    ]
    click = Click(prompt.x, prompt.y, prompt.positive)
    change = network.change(read(), canvas.mask, [*before, click])
    told = {"id": prompt.id, "network": network.fingerprint, "problem": ""}
    if change is None:
        return told | {"box": [0, 0, 0, 0], "runs": ""}
    height, width = change.turned.shape
    box = [change.left, change.top, width, height]
    return told | {"box": box, "runs": pack(run_lengths(change.turned.ravel()))}


def _network_file() -> Path:
    for runs in (runs_folder(), shipped_runs()):
        path = runs / RUN / NETWORK_FILE
        if path.is_file():
            return path
    raise EditError(
        f"There is no network for clicks ({RUN}/{NETWORK_FILE} below {runs_folder()}). Paint "
        "with the brush, or train one: python -m training clicks."
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _network(path: Path) -> Any:
    from core.click_network import ClickNetwork

    return ClickNetwork.load(path)
