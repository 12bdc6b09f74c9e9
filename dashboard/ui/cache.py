"""A cache that forgets what was not used for longest, bounded by what its entries weigh."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Values by key for all sessions; safe to use from several threads.

    Streamlit's own caches count entries, but one photo can weigh a thousand times another's, and
    they can't be asked from the thread that fills a ZIP.
    """

    def __init__(self, limit: int) -> None:
        """Starts empty; `limit` is the most that the entries may weigh together, in bytes."""
        self._limit = limit
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: str) -> Value | None:
        """Returns the value kept for a key, which counts as used now; None if there is none."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, value: Value, weight: int) -> None:
        """Keeps a value of `weight` bytes; what was not used for longest goes if need be."""
        with self._lock:
            if key in self._entries:
                self._weight -= self._entries.pop(key)[1]
            self._entries[key] = (value, weight)
            self._weight += weight
            while self._weight > self._limit and len(self._entries) > 1:
                _, (_, freed) = self._entries.popitem(last=False)
                self._weight -= freed
