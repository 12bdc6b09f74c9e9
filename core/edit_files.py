"""The files of one edit: read whole or refused, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from core.edit_facts import EditFacts
from core.errors import EditError, reason
from core.files import read_bytes_within, read_facts, write_bytes_atomically
from core.truth import Mask

FACTS = "edit.json"
_MOST_BYTES = 400_000_000


def facts_of(folder: Path) -> EditFacts:
    """Returns what the folder of an edit says of it; raises EditError."""
    found = read_facts(folder / FACTS, EditFacts)
    facts = found.facts
    if problem := found.error(FACTS):
        raise EditError(problem)
    if facts.edit != folder.name or facts.photo != folder.parent.name:
        raise EditError(f"{folder} holds no edit of this photo. Begin a new one.")
    if not (facts.height > 0 and facts.width > 0):
        raise EditError(f"{folder / FACTS} names no size. Begin a new edit.")
    return facts


def write_facts(folder: Path, facts: EditFacts) -> None:
    """Stores what is known of an edit; raises OSError."""
    write_bytes_atomically(folder / FACTS, facts.model_dump_json(indent=1).encode())


def read_png(path: Path, facts: EditFacts) -> Mask:
    """Returns a stored mask, bool (H, W); raises EditError where it is not whole."""
    try:
        with Image.open(BytesIO(read_bytes_within(path, _MOST_BYTES))) as picture:
            if picture.size != (facts.width, facts.height):
                size = f"{picture.size[0]} x {picture.size[1]}"
                raise EditError(f"{path.name} is {size} px, not {facts.width} x {facts.height}")
            return np.asarray(picture.convert("L")) > 127
    except (OSError, ValueError, SyntaxError) as error:
        raise EditError(f"{path.name} can't be read: {reason(error)}") from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a failure to write into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise EditError(
            f"{folder} can't be written ({reason(error)}). Make room, or allow writing there; what "
            "was stored before is safe."
        ) from error
