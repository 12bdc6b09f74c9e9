"""The data folder that was chosen last on this machine, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydantic import Field

from core.files import Facts, read_facts, write_bytes_atomically
from core.places import cache_folder

_FILE = "data_folder.json"


class _LastFolder(Facts):
    """What the file holds."""

    started_with: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def last_folder(started_with: Sequence[str]) -> dict[str, list[str]]:
    """Returns the choice in the words of the pages' URLs; nothing where there is none.

    Args:
        started_with: The folders that the app was started with: with others a choice means nothing.
    """
    last = read_facts(cache_folder() / _FILE, _LastFolder).facts
    if last.started_with != tuple(started_with):
        return {}
    return {word: list(values) for word, values in last.words.items()}


def remember_folder(started_with: Sequence[str], words: Mapping[str, Sequence[str]]) -> None:
    """Writes the choice; a cache that can't be written is no error, as this is a convenience.

    Args:
        started_with: See `last_folder`.
        words: The choice in the words of the pages' URLs.
    """
    file = cache_folder() / _FILE
    last = _LastFolder(
        started_with=tuple(started_with), words={word: tuple(each) for word, each in words.items()}
    )
    with suppress(OSError, ValueError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(file, last.model_dump_json().encode())
