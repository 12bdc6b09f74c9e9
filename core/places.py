"""Where Carmask keeps on this machine what it has made for itself."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Returns the folder CARMASK_CACHE, else one in the user's cache; it need not exist."""
    folder = os.environ.get("CARMASK_CACHE")
    if folder:
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("carmask")
