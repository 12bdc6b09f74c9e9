"""The strokes of an edit: what each changed, applied to a mask, and their journal on the disk.

The editor's canvas is the one that draws. A step holds which pixels it turned, as run lengths in a
box, so that the mask on the disk is that of the canvas, bit for bit, and a step undoes itself. The
stroke itself (tool, size, points in px of the photo) is stored beside it, for whoever learns from
it; and so is a click, whose pixels a network chose.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from core.errors import EditConflictError, EditError, reason
from core.files import Facts
from core.rle import from_run_lengths, unpack

UNDO, REDO, CLICK = "undo", "redo", "click"
TOOLS = frozenset(
    {"brush", "eraser", "lasso", "lasso-erase", "fill-hole", "erase-part", "grow", "shrink"}
    | {"smooth", "restore", CLICK, UNDO, REDO}
)

_one_at_a_time = Lock()
"""The threads of this process, which a file's lock does not hold apart."""


class Step(Facts):
    """One stroke, or one undo or redo."""

    number: int
    """From 1."""
    tool: str
    """One of `TOOLS`."""
    box: tuple[int, int, int, int]
    """Left, top, width and height in px of where pixels turned; width and height 0 for nowhere."""
    runs: str
    """Run lengths of the pixels in the box that turned, row by row; see `core.rle.pack`."""
    area: int
    """Pixels of car after it."""
    size: float = 0.0
    """Radius in px."""
    points: tuple[tuple[float, float], ...] = ()
    """Where the pointer went, (x, y) in px of the photo."""
    seconds: float = 0.0
    """Time spent since the step before, without pauses."""
    positive: bool = False
    """Of a click: whether it says that its pixel belongs to the car."""
    network: str = ""
    """Of a click: fingerprint of the network that answered it."""


class Canvas:
    """A mask to which steps are applied."""

    def __init__(self, start: NDArray[np.bool_]) -> None:
        """Takes the mask to begin from, bool (H, W), which stays as it is."""
        self.start = start
        self.mask = start.copy()
        self.steps: list[Step] = []
        self.done: list[Step] = []
        """Steps that can be undone, the last one first to go."""
        self.undone: list[Step] = []
        """Steps that can be done again."""
        self._area = int(np.count_nonzero(start))

    def check(self, step: Step) -> None:
        """Refuses a step that does not fit; raises EditError and changes nothing."""
        self._area_after(step, self._turned(step))

    def apply(self, step: Step) -> None:
        """Applies a step; raises EditError where it does not fit."""
        turned = self._turned(step)
        self._area = self._area_after(step, turned)
        left, top, width, height = step.box
        self.mask[top : top + height, left : left + width] ^= turned
        self.steps.append(step)
        if step.tool == UNDO:
            self.undone.append(self.done.pop())
        elif step.tool == REDO:
            self.done.append(self.undone.pop())
        else:
            self.done.append(step)
            self.undone.clear()

    def _turned(self, step: Step) -> NDArray[np.bool_]:
        left, top, width, height = step.box
        inside = 0 <= left <= left + width <= self.mask.shape[1]
        inside &= 0 <= top <= top + height <= self.mask.shape[0]
        if not (inside and width >= 0 and height >= 0):
            raise EditError(
                f"Step {step.number} of the edit lies outside the photo, or is unknown."
            )
        if step.tool not in TOOLS:
            raise EditError(f"Step {step.number} of the edit is by a tool that is not known.")
        if step.number != len(self.steps) + 1:
            raise EditConflictError(f"Step {len(self.steps) + 1} is missing before {step.number}.")
        if (step.tool == UNDO and not self.done) or (step.tool == REDO and not self.undone):
            raise EditError(f"Step {step.number} has nothing to {step.tool}.")
        try:
            turned = from_run_lengths(unpack(step.runs), width * height)
        except ValueError as error:
            raise EditError(f"Step {step.number} of the edit is damaged: {error}.") from error
        return turned.reshape(height, width)

    def _area_after(self, step: Step, turned: NDArray[np.bool_]) -> int:
        left, top, width, height = step.box
        before = self.mask[top : top + height, left : left + width]
        area = self._area + int(np.count_nonzero(turned))
        area -= 2 * int(np.count_nonzero(turned & before))
        if area != step.area:
            raise EditError(
                f"After step {step.number} the mask would have {area} px of car, but the editor "
                f"shows {step.area}. Reload the page; what was stored is safe."
            )
        return area


class Journal:
    """The file of an edit's steps, one a line; what was appended is on the disk."""

    def __init__(self, path: Path) -> None:
        """Takes the file, which need not exist."""
        self._path = path
        self._end = 0
        """Bytes that this journal has read or written."""

    def size(self) -> int:
        """Returns the file's bytes; 0 where there is none."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def read(self) -> list[Step]:
        """Returns the steps; raises EditError as `lines`."""
        return list(self.lines())

    def lines(self) -> Iterator[Step]:
        """Yields the steps; a last line that was cut off by a crash is no step.

        Raises:
            EditError: A line before the last is damaged, or the file can't be read.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise EditError(f"{self._path} can't be read ({reason(error)}).") from error
        whole = data[: data.rfind(b"\n") + 1]
        self._end = len(whole)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                yield Step.model_validate_json(line)
            except ValidationError as error:
                raise EditError(f"{self._path} is damaged in line {number}.") from error

    def was_changed(self) -> bool:
        """Returns whether somebody else wrote whole lines since."""
        if self.size() == self._end:
            return False
        with suppress(OSError), self._path.open("rb") as file:
            return self._tail(file) != b""
        return True

    def append(self, step: Step) -> None:
        """Writes a step to the disk.

        Raises:
            EditConflictError: Somebody else wrote one since.
            OSError: It can't be written; the steps before it are whole.
        """
        line = step.model_dump_json(exclude_defaults=True).encode() + b"\n"
        with _one_at_a_time, self._path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            if self._tail(file):
                raise EditConflictError("Somebody else drew in this edit at the same moment.")
            file.truncate(self._end)  # half a line that a crash left
            file.seek(self._end)
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(self._end)
                raise
        self._end += len(line)

    def _tail(self, file: BinaryIO) -> bytes:
        """Returns the whole lines after those that this journal knows."""
        file.seek(self._end)
        after = file.read()
        return after[: after.rfind(b"\n") + 1]
