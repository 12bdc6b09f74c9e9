"""Where things lie: the packages, what ships with them, and what a user makes.

In a checkout everything lies in its folder. Where Carmask is installed, the app and what ships lie
in `carmask_app` beside the packages (see setup.py), and what a user makes in the current folder.
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]
"""The folder that the packages are imported from: the checkout's, or site-packages."""


def app_folder() -> Path:
    """Returns the folder of streamlit_app.py, the shipped runs and the samples."""
    installed = PACKAGES / "carmask_app"
    return installed if installed.is_dir() else PACKAGES


def workspace() -> Path:
    """Returns the folder that relative paths start at, and background commands run in."""
    return PACKAGES if app_folder() == PACKAGES else Path.cwd()


def shipped_runs() -> Path:
    """Returns the folder of the runs that ship."""
    return app_folder() / "runs"


def runs_folder() -> Path:
    """Returns the app's folder of runs: CARMASK_RUNS where it is set, else runs/."""
    return Path(os.environ.get("CARMASK_RUNS") or workspace() / "runs")


def current_runs() -> Path:
    """Returns a command's folder of runs: CARMASK_RUNS, else runs/ in the current folder."""
    return Path(os.environ.get("CARMASK_RUNS") or "runs")


def samples_folder() -> Path:
    """Returns the folder of the sample photos: CARMASK_SAMPLES where it is set, else samples/."""
    return Path(os.environ.get("CARMASK_SAMPLES") or app_folder() / "samples")


def data_folder() -> Path:
    """Returns the folder whose sub-folders are offered as data: data/."""
    return workspace() / "data"


def edits_folder() -> Path:
    """Returns the app's folder of edited masks: CARMASK_EDITS where it is set, else edits/."""
    return Path(os.environ.get("CARMASK_EDITS") or workspace() / "edits")


def current_edits() -> Path:
    """Returns a command's folder of edited masks: CARMASK_EDITS, else edits/ in the current one."""
    return Path(os.environ.get("CARMASK_EDITS") or "edits")


def cache_folder() -> Path:
    """Returns the folder CARMASK_CACHE, else one in the user's cache; it need not exist."""
    folder = os.environ.get("CARMASK_CACHE")
    if folder:
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("carmask")


def short_path(path: Path) -> str:
    """Returns a path as it is typed in the workspace: relative where it lies in it, else whole."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  (a link stays a link)
    folder = workspace()
    return str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole)


def with_packages(environment: dict[str, str]) -> dict[str, str]:
    """Returns environment variables with which a Python process finds the packages anywhere."""
    found = filter(None, [str(PACKAGES), environment.get("PYTHONPATH")])
    return environment | {"PYTHONPATH": os.pathsep.join(found)}
