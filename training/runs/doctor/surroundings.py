"""Signs beside the loss: what the masks look like, the photos' way to the network, the machine.

Each sign is a function of a case that returns the evidence in words; "" where there is none.
"""

from __future__ import annotations

from collections.abc import Callable

from training.runs.doctor.case import Case

NOTHING, ALL, HALF = 0.01, 0.99, 0.5
"""Recall at which nothing, or all of a car is found, and precision at which most of it is wrong."""
STEPS = 100
"""Steps before which a mask may be all of one colour."""
WAITED = 0.25
"""Share of its time that a network waits for photos where their reading is slow."""
_EPOCHS, _LINES = 3, 10
"""Epochs, or where there is none yet lines of steps, whose waiting counts; the newest ones."""
_NAMES = 5
"""Names that are told."""


def all_black(case: Case) -> str:
    """Tells in which epochs no car was found."""
    return _of_last_two(case, lambda recall, _: recall <= NOTHING)


def all_white(case: Case) -> str:
    """Tells in which epochs nearly everything was called car."""
    return _of_last_two(case, lambda recall, precision: recall >= ALL and precision <= HALF)


def loader_is_slow(case: Case) -> str:
    """Tells how much of its time the network waits, and how fast it would be."""
    epochs, steps = case.curves.epochs, case.curves.steps
    table, count = (epochs, _EPOCHS) if len(epochs) else (steps, _LINES)
    if not {"waited", "images_per_second"} <= set(table.columns):
        return ""
    newest = table.dropna(subset=["waited"]).iloc[-count:]
    waited = float(newest["waited"].mean()) if len(newest) else 0.0
    if waited < WAITED or (table is steps and len(newest) < count):
        return ""
    pace = float(newest["images_per_second"].mean())
    return (
        f"The network waited {waited:.0%} of the time for its photos: {pace:.1f} images a second, "
        f"{pace / max(1 - waited, 0.01):.1f} without waiting."
    )


def split_leaks(case: Case) -> str:
    """Tells the split's verdict, where it is a leak."""
    verdict = case.summary.verdict
    return verdict.sentence() if verdict.kind == "leaky" else ""


def masks_are_odd(case: Case) -> str:
    """Tells what the trainer saw of the masks before it began."""
    parts = []
    for odd in case.masks.odd:
        more = len(odd.names) - _NAMES
        names = ", ".join(odd.names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        parts.append(f"{odd.title}: {names}")
    return f"Of {case.masks.looked_at} looked at, {'; '.join(parts)}." if parts else ""


def memory_is_short(case: Case) -> str:
    """Tells how a trainer ended that found too little memory, or that the system killed."""
    summary = case.summary
    if summary.status not in ("failed", "crashed") or summary.cause not in ("memory", "killed"):
        return ""
    if summary.cause == "memory":
        return f"A step did not fit, after {case.steps:,} of them."
    return f"The system killed the trainer after step {case.steps:,}."


def _of_last_two(case: Case, is_so: Callable[[float, float], bool]) -> str:
    """Tells recall and precision of the last two validations, where something is so of both."""
    epochs = case.curves.epochs
    if case.steps < STEPS or not {"val_recall", "val_precision"} <= set(epochs.columns):
        return ""
    known = epochs.dropna(subset=["val_recall", "val_precision"]).iloc[-2:]
    pairs = list(zip(known["val_recall"], known["val_precision"], strict=True))
    if len(pairs) < 2 or not all(is_so(*pair) for pair in pairs):
        return ""
    recall, precision = pairs[-1]
    first, last = known["epoch"]
    return (
        f"In epochs {first} and {last}: it found {recall:.1%} of the cars, and {precision:.1%} of "
        "what it called car is right."
    )
