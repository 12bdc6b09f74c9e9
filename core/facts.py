"""What the facts in a checkpoint's header may be: types and ranges, checked where they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, GetPydanticSchema, ValidationError
from typing_extensions import TypedDict

from core.metric_table import METRICS

Count = Annotated[int, Field(ge=0, le=2**53)]
"""How many; every number up to the limit is exact in a browser, too."""
GridSize = Annotated[int, Field(ge=32, le=4096)]
"""As `core.preprocess.Preprocessing.size`, in px."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, or a score of which 1 is perfect."""
Text = Annotated[str, Field(max_length=1000)]
"""A name or a sentence."""
_Distance = Annotated[float, Field(ge=0)]
"""In px."""

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
"""No value is turned into one of another type."""
_OPEN = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)
"""As `STRICT`, but a newer version may tell more."""


def _scores(name: str, more: Mapping[str, Any]) -> Any:
    """Returns the shape of scores: a TypedDict with a field a metric, and more."""
    typed_dict: Any = TypedDict  # a type checker wants the fields written out
    metrics = {metric.name: _Distance if metric.unit else Share for metric in METRICS}
    counts = {"images": Count, "cars": Count, "pooled_dice": Share, "pooled_iou": Share}
    shape = typed_dict(name, {**counts, **metrics, **more}, total=False)
    shape.__pydantic_config__ = _OPEN
    return shape


_SourceScores = _scores("_SourceScores", {})
_Scores = _scores("_Scores", {"sources": GenericAlias(dict, (str, _SourceScores))})


class _DataFacts(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]
    fingerprint: Text
    layout: Text
    images: Count
    cars: Count


class _Verdict(TypedDict):
    __pydantic_config__ = _OPEN  # type: ignore[misc]
    kind: Literal["clean", "unknown", "leaky"]
    shared: NotRequired[Count]
    total: NotRequired[Count]
    by: NotRequired[Literal["", "car", "random"]]
    before: NotRequired[Count]


class _SplitFacts(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]
    fingerprint: Text
    verdict: Text | _Verdict
    unknown: Text
    train_images: Count
    val_images: Count


class _CodeFacts(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]
    fingerprint: Text
    versions: dict[str, Text | None]


class _Origin(TypedDict, total=False):
    __pydantic_config__ = _OPEN  # type: ignore[misc]
    program: Text
    file: Text
    part: Text
    sha256: Text
    classes: Count


def _shaped(shape: Any) -> GetPydanticSchema:
    """Returns what makes a plain dictionary be checked against a shape."""
    return GetPydanticSchema(lambda _, handler: handler(shape))


Scores = Annotated[dict[str, Any], _shaped(_Scores)]
DataFacts = Annotated[dict[str, Any], _shaped(dict[str, _DataFacts | None])]
SplitFacts = Annotated[dict[str, Any], _shaped(_SplitFacts)]
CodeFacts = Annotated[dict[str, Any], _shaped(_CodeFacts)]
Origin = Annotated[dict[str, Any], _shaped(_Origin)]


def first_fault(error: ValidationError) -> str:
    """Returns where the first wrong value stands, what is needed there, and what was found.

    Texts from the file are not repeated, but for the names of its fields.
    """
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(f"{step!s:.100}" for step in fault["loc"]) or "they"
    return f"{place}: {fault['msg']}, found is {_kind(fault['input'])}"


def _kind(value: Any) -> str:
    """Returns what a value of JSON is: numbers as they are, everything else by its type."""
    kinds = {str: "a text", list: "a list", dict: "an object"}
    found = next((name for kind, name in kinds.items() if isinstance(value, kind)), "")
    return found or f"{json.dumps(value):.20}"
