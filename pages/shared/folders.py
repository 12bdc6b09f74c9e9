"""Where pages find runs and samples; asked anew each time, so that a test can move them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository's folder."""


def runs_folder() -> Path:
    """Returns the folder of all runs: CARMASK_RUNS where it is set, else runs/."""
    return Path(os.environ.get("CARMASK_RUNS") or ROOT / "runs")


def samples_folder() -> Path:
    """Returns the folder of the sample photos: CARMASK_SAMPLES where it is set, else samples/."""
    return Path(os.environ.get("CARMASK_SAMPLES") or ROOT / "samples")
