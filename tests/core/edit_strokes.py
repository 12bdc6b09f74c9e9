"""Steps of an edit, as the editor makes them."""

from __future__ import annotations

import numpy as np

from core.edit_steps import REDO, UNDO, Canvas, Step
from core.edits import MaskEdit
from core.rle import pack, run_lengths


def box_step(canvas: Canvas, box: tuple[int, int, int, int], *, car: bool = True) -> Step:
    """Returns the step that fills or erases a box, (left, top, width, height)."""
    left, top, width, height = box
    before = canvas.mask[top : top + height, left : left + width]
    turned = before != car
    return Step(
        number=len(canvas.steps) + 1,
        tool="brush" if car else "eraser",
        box=box,
        runs=pack(run_lengths(turned.ravel())),
        area=int(canvas.mask.sum()) + (1 if car else -1) * int(turned.sum()),
        size=3.5,
        points=((left, top), (left + width, top + height)),
        seconds=1.5,
    )


def paint(edit: MaskEdit, *box: int, car: bool = True) -> Step:
    """Fills or erases a box and returns the step."""
    left, top, width, height = box
    step = box_step(edit.canvas, (left, top, width, height), car=car)
    edit.add([step])
    return step


def turn(edit: MaskEdit, tool: str) -> None:
    """Undoes or redoes a step."""
    assert tool in (UNDO, REDO)
    canvas = edit.canvas
    of = (canvas.done if tool == UNDO else canvas.undone)[-1]
    left, top, width, height = of.box
    turned = np.zeros_like(canvas.mask)
    again = Canvas(turned)
    part = of.model_copy(update={"number": 1, "tool": "brush", "area": 0})
    flipped = again._turned(part)
    after = canvas.mask.copy()
    after[top : top + height, left : left + width] ^= flipped
    number = len(canvas.steps) + 1
    edit.add([of.model_copy(update={"number": number, "tool": tool, "area": int(after.sum())})])
