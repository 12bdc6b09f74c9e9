"""What a data folder says of masks that were edited: the edit that each one comes from."""

from __future__ import annotations

from pathlib import Path

from core.edit_facts import EditFacts
from core.files import fit, parse_json, read_bytes_within

HISTORY = "edits.jsonl"
"""The file: a line a photo, written by `training.data.adding`."""


def history_of(folder: Path) -> dict[str, EditFacts]:
    """Returns the edits that the masks of a data folder come from, by the photos' names.

    Empty of a folder that nobody added to; a line that is damaged is passed over.
    """
    try:
        lines = read_bytes_within(folder / HISTORY).splitlines()
    except OSError:
        return {}
    found: dict[str, EditFacts] = {}
    for line in lines:
        try:
            value = parse_json(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            found[value["name"]] = fit(value.get("edit"), EditFacts).facts
    return found
