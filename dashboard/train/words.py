"""Times and sizes in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Returns a time in words: "4.2 s", "40 s", "12 min", "3 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def memory(size: int) -> str:
    """Returns a size in words: "820 MB", "3.4 GB"."""
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
