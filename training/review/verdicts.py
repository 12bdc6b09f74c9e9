"""What a person decided about labels and predictions, kept by the mask's digest.

The file is appended to, a line a decision, and never rewritten: the last line of a mask counts, and
a mask that changes is a new question.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from core.errors import DataError, reason
from core.facts import STRICT
from core.files import append_line

NAME = "verdicts.jsonl"
"""In the folder of edits."""

Decision = Literal["label wrong", "network wrong", "unclear", "accepted", "rejected", ""]
"""About a label: it is wrong, or the network is. About the prediction of a photo without a label:
accepted or rejected. "" takes the decision back."""
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class Verdict:
    """A decision about one mask of one photo."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    photo: _Digest
    """See `core.edit_facts.photo_digest`."""
    mask: _Digest
    """See `core.edit_facts.mask_digest`: of the label, or of the prediction."""
    decision: Decision
    name: str = ""
    """What the photo was called."""
    network: str = ""
    """Fingerprint of the network that contradicted the label, or predicted the mask."""
    when: str = ""
    """UTC, ISO 8601."""


_VERDICT = TypeAdapter(Verdict)


class VerdictStore:
    """The decisions in one file; it need not exist before the first one."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder that the file lies in; nothing is read or written."""
        self.path = folder / NAME

    def read(self) -> tuple[dict[tuple[str, str], Verdict], list[int]]:
        """Returns the decisions that count, by the digests of photo and mask, and the bad lines.

        Returns:
            The decisions, and the numbers of the lines (from 1) that can't be read; these stay.

        Raises:
            DataError: The file is there and can't be read.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return {}, []
        except OSError as error:
            raise DataError(f"{self.path} can't be read ({reason(error)}).") from error
        found: dict[tuple[str, str], Verdict] = {}
        bad = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                verdict = _VERDICT.validate_json(line)
            except ValidationError:
                bad.append(number)
                continue
            found[verdict.photo, verdict.mask] = verdict
        return {key: verdict for key, verdict in found.items() if verdict.decision}, bad

    def add(
        self, photo: str, mask: str, decision: Decision, *, name: str = "", network: str = ""
    ) -> None:
        """Adds a decision, which is on the disk when this returns.

        Raises:
            DataError: It can't be written.
        """
        when = datetime.now(UTC).isoformat(timespec="seconds")
        verdict = Verdict(photo, mask, decision, name, network, when)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            append_line(self.path, to_json(_VERDICT.dump_python(verdict)))
        except OSError as error:
            raise DataError(
                f"The decision can't be stored in {self.path} ({reason(error)}). Make room or "
                "give yourself the right to write there, then decide again."
            ) from error
