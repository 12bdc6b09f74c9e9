"""Memory that goes back to the system: glibc keeps what was freed, in one arena a thread."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

_ARENA_MAX = -8
"""Parameter of mallopt(3)."""
_TIDY_SECONDS = 30.0


def limit_arenas() -> None:
    """Lets threads share two arenas; for Linux' glibc, and before threads allocate.

    Its thresholds stay: set, they would stop adapting, and each layer of a network would get new
    pages from the system, which doubles the time of a prediction.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 2)


async def keep_tidy(forget: Callable[[], None] | None = None) -> None:
    """Returns memory to the system every half minute, until it is cancelled.

    Args:
        forget: Drops what nobody needs any more, before that.
    """
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        if forget is not None:
            forget()
        await asyncio.to_thread(_give_back)


def _give_back() -> None:
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
