"""The queue: the rows of a review in the order of a list, with what was decided about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import streamlit as st

from core.places import edits_folder
from dashboard.ui.text import code
from dashboard.ui.waiting import waiting
from training.review.rows import ReviewRow, RowFile
from training.review.suspects import ListName, Suspect, suspects
from training.review.verdicts import Verdict, VerdictStore

TITLES: Mapping[ListName, str] = {
    "parts": "Parts",
    "edges": "Edges",
    "siblings": "Siblings",
    "uncertain": "Uncertain",
    "disagreement": "Disagreement",
}
OPEN, ALL, EDITED = "To decide", "All", "Edited"
DECIDED = {
    "label wrong": "Label wrong",
    "network wrong": "Label right",
    "unclear": "Unclear",
    "accepted": "Accepted",
    "rejected": "Rejected",
}
"""What a page calls decisions."""


@dataclass(frozen=True)
class Queue:
    """A list, what of it is shown, and where one is."""

    found: Sequence[Suspect]
    """All photos of the list, in its order."""
    verdicts: Mapping[tuple[str, str], Verdict]
    edited: frozenset[str]
    """Digests of photos whose edited mask was accepted."""

    def state(self, row: ReviewRow) -> str:
        """Returns what was decided about a photo; "" for nothing yet."""
        verdict = self.verdicts.get(mask_of(row))
        if verdict is not None:
            return DECIDED[verdict.decision]
        return EDITED if row.photo in self.edited else ""

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many photos each filter shows; of decisions, those that were made."""
        states = Counter(self.state(each.row) for each in self.found)
        here = {name: states[name] for name in (*DECIDED.values(), EDITED) if states[name]}
        return {OPEN: len(self.shown(OPEN)), **here, ALL: len(self.found)}

    def shown(self, show: str) -> list[int]:
        """Returns the places of the photos that a filter shows."""
        return [place for place, each in enumerate(self.found) if self._fits(each, show)]

    def _fits(self, each: Suspect, show: str) -> bool:
        if show == ALL:
            return True
        state = self.state(each.row)
        return each.is_suspected and not state if show == OPEN else state == show


def mask_of(row: ReviewRow) -> tuple[str, str]:
    """Returns by what a decision is kept: photo, and its label or else its predicted mask."""
    return row.photo, row.mask or row.predicted


@dataclass(frozen=True)
class Scored:
    """A review, as far as it is."""

    queues: Mapping[ListName, Queue]
    seen: int = 0
    """Photos that no network may judge, for each has seen the car, or may have."""
    failed: Sequence[ReviewRow] = ()
    """Photos that can't be read."""


def read_scored(folder: Path) -> Scored:
    """Returns the lists of a review that hold a photo; draws which decisions can't be read.

    Raises:
        DataError: The decisions can't be read.
    """
    try:
        stamp = RowFile(folder).path.stat()
    except OSError:
        return Scored({})
    store = VerdictStore(edits_folder())
    verdicts, bad = store.read()
    if bad:
        st.warning(
            f"Line {', '.join(map(str, bad[:5]))} of {code(str(store.path))} can't be read: these "
            "decisions don't count. Nothing was changed.",
            icon=":material/warning:",
        )
    edited = frozenset(path.parent.name for path in edits_folder().glob("*/accepted.json"))
    with waiting("Ordering the photos", f"order of {folder}"):
        lists, seen, failed = _read(str(folder), stamp.st_mtime_ns, stamp.st_size)
    queues = {name: Queue(found, verdicts, edited) for name, found in lists.items()}
    return Scored(queues, seen, failed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(
    folder: str, changed: int, size: int
) -> tuple[dict[ListName, list[Suspect]], int, list[ReviewRow]]:
    """Returns the lists of a review; `changed` and `size` change when its rows do."""
    rows = RowFile(Path(folder)).read()
    labelled = any(row.mask for row in rows)
    wanted = [name for name in TITLES if name != "uncertain" or not labelled]
    lists = {name: suspects(rows, name) for name in wanted}
    seen = sum(not row.network and not row.error for row in rows)
    failed = [row for row in rows if row.error]
    return {name: found for name, found in lists.items() if found}, seen, failed
