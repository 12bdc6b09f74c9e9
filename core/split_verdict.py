"""The verdict on a split: whether scores are of cars that the network was never trained on.

It is a value that files store. `SplitVerdict.sentence` writes it out, `SplitVerdict.label` is its
badge, and `read_verdict` is the one reader, also of files that held a sentence instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Kind = Literal["clean", "unknown", "leaky"]
By = Literal["", "car", "random"]


@dataclass(frozen=True)
class SplitVerdict:
    """Whether the cars that scores are of were trained on."""

    kind: Kind
    """"clean": none was; "leaky": some were; "unknown": there is no record of all training cars,
    and none of those on record is among them."""
    shared: int = 0
    """Validation cars that were trained on."""
    total: int = 0
    """Validation cars; 0 where that is not known."""
    by: By = ""
    """What was divided: "car", or "random" for single photos; "" where that is not known."""
    before: int = 0
    """How many of `shared` only earlier runs were trained on: the run's start, or its starts."""

    @property
    def is_clean(self) -> bool:
        """Whether scores can be taken as they are."""
        return self.kind == "clean"

    @property
    def label(self) -> str:
        """The badge's text, short enough for a table: "LEAKY", "UNKNOWN", "By car"."""
        if self.kind != "clean":
            return self.kind.upper()
        return {"car": "By car", "random": "At random", "": "Clean"}[self.by]

    def sentence(self) -> str:
        """Returns it in words, without a full stop."""
        if self.kind == "leaky":
            start = f", {self.before} of them before this run" if self.before else ""
            counts = f"{self.shared} of {self.total}" if self.total else "some"
            return f"LEAKY: {counts} validation cars were trained on{start}"
        if self.kind == "unknown":
            return "UNKNOWN: there is no record of all the cars that were trained on"
        how = {"car": "by car: ", "random": "at random: ", "": ""}[self.by]
        return f"{how}{self.total} validation cars, none of them in train"

    def to_json(self) -> dict[str, Any]:
        """Returns it as files store it."""
        return asdict(self)


UNKNOWN = SplitVerdict("unknown")
"""The verdict where there is no record at all."""


def distrust(verdict: SplitVerdict) -> int:
    """Returns 0 for a clean verdict, 1 for an unknown one and 2 for a leaky one."""
    return get_args(Kind).index(verdict.kind)


def worst(verdicts: Iterable[SplitVerdict]) -> SplitVerdict:
    """Returns the verdict that counts for all together: leaky before unknown before clean.

    Of equal ones the first; `UNKNOWN` where there is none.
    """
    return max(verdicts, key=distrust, default=UNKNOWN)


def read_verdict(stored: object) -> SplitVerdict:
    """Returns the verdict that a file holds; `UNKNOWN` where it holds none that makes sense.

    Args:
        stored: What `SplitVerdict.to_json` returned, or the sentence of a file from before that:
            of an ensemble, several of them, parted by "; ".
    """
    if isinstance(stored, str):
        return worst(_from_sentence(each) for each in stored.split("; "))
    if not isinstance(stored, dict) or str(stored.get("kind")) not in get_args(Kind):
        return UNKNOWN
    by: By = stored["by"] if stored.get("by") in get_args(By) else ""
    counts = {name: _count(stored.get(name)) for name in ("shared", "total", "before")}
    return SplitVerdict(stored["kind"], by=by, **counts)


def _from_sentence(sentence: str) -> SplitVerdict:
    """Returns the verdict of a sentence that was stored before verdicts were values."""
    counts = r"(?:LEAKY: )?(\d+) of (\d+) (?:validation )?cars (were trained on by)?"
    found = re.match(counts, sentence)
    if found:
        shared = int(found[1])
        return SplitVerdict("leaky", shared, int(found[2]), before=shared if found[3] else 0)
    if sentence.startswith("LEAKY"):
        return SplitVerdict("leaky")
    found = re.match(r"(by car|at random)(?:: (\d+) validation cars)?", sentence)
    if found:
        by: By = "car" if found[1] == "by car" else "random"
        return SplitVerdict("clean", total=int(found[2] or 0), by=by)
    return UNKNOWN


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
