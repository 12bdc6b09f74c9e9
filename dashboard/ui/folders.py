"""Where pages find runs, samples and data; asked anew each time, so that a test can move them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.names import is_text

ROOT = Path(__file__).resolve().parents[2]
"""The repository's folder."""


def runs_folder() -> Path:
    """Returns the folder of all runs: CARMASK_RUNS where it is set, else runs/."""
    return Path(os.environ.get("CARMASK_RUNS") or ROOT / "runs")


def run_files(pattern: str) -> list[Path]:
    """Returns the files of runs that a pattern fits, by name; those of a run that can be shown."""
    return [path for path in sorted(runs_folder().glob(pattern)) if is_text(str(path))]


def samples_folder() -> Path:
    """Returns the folder of the sample photos: CARMASK_SAMPLES where it is set, else samples/."""
    return Path(os.environ.get("CARMASK_SAMPLES") or ROOT / "samples")


def data_folder() -> Path:
    """Returns the folder whose sub-folders are offered as data: data/."""
    return ROOT / "data"


def short_path(path: Path) -> str:
    """Returns a path as a person knows it: below the project's folder without that folder."""
    try:
        return path.absolute().relative_to(ROOT).as_posix()
    except ValueError:
        return str(path)


def asked_folders() -> list[Path]:
    """Returns the data folders that were asked for when the app was started.

    Those of `streamlit run streamlit_app.py -- --data DIR`, then those of the environment variable
    CARMASK_DATA, where several are separated as in PATH.
    """
    given = [
        after if word == "--data" else word.removeprefix("--data=")
        for word, after in zip(sys.argv, [*sys.argv[1:], ""], strict=True)
        if word == "--data" or word.startswith("--data=")
    ]
    given += os.environ.get("CARMASK_DATA", "").split(os.pathsep)
    return [Path(each).expanduser() for each in given if each]
