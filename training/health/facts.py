"""What one photo with its mask is like: sizes, the car's share, sharpness, fingerprints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from core.decode import decode
from core.edit_facts import photo_digest
from core.errors import CarmaskError, UnclearMaskError
from core.image import MAX_PIXELS, MIN_SIDE, read_photo
from core.mask_classes import palette_of
from core.modes import with_alpha
from core.names import printable
from core.silhouette import silhouette
from core.truth import Truth, border_share
from training.data.folder import Sample
from training.data.mask_source import CocoMask, InvertedMask, MaskFile, MaskSource

FACTS_VERSION = 5
"""Goes up when a fact is measured in another way; an index then measures all again."""
PICTURE_SIDE = 48
"""Side of the small grey picture that near duplicates are compared by, in px."""
MAX_VALUES = 256
"""Where counting the distinct values of a mask ends."""
_SMALLEST_PART = 0.0001
"""Of the mask's pixels; what is smaller is a speck, not a part. A quarter of the Carvana masks
have such specks, up to 21 in one; none of them has four parts."""
_FEWEST = 3  # values of a mask that are two levels and a void
_LEAST_PIXELS = 4  # of a part, in masks so small that the share says nothing
_SHARPNESS_SIDE = 512  # px
_NO_PHOTO: dict[str, Any] = {"width": 0, "height": 0, "orientation": 1, "digest": "", "phash": 0}
_NO_PHOTO |= {"brightness": math.nan, "sharpness": math.nan}
_NO_MASK: dict[str, Any] = {"mask_width": 0, "mask_height": 0, "share": math.nan, "parts": 0}
_NO_MASK |= {"largest_part": math.nan, "touches": "", "mask_values": 0}
_NO_MASK |= {"border": math.nan, "ignored": math.nan, "car_value": ""}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Everything about one pair that costs reading it."""

    width: int
    """Of the upright photo, in px; 0 if it can't be read."""
    height: int
    mask_width: int
    """Of the upright mask, in px; 0 if it can't be read."""
    mask_height: int
    orientation: int
    """The photo's EXIF orientation, 1..8; 1 is upright."""
    share: float
    """Car pixels of all the mask's pixels, 0..1; nan if the mask can't be read."""
    parts: int
    """8-connected parts of the mask that cover at least 0.01% of it and 4 px."""
    largest_part: float
    """Share of the car's pixels that lie in its largest part, 0..1; nan without a car."""
    touches: str
    """Borders that the car touches: those of "tblr" (top, bottom, left, right) that it does."""
    mask_values: int
    """Distinct values in the mask's file, at most 256; a clean one has one or two."""
    brightness: float
    """Mean luma (BT.601) of the photo, 0..255; nan if it can't be read."""
    sharpness: float
    """Variance of the Laplacian of its luma, the photo's longest side reduced to 512 px."""
    digest: str
    """Of the photo; see `core.edit_facts.photo_digest`; exact copies have one."""
    phash: int
    """Perceptual hash of the photo, 64 bits; few bits differ between copies of one picture."""
    error: str = ""
    """Why photo or mask can't be read; empty if both can."""
    unclear: str = ""
    """What the mask holds where it can't be told which part is the car; `error` is set, too."""
    border: float = math.nan
    """Share of the pixels on the mask's border, inside of an empty frame, that are car, 0..1; nan
    if it can't be read."""
    ignored: float = math.nan
    """Share of the mask's pixels that nobody judges, 0..1; nan if it can't be read."""
    car_value: str = ""
    """Grey value of the car in the mask's file, such as "255" or "1"; "" where it has no single
    one."""

    @classmethod
    def unreadable(cls, error: str) -> ImageFacts:
        """Returns what is known of a pair that can't be read at all."""
        return cls(**_NO_PHOTO, **_NO_MASK, error=error)


def measure(sample: Sample) -> ImageFacts:
    """Returns the facts of one pair; a photo or mask that can't be read is a fact too."""
    return measure_with_picture(sample)[0]


def measure_with_picture(sample: Sample) -> tuple[ImageFacts, bytes]:
    """Returns the facts of one pair, and its photo as a small grey picture.

    Returns:
        The facts, and PICTURE_SIDE x PICTURE_SIDE bytes of luma, row by row; none if the photo
        can't be read.
    """
    errors = []
    photo, mask, picture = _NO_PHOTO, _NO_MASK, b""
    try:
        read = read_photo(sample.image_path)
        photo, picture = _of_photo(read.pixels, read.orientation)
    except CarmaskError as error:
        errors.append(f"photo: {error}")
    try:
        size, values, car_value = _of_file(sample.mask, (photo["height"], photo["width"]))
        mask = _of_mask(sample.mask.read_truth(size), values) | {"car_value": car_value}
    except CarmaskError as error:
        errors.append(f"mask: {error}")
        if isinstance(error, UnclearMaskError):
            mask = mask | {"unclear": error.found}
    return ImageFacts(**photo, **mask, error=printable(" ".join(errors))), picture


def measure_photo(image: NDArray[np.uint8]) -> tuple[ImageFacts, bytes]:
    """Returns the facts of a photo (H, W, 3) without a mask, and it as a small grey picture."""
    photo, picture = _of_photo(image, 1)
    return ImageFacts(**photo, **_NO_MASK), picture


def perceptual_hash(luma: NDArray[np.uint8]) -> int:
    """Returns 64 bits that say how a picture's coarse waves stand to their median.

    Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010),
    3.2.1: the DCT of 32 x 32 px, without the first row and column of its coefficients.

    Args:
        luma: The picture, uint8 (H, W).
    """
    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64)
    waves = dctn(small, norm="ortho")[1:9, 1:9].ravel()
    bits = np.packbits(waves > np.median(waves))
    return int.from_bytes(bits.tobytes(), "big")


def _of_photo(image: NDArray[np.uint8], orientation: int) -> tuple[dict[str, Any], bytes]:
    height, width = image.shape[:2]
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    side = (PICTURE_SIDE, PICTURE_SIDE)
    facts = {
        "width": width,
        "height": height,
        "orientation": orientation,
        "digest": photo_digest(image),
        "phash": perceptual_hash(luma),
        "brightness": float(luma.mean()),
        "sharpness": _sharpness(luma),
    }
    return facts, cv2.resize(luma, side, interpolation=cv2.INTER_AREA).tobytes()


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Returns the variance of the Laplacian.

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy (2000).
    """
    scale = _SHARPNESS_SIDE / max(luma.shape)
    if scale < 1:
        size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    return float(cv2.Laplacian(luma, cv2.CV_32F).var())


def _of_mask(truth: Truth, values: int) -> dict[str, Any]:
    mask = truth.car
    height, width = mask.shape
    areas = _part_areas(mask)
    pixels = int(areas.sum())
    edges = {"t": mask[0], "b": mask[-1], "l": mask[:, 0], "r": mask[:, -1]}
    return {
        "mask_width": width,
        "mask_height": height,
        "mask_values": values,
        "share": pixels / mask.size,
        "parts": int((areas >= max(_LEAST_PIXELS, _SMALLEST_PART * mask.size)).sum()),
        "largest_part": float(areas.max() / pixels) if pixels else math.nan,
        "touches": "".join(side for side, line in edges.items() if line.any()),
        "border": border_share(mask),
        "ignored": 0.0 if truth.ignored is None else float(truth.ignored.mean()),
    }


def _part_areas(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Returns the pixels of each 8-connected part of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(0, np.intp)
    # Only the rectangle around the car: labelling is the dearest step of all.
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    stats = cv2.connectedComponentsWithStats(inner, connectivity=8)[2]
    return np.asarray(stats[1:, cv2.CC_STAT_AREA], np.intp)


def _of_file(mask: MaskSource, photo: tuple[int, int]) -> tuple[tuple[int, int], int, str]:
    """Returns the upright (height, width) that a mask was made at, its values and the car's value.

    Values are looked at where a file is nothing but the mask: of its alpha where that varies.
    """
    if isinstance(mask, InvertedMask):
        return _of_file(mask.drawn, photo)
    if isinstance(mask, CocoMask):
        return (mask.height, mask.width) if mask.height else photo, 2, ""
    decoded = decode(mask.path, mask.path.name, max_pixels=MAX_PIXELS, min_side=MIN_SIDE)
    picture = decoded.picture
    size = picture.size if decoded.orientation > 4 else picture.size[::-1]
    if not isinstance(mask, MaskFile):
        return size, 2, ""
    rgba = with_alpha(picture)
    alpha = None if rgba is None else rgba.getchannel("A")
    varies = alpha is not None and _distinct(alpha) > 1
    if alpha is not None and varies:
        return size, _distinct(alpha), ""
    values = _distinct(picture)
    return size, values, _car_value(picture) if values <= _FEWEST else ""


def _car_value(picture: Image.Image) -> str:
    """Returns the car's grey value in a picture of two values, or of three with a void."""
    car = silhouette(picture, "").car
    if picture.mode not in ("1", "L", "P", "I;16") or not car.any() or car.all():
        return ""
    place = np.unravel_index(int(car.argmax()), car.shape)
    value = int(np.asarray(picture)[place])
    if picture.mode == "P":
        return str(palette_of(picture)[value].max() or value)
    return str(255 * value if picture.mode == "1" else value)


def _distinct(picture: Image.Image) -> int:
    if picture.mode[0] in "IF":
        return min(MAX_VALUES, len(np.unique(np.asarray(picture))))
    colours = picture.getcolors(MAX_VALUES)
    return MAX_VALUES if colours is None else len(colours)
