"""Photos from a file to an array and back: one reader, one set of limits, upright RGB out."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.colour import to_srgb
from core.decode import decode
from core.errors import ImageError, MaskError
from core.modes import rgb_stripes
from core.own_results import jpeg_mark, png_mark
from core.silhouette import silhouette
from core.truth import Mask, Truth

MAX_PIXELS = 160_000_000
"""Largest photo, in pixels."""
MIN_SIDE = 16
"""Shortest side of a photo, in px."""

Pixels: TypeAlias = npt.NDArray[np.uint8]
MaskRule: TypeAlias = Callable[[Image.Image, str], Truth]
"""Returns the mask (H, W) that a decoded picture draws; the text is how messages call it."""


@dataclass(frozen=True)
class ReadPhoto:
    """A photo's pixels, and what should be known of how they were read."""

    pixels: Pixels
    """Upright RGB, uint8 (H, W, 3), sRGB."""
    orientation: int
    """The file's EXIF orientation, 1..8; 1 is upright."""
    note: str = ""
    """What was guessed or left aside, in whole sentences; "" for most photos."""


def read_image(
    source: Path | bytes,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    min_side: int = MIN_SIDE,
) -> Pixels:
    """Return a photo as upright RGB, uint8 (H, W, 3), whatever its format and mode.

    Transparent pixels are laid over white: the colour stored beneath them is arbitrary (often
    black, which would swallow tyres and shadow), and white is what a shop's cut-out is shown on.
    Values of 16 bits are scaled to 0..255, never clipped; 32 bit and float pictures by the
    smallest of 1 (float only), 255, 65535 and their own largest value that holds them. Of a file
    with several pictures the first is read. Colours are converted to sRGB from the colour space
    that the file names; see `core.colour.to_srgb`.

    Args:
        source: A file, or the bytes of one. Which format it is, is read from its first bytes,
            never from its suffix.
        name: How messages call it; by default the file's name.
        max_pixels: Upper limit of width x height, checked before a pixel is decoded.
        min_side: Lower limit of width and of height, in px.

    Raises:
        ImageError: The file is missing, empty, no photo, damaged, too large or too small.
    """
    return read_photo(source, name=name, max_pixels=max_pixels, min_side=min_side).pixels


def read_photo(
    source: Path | bytes,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    min_side: int = MIN_SIDE,
) -> ReadPhoto:
    """Return what `read_image` returns, and what should be known of how it was read."""
    title = _title_of(source, name)
    decoded = decode(source, title, max_pixels=max_pixels, min_side=min_side)
    convert, note = to_srgb(decoded.picture, decoded.code_points)
    if decoded.has_more:
        note = f"The file holds several pictures; this is the first. {note}".rstrip()
    width, height = decoded.picture.size
    sideways = decoded.orientation > 4
    upright = np.empty((width, height, 3) if sideways else (height, width, 3), np.uint8)
    # A view of the result in which the file's own rows are rows: turning costs no second copy.
    stored = _turned(upright, {6: 8, 8: 6}.get(decoded.orientation, decoded.orientation))
    for top, rows in rgb_stripes(decoded.picture, convert):
        stored[top : top + len(rows)] = rows
    return ReadPhoto(upright, decoded.orientation, note)


def read_mask(
    source: Path | bytes,
    *,
    name: str | None = None,
    shape: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    min_side: int = MIN_SIDE,
) -> Mask:
    """Return the car of `read_truth`, bool (H, W); arguments and errors are the same."""
    return read_truth(source, name=name, shape=shape, max_pixels=max_pixels, min_side=min_side).car


def read_truth(
    source: Path | bytes,
    *,
    name: str | None = None,
    shape: tuple[int, int] | None = None,
    rule: MaskRule = silhouette,
    max_pixels: int = MAX_PIXELS,
    min_side: int = MIN_SIDE,
) -> Truth:
    """Return a mask, turned upright like a photo: where the car is, and what nobody judges.

    Masks come in many hands' writing. What counts as the car, unless there is another rule, in
    this order:

    1. Alpha that varies is the mask (car: alpha above 127), so a cut-out serves as its own mask;
       unless what it leaves visible is drawn in exactly one dark and one bright tone: then the
       visible bright part is.
    2. A palette is judged by the entries in use: of 0 and 1, the brighter one is the car, or 1 if
       both are equally bright. Of one, index 0 is the car if its colour is bright, index 1 unless
       its colour is darker than that of index 0. Other entries must be dark and white.
    3. Of two values the larger is the car: 0 and 1, 0 and 255, any two greys that are 64 or more
       apart, black and red (a colour counts as bright as its brightest channel). Of a single
       value, 0 means no car, 1 or white all car.
    4. Of 0, 1 and 255 (of 16 bits 65535), 1 is the car and the largest is ignored.
    5. Two levels with soft or noisy edges, and always in a JPEG, whose values are never exact:
       brighter than half of white, or than the middle of two levels that don't enclose it.

    Everything else is refused rather than guessed: class numbers, numbers of single cars, colours
    of classes.

    Args:
        source: A file in one of the formats of `read_image`, or the bytes of one.
        name: How messages call it; by default the file's name.
        shape: (height, width) of the upright photo that the mask belongs to; None if unknown.
        rule: Finds the car in the picture as the file has it, not yet turned; by default the
            above, for masks that show nothing but the car.
        max_pixels: Upper limit of width x height, checked before a pixel is decoded.
        min_side: Lower limit of width and of height, in px.

    Raises:
        UnclearMaskError: It holds numbers or colours of which none is plainly the car.
        MaskError: The file can't be read, or has another size than its photo.
    """
    title = _title_of(source, name)
    try:
        decoded = decode(source, title, max_pixels=max_pixels, min_side=min_side)
    except ImageError as error:
        raise MaskError(str(error)) from error
    picture, orientation = decoded.picture, decoded.orientation
    size = picture.size if orientation > 4 else picture.size[::-1]
    if shape is not None and size != tuple(shape):
        raise MaskError(
            f"{title}: the mask is {size[1]} x {size[0]} px, its photo "
            f"{shape[1]} x {shape[0]} px; both must be the same. "
            "Save the mask at the photo's size."
        )
    stored = rule(picture, title)
    planes = (
        None if plane is None else np.ascontiguousarray(_turned(plane, orientation))
        for plane in (stored.car, stored.ignored)
    )
    car, ignored = planes
    assert car is not None
    return Truth(car, ignored)


def encode_png(array: npt.NDArray[Any], *, is_result: bool = False) -> bytes:
    """Return a PNG file of an image, a mask or a cut-out.

    Args:
        array: uint8 (H, W, 3) RGB or (H, W, 4) RGBA, or a mask bool (H, W), which becomes mode L
            with 0 and 255 (a 1-bit PNG reads as 0 and 1 in too many programs).
        is_result: Whether the file carries the mark by which it is never taken for a photo.

    Raises:
        ValueError: Any other shape or dtype.
    """
    stream = BytesIO()
    mark = png_mark() if is_result else None
    if array.dtype == np.bool_ and array.ndim == 2:
        plane = np.multiply(array, 255, dtype=np.uint8)
        # Runs are all there is to pack in a mask: a quarter of the size of level 1, as fast.
        Image.fromarray(plane).save(
            stream, "PNG", compress_level=1, compress_type=int(zlib.Z_RLE), pnginfo=mark
        )
    elif array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] in (3, 4):
        Image.fromarray(array).save(stream, "PNG", compress_level=3, pnginfo=mark)
    else:
        raise ValueError(
            f"An array of {array.dtype} {array.shape} came; a PNG is made of uint8 (H, W, 3), "
            "uint8 (H, W, 4) or a bool mask (H, W)."
        )
    return stream.getvalue()


def encode_jpeg(image: Pixels, quality: int = 92, *, is_result: bool = False) -> bytes:
    """Return a JPEG file of an image.

    Args:
        image: uint8 (H, W, 3).
        quality: From 1 to 95.
        is_result: Whether the file carries the mark by which it is never taken for a photo.
    """
    stream = BytesIO()
    comment = jpeg_mark() if is_result else b""
    Image.fromarray(image).save(stream, "JPEG", quality=quality, comment=comment)
    return stream.getvalue()


def thumbnail(image: Pixels, longest: int) -> Pixels:
    """Return the image, uint8 (H, W, 3), with its longest side at most `longest` px.

    Reduced with Lanczos over all pixels, so thin lines don't flicker. An image that is small
    enough already comes back as the same array.
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.array(small)


def _title_of(source: Path | bytes, name: str | None) -> str:
    """Return how messages call a source: the name given, or else the file's own."""
    if name is not None:
        return name
    return source.name if isinstance(source, Path) else "The picture"


def _turned(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return a view of an array (H, W, ...) turned upright as an EXIF orientation, 1..8, says.

    Source: Exif 2.32 (CIPA DC-008-2019), 4.6.4 A, tag 274.
    """
    if orientation in (3, 4, 7):
        array = array[::-1]
    if orientation in (2, 3, 7):
        array = array[:, ::-1]
    if orientation > 4:
        array = array.swapaxes(0, 1)
    if orientation == 6:
        array = array[:, ::-1]
    return array[::-1] if orientation == 8 else array
