"""The statuses of a run, all of them."""

from __future__ import annotations

from typing import Literal

WrittenStatus = Literal["running", "finished", "stopped", "failed"]
"""What a run's own state.json can say."""
Status = Literal[WrittenStatus, "queued", "starting", "crashed", "missing", "unknown"]
"""What can be said of a run: "queued" before its turn, "starting" until its first state, "crashed"
where it says running and nobody holds its lock, "missing" where there is no such run, "unknown"
where nothing tells. A run that was told to stop is "running" until it has saved its state."""
ALIVE = ("starting", "running")
"""Statuses of a run that a trainer works on."""
CHANGING = ("queued", *ALIVE)
"""Statuses that change by themselves."""
