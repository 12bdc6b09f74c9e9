"""Times and sizes in words."""

from __future__ import annotations

from datetime import UTC, datetime


def duration(seconds: float) -> str:
    """Returns a time in words: "4.2 s", "40 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def ago(time: datetime | None) -> str:
    """Returns how long ago something was: "12 s ago", "3 h 5 min ago"; "" where it is unknown."""
    return f"{duration((datetime.now(UTC) - time).total_seconds())} ago" if time else ""


def memory(size: int) -> str:
    """Returns a size in words: "820 MB", "3.4 GB"."""
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
