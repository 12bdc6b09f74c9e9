"""Where pages find runs, samples and data; asked anew each time, so that a test can move them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.names import is_text
from core.places import data_folder, runs_folder, samples_folder, short_path

__all__ = [
    "asked_folders",
    "data_folder",
    "run_files",
    "runs_folder",
    "samples_folder",
    "short_path",
]


def run_files(pattern: str) -> list[Path]:
    """Returns the files of runs that a pattern fits, by name; those of a run that can be shown."""
    return [path for path in sorted(runs_folder().glob(pattern)) if is_text(str(path))]


def asked_folders() -> list[Path]:
    """Returns the data folders that were asked for when the app was started.

    Those of `streamlit run streamlit_app.py -- --data DIR`, then those of the environment variable
    CARMASK_DATA, where several are separated as in PATH. Each is a data folder, or holds some.
    """
    given = [
        after if word == "--data" else word.removeprefix("--data=")
        for word, after in zip(sys.argv, [*sys.argv[1:], ""], strict=True)
        if word == "--data" or word.startswith("--data=")
    ]
    given += os.environ.get("CARMASK_DATA", "").split(os.pathsep)
    return [Path(each).expanduser() for each in given if each]
