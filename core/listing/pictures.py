"""Pictures of one's own in a recipe: a file, or the picture itself as a data: URL."""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, ImageError, reason
from core.files import read_bytes_within
from core.image import encode_jpeg, read_image, thumbnail
from core.listing.steps import Step
from core.public import is_public

LONGEST = 4000
"""Longest side in px at which a picture is used."""
LARGEST = 40_000_000
"""Bytes of a picture's file."""
_DATA = "data:"
_LONGEST_SHARED = 2560  # px; a recipe that is shared must stay small
_QUALITY = 90


def data_url(image: NDArray[np.uint8]) -> str:
    """Returns a picture (H, W, 3) as a JPEG in a data: URL, its longest side at most 2560 px."""
    jpeg = encode_jpeg(thumbnail(image, _LONGEST_SHARED), _QUALITY)
    return f"{_DATA}image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def located(step: Step, folder: Path | None) -> Step:
    """Returns a step whose picture, if it names a file, is found from any folder.

    Raises:
        ConfigError: It names a file, and there is no folder in which files may be read.
    """
    name = getattr(step, "picture", "")
    if not name or name.startswith(_DATA):
        return step
    if folder is None:
        raise ConfigError(
            f"{step.step} names the file {name!r}, which is not in the recipe. Load the picture "
            "here, or save the recipe anew where the file is: then the picture is in it."
        )
    return step.model_copy(update={"picture": str(folder / name)})


def embedded(step: Step) -> Step:
    """Returns a step whose picture is in it, for a recipe that is one file.

    Raises:
        ImageError: The picture can't be read.
    """
    name = getattr(step, "picture", "")
    if not name or name.startswith(_DATA):
        return step
    return step.model_copy(update={"picture": _shared(name, picture_digest(name))})


def read_picture(name: str) -> NDArray[np.uint8]:
    """Returns a recipe's picture, uint8 (H, W, 3), its longest side at most 4000 px; read only.

    Raises:
        ImageError: It can't be read.
    """
    return _decoded(name, picture_digest(name))


def picture_digest(name: str) -> str:
    """Returns a digest of a picture's content; "" where it can't be read."""
    try:
        return hashlib.sha256(_bytes_of(name)).hexdigest()
    except ImageError:
        return ""


@lru_cache(maxsize=4)
def _shared(name: str, digest: str) -> str:
    return data_url(read_picture(name))


@lru_cache(maxsize=4)
def _decoded(name: str, digest: str) -> NDArray[np.uint8]:
    title = "The recipe's picture" if name.startswith(_DATA) else f"The picture {Path(name).name}"
    image = thumbnail(read_image(_bytes_of(name), name=title), LONGEST)
    image.flags.writeable = False
    return image


def _bytes_of(name: str) -> bytes:
    if name.startswith(_DATA):
        head, _, text = name.partition(",")
        try:
            if not head.endswith(";base64"):
                raise ValueError("it is not in base64")
            return base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ImageError(f"The recipe's picture can't be read: {reason(error)}.") from error
    if is_public():
        raise ImageError(
            "A public server opens no picture by its path; bring the picture itself to the recipe."
        )
    try:
        return read_bytes_within(Path(name), LARGEST)
    except OSError as error:
        raise ImageError(
            f"The picture {name} can't be read: {reason(error)}. Choose another one."
        ) from error
