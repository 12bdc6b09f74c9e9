"""Text logs of training scripts, the starting point's among them.

What is understood, in any case and with ":", "=" or nothing but a blank before the figure:

    Saved checkpoint at epoch 3 with loss 0.035214
    Epoch [3/20], Loss: 0.0352, Dice: 0.98, IoU: 0.97
    Epoch 3/20 - train_loss: 0.05 - val_loss: 0.04 - val_dice: 0.98
    Epoch: 3 | Train Loss: 0.05 | Val Loss: 0.04 | lr 1e-4
    Epoch [3/20], Step [100/480], Loss: 0.0352
    Validation Dice score: 98.1%         (belongs to the epoch of the line above)

A line with a step is a step's, any other an epoch's. Of an epoch's figures the last one counts, but
a line on saving overwrites nothing. Epochs that begin with 0 are moved up by one. All other lines
are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training.runs.curves import curves_of
from training.runs.foreign.log import ForeignLog, figures
from training.runs.foreign.restarts import rows_that_count, stretches

_ENDINGS = (".txt", ".log")
_HEAD = 65536
"""Bytes of a file in which a line must be understood for the file to be a log."""
_FILES = 8
"""Text files of a folder that are looked into."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?!\w|/)|[-+]?nan\b|[-+]?inf\b"
_OF = r"\s*[\[(:=#]*\s*(\d+)(?:\s*(?:/|of)\s*(\d+))?"
_EPOCH = re.compile(r"\bepochs?" + _OF, re.IGNORECASE)
_STEP = re.compile(r"\b(?:step|iter|iteration|batch)" + _OF, re.IGNORECASE)
_METRIC = r"loss|dice|dsc|iou|jaccard|f1|acc|accuracy|lr|learning[ _-]rate"
_SIDE = r"(?:train|training|val|valid|validation|test)"
_FIGURE = re.compile(
    rf"(?<!\w)((?:{_SIDE}[\s_/-]+)?(?:(?:avg|average|mean|epoch|running|boundary|pixel)[ _-])?"
    rf"(?:{_METRIC})(?:[ _-](?:score|coef|coefficient|index))?)\s*(?:\([^()]*\))?"
    rf"\s*(?:[:=]|\bis\b|\bof\b)?\s*({_NUMBER})\s*(%?)",
    re.IGNORECASE,
)
_SAVED = re.compile(r"\bsav(?:ed|ing)\b", re.IGNORECASE)


def find(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Returns the text files of a folder that hold a line on an epoch's figures."""
    texts = sorted(name for name in names if name.lower().endswith(_ENDINGS))
    found = []
    for name in texts[:_FILES]:
        path = folder / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", errors="replace")
        if any(_EPOCH.search(line) and _FIGURE.search(line) for line in _lines(head)):
            found.append(path)
    return tuple(found[:1])


def read(paths: tuple[Path, ...]) -> ForeignLog:
    """Returns the curves of a text log.

    Raises:
        OSError: It can't be opened.
    """
    rows: list[dict[str, Any]] = []
    asked = epoch = 0
    for line in _lines(paths[0].read_text(encoding="utf-8", errors="replace")):
        head = _EPOCH.search(line)
        if head:
            epoch = int(head[1])
            asked = max(asked, int(head[2] or 0))
        found = _figures(line)
        if not found or (not head and not rows):
            continue
        step = _STEP.search(line)
        place = {"at": int(step[1]), "of": int(step[2] or 0)} if step else {}
        rows.append({"epoch": epoch, "saved": bool(_SAVED.search(line)), **place, **found})
    kept, remark = _current(rows)
    epochs: dict[int, dict[str, Any]] = {}
    for row in kept:
        saved = row.pop("saved")
        if "at" not in row:
            before = epochs.get(row["epoch"], {})
            epochs[row["epoch"]] = row | before if saved else before | row
    steps = [row for row in kept if "at" in row]
    return _log(steps, [epochs[each] for each in sorted(epochs)], asked, remark)


def _current(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Returns the rows that count: a log may be appended to by a resumed or by another run.

    A line that names one earlier epoch ("best epoch 3: Dice 0.9") is no such beginning.
    """
    places = [row["epoch"] for row in rows]
    parts = stretches(places)
    aside = {
        row
        for part in parts[1:]
        for row in range(len(rows))[part]
        if places[part.start] == places[part.stop - 1]
    }
    going = [row for row in range(len(rows)) if row not in aside]
    kept, remark = rows_that_count([places[row] for row in going], [True] * len(going))
    counted = {going[row] for row in kept}
    return [each for row, each in enumerate(rows) if row in counted | aside], remark


def _figures(line: str) -> dict[str, float]:
    """Returns a line's figures by column; per cent as shares."""
    found = _FIGURE.findall(line)
    names = figures(name for name, _, _ in found)
    return {
        names[name].column: float(value) / (100 if percent else 1) for name, value, percent in found
    }


def _log(
    steps: list[dict[str, Any]], epochs: list[dict[str, Any]], asked: int, remark: str
) -> ForeignLog:
    """Returns the curves with epochs from 1 and steps counted over the whole run."""
    rows = steps + epochs
    first = min((row["epoch"] for row in rows), default=1)
    length = max((max(row["of"], row["at"]) for row in steps), default=0)
    for row in rows:
        row["epoch"] += first == 0
    for row in steps:
        row["step"] = (row["epoch"] - 1) * length * bool(row.pop("of")) + row.pop("at")
    for row in epochs:
        row["step"] = row["epoch"] * length
    return ForeignLog(curves_of(steps, epochs), asked, remark)


def _lines(text: str) -> list[str]:
    """Returns the lines; a progress bar that was redrawn counts as one line each time."""
    return re.split(r"[\r\n]+", text)
