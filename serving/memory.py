"""Memory that goes back to the system: glibc keeps what was freed, in one arena a thread."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from functools import lru_cache

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Parameters of mallopt(3)."""
_LARGE = 256 * 1024


def limit_arenas() -> None:
    """Lets threads share two arenas, and large blocks have their own pages; for Linux' glibc.

    Must be called before threads allocate. Elsewhere it does nothing.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 2)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Frees what nothing points to any more, circles too, and returns it to the system."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> ctypes.CDLL | None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL("libc.so.6")
            _ = library.malloc_trim, library.mallopt
            return library
    return None
