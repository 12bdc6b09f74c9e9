"""What a person adds to a run: a title, tags, notes, whether it is archived; and its end."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from core.errors import RunError, reason
from core.files import Facts, read_facts, write_bytes_atomically
from training.runs.runlog import is_locked, is_own_run

NOTES_FILE = "notes.json"
"""The file in a run's folder; a trainer never touches it."""
LONGEST_TITLE, LONGEST_TAG, LONGEST_NOTES = 80, 40, 20_000
"""Characters that are kept of each text."""

_CHANGING = Lock()


@dataclass(frozen=True)
class RunNotes:
    """What a person says of a run."""

    title: str = ""
    """Name to show; empty shows the folder's name."""
    tags: tuple[str, ...] = ()
    notes: str = ""
    archived: bool = False
    """Whether lists leave it out."""


class _NotesFile(Facts):
    """The file as it is read."""

    title: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    archived: bool = False


def read_notes(run: Path) -> RunNotes:
    """Returns what was noted on a run, as far as its file holds."""
    return notes_with_error(run)[0]


def notes_with_error(run: Path) -> tuple[RunNotes, str]:
    """Returns what was noted on a run, and what does not hold of its file; "" if all does."""
    found = read_facts(run / NOTES_FILE, _NotesFile)
    return _tidy(RunNotes(**found.facts.model_dump())), found.error(NOTES_FILE)


def change_notes(run: Path, **changes: Any) -> RunNotes:
    """Writes some of a run's notes, keeps the others, and returns them all.

    Args:
        run: The run's folder.
        changes: New values of fields of RunNotes; texts are stripped and shortened, tags sorted.

    Raises:
        RunError: The folder is gone or not writable, or the disk is full.
    """
    with _CHANGING:
        notes = _tidy(replace(read_notes(run), **changes))
        text = json.dumps(asdict(notes), indent=1, ensure_ascii=False) + "\n"
        try:
            write_bytes_atomically(run / NOTES_FILE, text.encode("utf-8", "replace"))
        except OSError as error:
            raise RunError(
                f"The notes on {run.name} can't be written: {reason(error)}. "
                "Is its folder there, and writable?"
            ) from error
    return notes


def why_not_deleted(runs: Path, name: str) -> str:
    """Returns why a run must not be deleted; empty where it may be.

    Args:
        runs: The folder of runs.
        name: The run's name in `list_runs`.
    """
    folder = runs / name
    if folder.is_symlink() or folder.resolve().parent != runs.resolve():
        return "It is no folder right inside the folder of runs; delete it by hand."
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        return f"It can't be read: {reason(error)}."
    if not is_own_run(names) and not ("config.json" in names and "lock" in names):
        return "No trainer of Carmask wrote it; delete its folder by hand."
    if is_locked(folder):
        return "It is being trained; stop it first."
    return ""


def delete_run(runs: Path, name: str) -> None:
    """Deletes a run's folder with everything in it.

    It leaves the list at once, before its files go; one whose trainer starts at this very moment
    stays.

    Raises:
        RunError: It is being trained, is no run of Carmask's right inside the folder of runs, or
            can't be deleted.
    """
    why = why_not_deleted(runs, name)
    if why:
        raise RunError(f"The run {name} was not deleted. {why}")
    folder = runs / name
    aside = runs / f".deleted-{secrets.token_hex(8)}"
    try:
        folder.rename(aside)
        if is_locked(aside):
            aside.rename(folder)
            raise RunError(f"The run {name} was not deleted. It is being trained; stop it first.")
        shutil.rmtree(aside)
    except OSError as error:
        raise RunError(f"The run {name} can't be deleted: {reason(error)}.") from error


def _tidy(notes: RunNotes) -> RunNotes:
    tags = {" ".join(tag.split())[:LONGEST_TAG].strip() for tag in notes.tags}
    return RunNotes(
        title=" ".join(notes.title.split())[:LONGEST_TITLE].strip(),
        tags=tuple(sorted(tags - {""}, key=str.casefold)),
        notes=notes.notes.strip()[:LONGEST_NOTES],
        archived=bool(notes.archived),
    )
