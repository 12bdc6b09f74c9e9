"""Edited masks: exact pixels of a photo, with their history, in one folder.

```
edits/<photo digest>/accepted.json     which edit is the photo's mask now
edits/<photo digest>/<edit>/edit.json  what it began from, by which network, its status
                            start.png  the mask that it began from
                            steps.jsonl  one line a stroke, written before the next one is drawn
                            mask.png   the mask as it was accepted
```

Nothing is overwritten but `accepted.json` and an edit's status: an edit that is accepted ends, and
the next one begins from it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.edit_facts import EditFacts, Origin, Status, mask_digest
from core.edit_files import FACTS, facts_of, read_png, write_facts, writing
from core.edit_steps import Canvas, Journal, Step
from core.errors import EditConflictError, EditError
from core.files import Facts, read_facts, write_bytes_atomically
from core.image import encode_png
from core.masks import require_mask

Mask = NDArray[np.bool_]

_POINTER, _START, _STEPS, _MASK = "accepted.json", "start.png", "steps.jsonl", "mask.png"
_REMEMBERED = 64
"""Accepted masks held in memory, a bit a pixel."""


class _Pointer(Facts):
    edit: str = ""


@dataclass(frozen=True)
class Accepted:
    """A photo's accepted mask, or why it can't be used."""

    facts: EditFacts
    mask: Mask | None
    """bool (H, W); None where there is a `problem`."""
    problem: str = ""


class EditStore:
    """The edited masks in one folder; it need not exist before the first edit."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder; nothing is read or written."""
        self.folder = folder

    def accepted(self, photo: str, shape: tuple[int, int]) -> Accepted | None:
        """Returns a photo's accepted mask; None where there is none.

        A stored mask that is damaged is made anew from its strokes; where that fails too, the
        problem is in the result and nothing raises.

        Args:
            photo: The photo's digest.
            shape: Its (height, width) in px.
        """
        pointer = self.folder / photo / _POINTER
        try:
            facts = pointer.stat()
        except OSError:
            return None
        try:
            found, packed = _read_accepted(pointer, facts.st_mtime_ns, facts.st_size)
            if (found.height, found.width) != shape:
                size = f"{found.width} x {found.height} px, the photo {shape[1]} x {shape[0]}"
                raise EditError(f"it is {size}")
        except EditError as error:
            problem = (
                f"The edited mask of this photo can't be used ({str(error).rstrip('.')}), so this "
                f"is the mask without it. Edit the mask again, or mend {pointer.parent}; nothing "
                "there was changed."
            )
            return Accepted(EditFacts(photo=photo), None, problem)
        mask = np.unpackbits(packed, count=shape[0] * shape[1]).view(np.bool_)
        return Accepted(found, mask.reshape(shape))

    def begin(
        self,
        photo: str,
        name: str,
        start: Mask,
        origin: Origin,
        *,
        copy_of: EditFacts | None = None,
    ) -> MaskEdit:
        """Returns a new draft, which is on the disk.

        Args:
            photo: The photo's digest.
            name: What people call the photo.
            start: The mask to begin from, bool (H, W).
            origin: Where that mask comes from.
            copy_of: The draft that it is a copy of, so that it replaces the same accepted edit.

        Raises:
            EditError: The folder can't be written.
            MaskError: `start` is no mask.
        """
        require_mask(start)
        now = _now()
        base = copy_of.base if copy_of else self._pointer(photo)
        facts = EditFacts(
            edit=f"{now[:19].replace(':', '').replace('-', '')}-{secrets.token_hex(3)}",
            photo=photo,
            name=name,
            height=start.shape[0],
            width=start.shape[1],
            start=mask_digest(start),
            origin=origin,
            began=now,
            changed=now,
            base=base,
        )
        folder = self.folder / photo / facts.edit
        with writing(folder):
            folder.mkdir(parents=True)
            write_bytes_atomically(folder / _START, encode_png(start))
            (folder / _STEPS).touch()
            write_facts(folder, facts)
        return MaskEdit(self, facts, Canvas(start), Journal(folder / _STEPS))

    def open(self, photo: str, edit: str) -> MaskEdit:
        """Returns an edit with all its strokes.

        Raises:
            EditError: It is missing or damaged; nothing of it was changed.
        """
        if not (_is_name(photo) and _is_name(edit)):
            raise EditError(f"There is no edit {edit!r} of this photo. Begin a new one.")
        folder = self.folder / photo / edit
        facts = facts_of(folder)
        start = read_png(folder / _START, facts)
        if mask_digest(start) != facts.start:
            raise EditError(f"{folder / _START} was changed or is damaged. Begin a new edit.")
        canvas, journal = Canvas(start), Journal(folder / _STEPS)
        for step in journal.read():
            canvas.apply(step)
        return MaskEdit(self, facts, canvas, journal)

    def recover(self, photo: str, edit: str) -> MaskEdit:
        """Returns a new draft with the strokes of a damaged edit that come before the damage.

        Raises:
            EditError: Its first mask is damaged too, or the folder can't be written.
        """
        facts = facts_of(self.folder / photo / edit)
        start = read_png(self.folder / photo / edit / _START, facts)
        draft = self.begin(photo, facts.name, start, facts.origin, copy_of=facts)
        with suppress(EditError):
            for step in Journal(self.folder / photo / edit / _STEPS).lines():
                draft.add([step])
        return draft

    def edits(self, photo: str) -> list[EditFacts]:
        """Returns a photo's edits, the newest first; those that can't be read are left out."""
        found: list[EditFacts] = []
        for path in sorted((self.folder / photo).glob(f"*/{FACTS}"), reverse=True):
            try:
                found.append(facts_of(path.parent))
            except EditError:
                continue
        return found

    def drafts(self, photo: str) -> list[EditFacts]:
        """Returns a photo's drafts that hold a stroke, the newest first."""
        return [
            facts
            for facts in self.edits(photo)
            if facts.status is Status.DRAFT and Journal(self.path(facts) / _STEPS).size() > 0
        ]

    def withdraw(self, photo: str) -> None:
        """Makes a photo's mask the network's again; the edit stays, as rejected.

        Raises:
            EditError: The folder can't be written.
        """
        edit = self._pointer(photo)
        with writing(self.folder / photo):
            (self.folder / photo / _POINTER).unlink(missing_ok=True)
        if edit:
            self.open(photo, edit).mark(Status.REJECTED)

    def state(self) -> str:
        """Returns a text that changes whenever a photo's accepted mask does."""
        found = [
            f"{path.parent.name}/{path.stat().st_mtime_ns}"
            for path in sorted(self.folder.glob(f"*/{_POINTER}"))
        ]
        return hashlib.sha256(" ".join(found).encode()).hexdigest()[:16] if found else ""

    def path(self, facts: EditFacts) -> Path:
        """Returns the folder of an edit."""
        return self.folder / facts.photo / facts.edit

    def _pointer(self, photo: str) -> str:
        return read_facts(self.folder / photo / _POINTER, _Pointer).facts.edit


class MaskEdit:
    """One edit that is open: its mask, its strokes, and what a person decides."""

    def __init__(
        self, store: EditStore, facts: EditFacts, canvas: Canvas, journal: Journal
    ) -> None:
        """Takes what is on the disk; see `EditStore.begin` and `EditStore.open`."""
        self.store = store
        self.facts = facts
        self.canvas = canvas
        self._journal = journal

    @property
    def mask(self) -> Mask:
        """The mask as it stands, bool (H, W)."""
        return self.canvas.mask

    def add(self, steps: list[Step]) -> None:
        """Adds strokes, which are on the disk when this returns; those it has are passed over.

        Raises:
            EditConflictError: Somebody else drew in this edit meanwhile, or it is a draft no more;
                nothing was added. `copied` gives an edit for the same strokes.
            EditError: A step does not fit, or can't be written; those before it are there.
        """
        if self._journal.was_changed() or facts_of(self._folder).status is not Status.DRAFT:
            raise EditConflictError(
                "Somebody else draws in this edit, or has ended it. Your strokes go on in a draft "
                "of your own; none is lost."
            )
        for step in steps:
            if step.number <= len(self.canvas.steps):
                if step != self.canvas.steps[step.number - 1]:
                    raise EditConflictError("This edit holds another stroke in this one's place.")
                continue
            self.canvas.check(step)
            with writing(self._folder):
                self._journal.append(step)
            self.canvas.apply(step)

    def copied(self) -> MaskEdit:
        """Returns a new draft with the strokes that this one had when it was opened or added to.

        Raises:
            EditError: The folder can't be written.
        """
        facts = self.facts
        copy = self.store.begin(
            facts.photo, facts.name, self.canvas.start, facts.origin, copy_of=facts
        )
        copy.add(list(self.canvas.steps))
        return copy

    def accept(self, *, replace: bool = False) -> EditFacts:
        """Makes its mask the photo's, and ends the edit.

        Args:
            replace: Also if another edit of the photo was accepted since this one began.

        Raises:
            EditConflictError: Another one was; this stays a draft.
            EditError: It can't be written.
        """
        facts, folder = self.facts, self._folder
        other = self.store._pointer(facts.photo)
        if other not in (facts.base, facts.edit) and not replace:
            raise EditConflictError(
                f"Another edit of this photo was accepted since you began ({other}). Accept yours "
                "in its place, or leave it a draft; both stay stored."
            )
        with writing(folder):
            write_bytes_atomically(folder / _MASK, encode_png(self.mask))
        self.mark(Status.ACCEPTED, mask=mask_digest(self.mask))
        with writing(folder):
            pointer = _Pointer(edit=facts.edit).model_dump_json().encode()
            write_bytes_atomically(folder.parent / _POINTER, pointer)
        return self.facts

    def mark(self, status: Status, *, mask: str = "") -> None:
        """Stores what a person decided.

        Args:
            status: The decision.
            mask: Digest of the accepted mask.

        Raises:
            EditError: It can't be written.
        """
        changed = self.facts.model_copy(
            update={
                "status": status,
                "changed": _now(),
                "mask": mask or self.facts.mask,
                "steps": len(self.canvas.steps),
                "seconds": round(sum(step.seconds for step in self.canvas.steps), 1),
            }
        )
        with writing(self._folder):
            write_facts(self._folder, changed)
        self.facts = changed

    @property
    def _folder(self) -> Path:
        return self.store.path(self.facts)


@lru_cache(_REMEMBERED)
def _read_accepted(pointer: Path, changed: int, size: int) -> tuple[EditFacts, NDArray[np.uint8]]:
    """Returns an accepted edit, and its mask with a bit a pixel.

    Args:
        pointer: The file that names it.
        changed: When that was written, in ns; part of the cache's key, as is its size.
        size: Its bytes.

    Raises:
        EditError: It can't be used.
    """
    named = read_facts(pointer, _Pointer)
    edit = named.facts.edit
    if problem := named.error(pointer.name):
        raise EditError(problem)
    if not _is_name(edit):
        raise EditError(f"{pointer.name} names no edit")
    folder = pointer.parent / edit
    facts = facts_of(folder)
    mask = _first_whole(
        facts,
        lambda: read_png(folder / _MASK, facts),
        lambda: EditStore(folder.parent.parent).open(facts.photo, edit).mask,
    )
    return facts, np.packbits(mask)


def _first_whole(facts: EditFacts, *readers: Callable[[], Mask]) -> Mask:
    """Returns the first mask that is the one that was accepted."""
    problem = "its pixels are not those that were accepted"
    for read in readers:
        try:
            mask = read()
        except EditError as error:
            problem = str(error)
            continue
        if mask_digest(mask) == facts.mask:
            return mask
    raise EditError(problem)


def _is_name(text: str) -> bool:
    return text.replace("-", "").replace("T", "").isalnum() and text.isascii()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
