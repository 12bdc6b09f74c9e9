"""The lines of a metrics.jsonl: which of them hold, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Required

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from core.files import parse_json

LARGEST = 2**53
"""Largest count; floats hold every whole number up to it."""
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Figure = float | None
"""NaN and infinity are figures: a loss may become so."""
Line = dict[str, Any]


class _Line(TypedDict, total=False):
    """What a line holds; further figures of any name may stand beside these."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]
    kind: str
    epoch: Count
    step: Required[Count]
    images: Count
    seconds: Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
    time: str | float
    """ISO 8601, or seconds since 1970."""
    loss: Figure
    learning_rate: Figure
    val: dict[str, Figure | dict[str, dict[str, Figure]]]


_LINES: TypeAdapter[Any] = TypeAdapter(list[_Line])
_LINE: TypeAdapter[Any] = TypeAdapter(_Line)


def parse_lines(data: bytes, broken: Callable[[str], None] = lambda why: None) -> list[Line]:
    """Returns the lines that hold: JSON objects with a step, counts in range, figures as numbers.

    Of a line in which only some values do not hold the others stay.

    Args:
        data: Whole lines.
        broken: Is called with the reason for each line of which something is left out.
    """
    texts = [text for text in data.split(b"\n") if text.strip()]
    try:  # at once: several times as fast as line by line
        lines: list[Line] = _LINES.validate_json(b"[" + b",".join(texts) + b"]")
        if len(lines) == len(texts):
            return lines
    except ValidationError:
        pass
    found = (_parsed(text, broken) for text in texts)
    return [line for line in found if line is not None]


def _parsed(text: bytes, broken: Callable[[str], None]) -> Line | None:
    try:
        values = parse_json(text)
    except ValueError as error:
        broken(str(error))
        return None
    try:
        line: Line = _LINE.validate_json(to_json(values))
        return line
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    broken(": ".join(map(str, (*found[0]["loc"][:2], found[0]["msg"]))))
    places = {_place(values, each["loc"]) for each in found}
    for place in places:
        if place in ((), ("step",)):
            return None
        if any(each[: len(place)] == place != each for each in places):
            continue  # it is something inside that does not hold
        holder = values
        for name in place[:-1]:
            holder = holder[name]
        del holder[place[-1]]
    rest: Line = _LINE.validate_json(to_json(values))
    return rest


def _place(values: Any, place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Returns a place as far as there is one in a line; its end may name a type."""
    for depth, name in enumerate(place):
        if not isinstance(values, dict) or name not in values:
            return place[:depth]
        values = values[name]
    return place
