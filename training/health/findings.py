"""What can be wrong with single photos and masks of a data folder: one rule each, in a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from core.names import counted
from core.truth import MOST_OF_BORDER
from training.data.folder import Dataset, Sample
from training.data.mask_source import is_guessed
from training.health.facts import MAX_VALUES, ImageFacts

Severity: TypeAlias = Literal["error", "warning", "note"]
Pairs: TypeAlias = Sequence[tuple[Sample, ImageFacts]]

MANY_PARTS = 4
"""From so many parts on, a mask is in many parts: a pole and a person before a car leave three."""
FULL_SHARE = 0.999
"""From this share on, a mask is full."""
OUTLIER_DEVIATIONS = 5.0
"""How far from the folder's median a share is an outlier; see `_outliers`."""
OUTLIER_LEAST = 12
"""Masks that a folder needs before one of them can be an outlier."""
ONE_CAR_LEAST = 24
"""Photos that a folder needs before most of them being of one car is odd."""
_LEAST_SPREAD = 0.1  # of logit shares; masks that are all alike don't make each other outliers


STOPPING = frozenset({"unreadable", "unclear_mask", "size_mismatch"})
"""Kinds of findings at whose first photo a training stops."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault, with all places where it was found."""

    kind: str
    severity: Severity
    """"error" would spoil a training, "warning" may, "note" is for a look."""
    title: str
    """How many of what."""
    names: tuple[str, ...]
    """Photos by their names; files where there is no photo."""
    advice: str
    """What it means and what to do."""
    details: tuple[str, ...] = ()
    """What was found for each name; empty if the title says it all."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Of duplicates: the photos that show the same picture."""
    source: str = ""
    """Name of the data folder; "" where it concerns several."""


@dataclass(frozen=True)
class _Rule:
    """A fault that is seen from the facts of a single pair."""

    kind: str
    severity: Severity
    one: str
    many: str
    advice: str
    seen: Callable[[ImageFacts], str]
    """What is wrong with a pair; "" if nothing is."""


_RULES = (
    _Rule(
        "unreadable",
        "error",
        "photo or mask can't be read",
        "photos or masks can't be read",
        "A training stops at the first of them. Copy the files again or take the pairs out.",
        lambda facts: "" if facts.unclear and facts.width else facts.error,
    ),
    _Rule(
        "unclear_mask",
        "error",
        "mask does not say which part is the car",
        "masks do not say which part is the car",
        "A training stops at the first of them. Where these are numbers or colours of classes, "
        "name the car's (--class VALUE, once for each, or all; Settings on the Dataset page). "
        "Else save the masks with two values, 0 beside the car and 255 on it.",
        lambda facts: f"it holds {facts.unclear}" if facts.unclear else "",
    ),
    _Rule(
        "size_mismatch",
        "error",
        "mask has another size than its photo",
        "masks have another size than their photos",
        "A training stops at the first of them. Save each mask at its upright photo's size.",
        lambda facts: _sizes(facts),
    ),
    _Rule(
        "full_mask",
        "error",
        "mask is full: all of it is car",
        "masks are full: all of them is car",
        "The network would learn that everything is car. Draw these masks again.",
        lambda facts: f"{facts.share:.1%} is car" if facts.share >= FULL_SHARE else "",
    ),
    _Rule(
        "empty_mask",
        "error",
        "mask is empty: it shows no car",
        "masks are empty: they show no car",
        "The network would learn to leave these cars out. Draw the masks again; where the photo "
        "really shows no car, an empty mask is right.",
        lambda facts: "no pixel is car" if facts.share == 0 else "",
    ),
    _Rule(
        "mask_values",
        "warning",
        "mask has more than two values",
        "masks have more than two values",
        "What is brighter than half counts as car, so soft or blurred edges may be off by pixels. "
        "Save masks as PNG or GIF with 0 and 255 alone; JPEG never keeps two values.",
        lambda facts: _values(facts),
    ),
    _Rule(
        "many_parts",
        "warning",
        f"mask is in {MANY_PARTS} parts or more",
        f"masks are in {MANY_PARTS} parts or more",
        "Specks and pieces are mostly slips of the tool that drew the mask. Look at them.",
        lambda facts: f"{facts.parts} parts" if facts.parts >= MANY_PARTS else "",
    ),
    _Rule(
        "turned",
        "warning",
        "photo is stored turned (EXIF)",
        "photos are stored turned (EXIF)",
        "Carmask turns them upright; other programs may not. Check that their masks are upright, "
        "or save the photos upright.",
        lambda facts: f"EXIF orientation {facts.orientation}" if facts.orientation != 1 else "",
    ),
)


def findings_of(dataset: Dataset, pairs: Pairs) -> list[Finding]:
    """Returns what is wrong with the listing, the photos and the masks of one data folder.

    Args:
        dataset: The data folder.
        pairs: Its samples with their facts; those that were not measured are left out.
    """
    found = _of_listing(dataset) + _one_car(dataset)
    for rule in _RULES:
        seen = [(sample.name, rule.seen(facts)) for sample, facts in pairs]
        places = [(name, detail) for name, detail in seen if detail]
        if places:
            found.append(_made(rule, places, dataset, len(pairs)))
    found += _inverted(dataset, pairs)
    found += _other_values(dataset, pairs)
    found += _taken_as_ignored(dataset, pairs)
    found += _outliers(dataset, pairs)
    return found


def _made(rule: _Rule, places: Sequence[tuple[str, str]], dataset: Dataset, of: int) -> Finding:
    severity, advice = rule.severity, rule.advice
    if rule.kind == "empty_mask":
        severity, advice = _empty_masks(dataset, every=len(places) == of) or (severity, advice)
    names, details = zip(*places, strict=True)
    title = counted(len(places), rule.one, rule.many)
    return Finding(rule.kind, severity, title, names, advice, details=details, source=dataset.name)


def _empty_masks(dataset: Dataset, *, every: bool) -> tuple[Severity, str] | None:
    """Returns how bad empty masks are, and the advice, where photos without a car are usual."""
    if dataset.layout == "augmented":
        return "warning", "They show no car, which is right where the source shows none."
    if not dataset.classes:
        return None  # masks were made for a car
    taken = f"What counts as the car is the class {' and '.join(dataset.classes)}."
    if not every:
        return "warning", f"{taken} Where a photo really shows none, an empty mask is right."
    advice = f"{taken} No mask has it, so another class may be the car: choose it (--class)."
    if dataset.layout == "voc":
        advice += " Black and white masks belong into the folders images and masks."
    return "error", advice


def _of_listing(dataset: Dataset) -> list[Finding]:
    found = []
    if not dataset.samples:
        title = "There is no photo with a mask"
        advice = "Nothing can be trained on this folder. Give each photo a mask of its name."
        found.append(Finding("no_pairs", "error", title, (), advice, source=dataset.name))
    listed: tuple[tuple[str, tuple[str, ...], str, str, str], ...] = (
        (
            "without_mask",
            dataset.without_mask,
            "photo without a mask",
            "photos without a mask",
            "They are left out. Make their masks, or take them out of the folder.",
        ),
        (
            "without_photo",
            dataset.without_photo,
            "mask without a photo",
            "masks without a photo",
            "They are left out. Add their photos, or correct the masks' names.",
        ),
        (
            "doubled",
            dataset.doubled,
            "doubled file",
            "doubled files",
            "Each has the name of another photo or mask but for its suffix, or is a copy of one "
            "byte for byte, and is left out. Keep the right one of the two, or rename one.",
        ),
    )
    for kind, names, one, many, advice in listed:
        if names:
            title = counted(len(names), one, many)
            found.append(Finding(kind, "warning", title, names, advice, source=dataset.name))
    return found + [
        Finding(
            each.kind,
            "note",
            each.title,
            each.names,
            each.advice,
            details=each.details,
            source=dataset.name,
        )
        for each in dataset.remarks
    ]


def _one_car(dataset: Dataset) -> list[Finding]:
    """Returns that most photos count as one car, which a split by car can't divide, if they do."""
    count = len(dataset.samples)
    sizes = Counter(sample.car for sample in dataset.samples)
    car, size = next(iter(sizes.most_common(1)), ("", 0))
    if count < ONE_CAR_LEAST or 2 * size <= count:
        return []
    return [
        Finding(
            "one_car",
            "warning",
            f"{size:,} of {count:,} photos count as one car",
            tuple(sample.name for sample in dataset.samples if sample.car == car),
            "A split by car never divides them, so one side gets nearly all. Where they show "
            "different cars, say what part of a name is the car (--car-rule), or give a table "
            "(--cars).",
            source=dataset.name,
        )
    ]


def _inverted(dataset: Dataset, pairs: Pairs) -> list[Finding]:
    """Returns the masks that seem to be the wrong way round: most of their border is car."""
    drawn = [(s.name, f.border) for s, f in pairs if 0 < f.share < FULL_SHARE]
    odd = [(name, border) for name, border in drawn if border > MOST_OF_BORDER]
    places = [(name, f"{border:.0%} of the border is car") for name, border in odd]
    if not places:
        return []
    title = counted(len(places), "mask seems", "masks seem") + " to be inverted"
    advice = (
        "A car seldom reaches along most of the picture's border, what is around it does. Invert "
        "these masks; where a car does fill its photo, they are right."
    )
    severity: Severity = "warning"
    if 2 * len(places) > len(drawn):
        severity = "error"
        title = f"Most masks seem to be inverted: {len(places):,} of {len(drawn):,}"
        advice = (
            "The network would learn that all but the car is car. Where that is so, say it "
            f"(--inverted-masks {dataset.name}, or Inverted masks in the Dataset page's settings); "
            "where cars fill their photos, the masks are right."
        )
    names, details = zip(*places, strict=True)
    return [Finding("inverted", severity, title, names, advice, details, source=dataset.name)]


def _other_values(dataset: Dataset, pairs: Pairs) -> list[Finding]:
    """Returns the masks whose car has another value than in most, so that one may be wrong.

    1 and 255 are the same, except beside masks in which 255 is ignored.
    """
    void = any(facts.ignored > 0 for _, facts in pairs)
    known = [(sample.name, facts.car_value) for sample, facts in pairs if facts.car_value]
    values = [value if void or value != "1" else "255" for _, value in known]
    (usual, _), *others = Counter(values).most_common() or [("", 0)]
    if not others:
        return []
    odd = [name for (name, _), value in zip(known, values, strict=True) if value != usual]
    details = tuple(f"its car is {value}" for value in values if value != usual)
    return [
        Finding(
            "other_values",
            "warning",
            counted(len(odd), "mask has", "masks have") + " another value for the car than most",
            tuple(odd),
            f"In most masks the car is {usual}. Where these values are classes, or where 255 is "
            "what nobody judges, say which is the car (--class).",
            details=details,
            source=dataset.name,
        )
    ]


def _taken_as_ignored(dataset: Dataset, pairs: Pairs) -> list[Finding]:
    """Returns the masks whose third value was taken for what nobody judges, by no word of a person.

    Where classes are named, or a folder says what its values mean, nothing was guessed.
    """
    places = [
        (sample.name, f"{facts.ignored:.1%} is ignored")
        for sample, facts in pairs
        if facts.ignored > 0 and is_guessed(sample.mask)
    ]
    if not places:
        return []
    names, details = zip(*places, strict=True)
    return [
        Finding(
            "taken_as_ignored",
            "note",
            counted(len(places), "mask holds", "masks hold") + " 255 beside 0 and 1",
            names,
            "1 was taken as the car and 255 as ignored: no loss and no metric looks there. Where "
            "255 is part of the car, name both values (--class 1 --class 255).",
            details=details,
            source=dataset.name,
        )
    ]


def _outliers(dataset: Dataset, pairs: Pairs) -> list[Finding]:
    """Returns the masks whose share is far from that of the folder's other masks.

    Far is more than 5 robust standard deviations of the logit of the share from its median; one is
    1.4826 times the median absolute deviation, at least 0.1. Empty and full masks are no part of
    it, and fewer than 12 masks have no outliers.
    """
    inner = [(s.name, f.share) for s, f in pairs if 0 < f.share < FULL_SHARE]
    if len(inner) < OUTLIER_LEAST:
        return []
    shares = np.array([share for _, share in inner])
    logits = np.log(shares / (1 - shares))
    centre = np.median(logits)
    spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(np.abs(logits - centre))))
    far = np.flatnonzero(np.abs(logits - centre) > OUTLIER_DEVIATIONS * spread)
    if not len(far):
        return []
    usual = f"{1 / (1 + math.exp(-centre)):.1%}"
    return [
        Finding(
            "area_outlier",
            "warning",
            counted(len(far), "mask shows", "masks show")
            + " a car far smaller or larger than is usual here",
            tuple(inner[place][0] for place in far),
            f"Half of this folder's cars take less than {usual} of the picture, half more. Look "
            "whether these masks are of the right photo and whole.",
            details=tuple(f"{inner[place][1]:.1%} is car" for place in far),
            source=dataset.name,
        )
    ]


def _sizes(facts: ImageFacts) -> str:
    photo, mask = (facts.width, facts.height), (facts.mask_width, facts.mask_height)
    if photo == mask or 0 in photo + mask:
        return ""
    return f"photo {photo[0]} x {photo[1]} px, mask {mask[0]} x {mask[1]} px"


def _values(facts: ImageFacts) -> str:
    if facts.mask_values <= 2 + (facts.ignored > 0):
        return ""
    more = " or more" if facts.mask_values >= MAX_VALUES else ""
    return f"{facts.mask_values}{more} values"
