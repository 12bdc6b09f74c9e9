"""Photos from a file to an array and back: one reader, one set of limits, upright RGB out."""

import os
import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import ImageError, MaskError

MAX_PIXELS = 40_000_000
"""Largest photo, in pixels."""
MIN_SIDE = 16
"""Shortest side of a photo, in px."""
FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC"
"""What the reader takes, in words for a message."""

Pixels: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

_PLUGINS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}
_STRIPE_PIXELS = 1 << 20
_ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_CLASS_NUMBERS = 16  # a mask with three values or more, all below this, counts classes
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1"}


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
    with several pictures the first is read. Colour profiles are not applied.

    Args:
        source: A file, or the bytes of one. Which format it is, is read from its first bytes,
            never from its suffix.
        name: How messages call it; by default the file's name.
        max_pixels: Upper limit of width x height, checked before a pixel is decoded.
        min_side: Lower limit of width and of height, in px.

    Raises:
        ImageError: The file is missing, empty, no photo, damaged, too large or too small.
    """
    picture, orientation = _decode(
        source, _title_of(source, name), max_pixels=max_pixels, min_side=min_side
    )
    width, height = picture.size
    upright = np.empty((width, height, 3) if orientation > 4 else (height, width, 3), np.uint8)
    # A view of the result in which the file's own rows are rows: turning costs no second copy.
    stored = _turned(upright, {6: 8, 8: 6}.get(orientation, orientation))
    white = _white_level(picture)
    for top, stripe in _stripes(picture):
        stored[top : top + stripe.height] = _rgb(stripe, white)
    return upright


def read_mask(
    source: Path | bytes,
    *,
    name: str | None = None,
    shape: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    min_side: int = MIN_SIDE,
) -> Mask:
    """Return a mask, bool (H, W), True where the car is, turned upright like a photo.

    Masks come in many hands' writing. What counts as the car, in this order:

    1. Alpha that varies is the mask (car: alpha above 127), so a cut-out serves as its own mask;
       unless what it leaves visible is drawn in exactly one dark and one bright tone: then the
       visible bright part is.
    2. A palette is judged by the entries in use: of two, the brighter one is the car, or the
       larger index if both are equally bright (0 and 1, both black). Of one, index 0 is the car
       if its colour is bright, any other index unless its colour is darker than that of index 0.
    3. Of two values the larger is the car: 0 and 1, 0 and 255, black and red (a colour counts as
       bright as its brightest channel). Of a single value, 0 means no car, anything else all car.
    4. Otherwise, and always in a JPEG, whose values are never exact: brighter than half.

    Args:
        source: A file in one of the formats of `read_image`, or the bytes of one.
        name: How messages call it; by default the file's name.
        shape: (height, width) of the upright photo that the mask belongs to; None if unknown.
        max_pixels: Upper limit of width x height, checked before a pixel is decoded.
        min_side: Lower limit of width and of height, in px.

    Raises:
        MaskError: The file can't be read, has another size than its photo, or holds class
            numbers or colours of which none is plainly the car.
    """
    title = _title_of(source, name)
    try:
        picture, orientation = _decode(source, title, max_pixels=max_pixels, min_side=min_side)
    except ImageError as error:
        raise MaskError(str(error)) from error
    mask = np.ascontiguousarray(_turned(_car(picture, title), orientation))
    if shape is not None and mask.shape != tuple(shape):
        raise MaskError(
            f"{title}: the mask is {_px(mask.shape[1], mask.shape[0])}, its photo "
            f"{_px(shape[1], shape[0])}; both must be the same. Save the mask at the photo's size."
        )
    return mask


def encode_png(array: npt.NDArray[Any]) -> bytes:
    """Return a PNG file of an image, a mask or a cut-out.

    Args:
        array: uint8 (H, W, 3) RGB or (H, W, 4) RGBA, or a mask bool (H, W), which becomes mode L
            with 0 and 255 (a 1-bit PNG reads as 0 and 1 in too many programs).

    Raises:
        ValueError: Any other shape or dtype.
    """
    stream = BytesIO()
    if array.dtype == np.bool_ and array.ndim == 2:
        plane = np.multiply(array, 255, dtype=np.uint8)
        # Runs are all there is to pack in a mask: a quarter of the size of level 1, as fast.
        Image.fromarray(plane).save(stream, "PNG", compress_level=1, compress_type=int(zlib.Z_RLE))
    elif array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] in (3, 4):
        Image.fromarray(array).save(stream, "PNG", compress_level=3)
    else:
        raise ValueError(
            f"An array of {array.dtype} {array.shape} came; a PNG is made of uint8 (H, W, 3), "
            "uint8 (H, W, 4) or a bool mask (H, W)."
        )
    return stream.getvalue()


def encode_jpeg(image: Pixels, quality: int = 92) -> bytes:
    """Return a JPEG file of an image, uint8 (H, W, 3); quality from 1 to 95."""
    stream = BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
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


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the whole new one, never a part.

    The bytes go to a hidden file in the same folder and reach the disk before it is renamed; on
    any failure the hidden file is removed and the old file stays.

    Raises:
        OSError: The folder is missing, full or not writable.
    """
    # Not `tempfile`: it makes files only their owner may read. The short name never grows too long.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _decode(
    source: Path | bytes, title: str, *, max_pixels: int, min_side: int
) -> tuple[Image.Image, int]:
    """Return a picture with its pixels decoded but not yet turned, and its EXIF orientation.

    Args:
        source: A file, or the bytes of one.
        title: How messages call it.
        max_pixels: Upper limit of width x height, checked before a pixel is decoded.
        min_side: Lower limit of width and of height, in px.

    Raises:
        ImageError: The file is missing, empty, no picture, damaged, too large or too small.
    """
    with _stream(source, title) as stream:
        head = stream.read(64)
        kind = _kind(head)
        if kind is None:
            raise ImageError(_foreign(head, title))
        stream.seek(0)
        # Not `Image.open`: its own limit is one for the whole process, between 89 and 179
        # megapixels only warns, and does not say the size. Its plugins read the header alone.
        try:
            picture = _plugin(kind)(stream)
        except Exception as error:  # the plugins meet broken headers with a dozen kinds of error
            raise ImageError(_damaged(title, kind, error)) from error
        _check_size(picture.size, title, max_pixels, min_side)
        try:
            picture.load()
        except Exception as error:
            raise ImageError(_damaged(title, kind, error)) from error
        # HEIC may correct its size while it is decoded.
        _check_size(picture.size, title, max_pixels, min_side)
        # After the pixels: PNG may keep EXIF behind them, TIFF turns itself and drops the tag.
        return picture, _orientation(picture)


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


def _has_alpha(picture: Image.Image) -> bool:
    """Return whether a picture may have transparent pixels."""
    if picture.mode in _ALPHA_MODES:
        return True
    # A transparent value of 16 bits (a PNG's tRNS chunk) can't be told in a picture of 8.
    key = picture.info.get("transparency")
    values = key if isinstance(key, tuple) else (key,) if isinstance(key, int) else ()
    return (
        key is not None and picture.mode in {"1", "L", "P", "RGB"} and max(values, default=0) < 256
    )


def _to_rgba(picture: Image.Image) -> Image.Image:
    """Return a picture for which `_has_alpha` holds as mode RGBA."""
    # Pillow leads the premultiplied grey only back to the plain one.
    return (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")


def _white_level(picture: Image.Image) -> float:
    """Return the value that means white in a picture of one plane (see `read_image`)."""
    if picture.mode.startswith("I;16"):
        return 65535.0
    if picture.mode not in {"I", "F"}:
        return 255.0
    top = 0.0
    for _, stripe in _stripes(picture):
        values = np.asarray(stripe)
        top = max(top, float(np.max(values, where=np.isfinite(values), initial=0)))
    steps = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
    return next((step for step in steps if top <= step), top)


def _stripes(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield (first row, stripe): a whole photo as one array would cost two copies on the way."""
    rows = max(1, _STRIPE_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        yield top, picture.crop((0, top, picture.width, bottom))


def _rgb(stripe: Image.Image, white: float) -> npt.NDArray[Any]:
    """Return a stripe as uint8, (h, W, 3), or (h, W, 1) where it is grey."""
    if stripe.mode.startswith("I") or stripe.mode == "F":
        values = np.nan_to_num(np.asarray(stripe).astype(np.float32), posinf=white, neginf=0.0)
        grey = np.clip(values, 0.0, white) * np.float32(255.0 / white) + np.float32(0.5)
        return grey.astype(np.uint8)[..., np.newaxis]
    if _has_alpha(stripe):
        rgba = _to_rgba(stripe)
        over = Image.new("RGB", rgba.size, "white")
        over.paste(rgba, mask=rgba)
        return np.asarray(over)
    return np.asarray(stripe.convert("RGB"))


def _stream(source: Path | bytes, title: str) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    if source.exists() and not source.is_file():  # a pipe would wait for ever
        raise ImageError(f"{title}: not a file. Give the path of a photo.")
    try:
        return source.open("rb")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageError(
            f"{title}: the file can't be opened ({reason}). Check its path and its permissions."
        ) from error


def _kind(head: bytes) -> str | None:
    """Return which format a file's first bytes announce, if it is one of ours."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        size = int.from_bytes(head[:4], "big")
        brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIC_BRANDS:
            return "HEIC"
    return None


def _plugin(kind: str) -> Callable[[BinaryIO], ImageFile.ImageFile]:
    """Return the class that reads a format's header, and its pixels on `load`."""
    if kind == "HEIC":
        from pi_heif import HeifImageFile  # a second codec library: only where it's needed

        return cast(Callable[[BinaryIO], ImageFile.ImageFile], HeifImageFile)
    return _PLUGINS[kind]


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1..8; 1 where the tag is missing or broken."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # a photo with broken EXIF is still a photo
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _check_size(size: tuple[int, int], title: str, max_pixels: int, min_side: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{title}: the picture is {_px(width, height)}, {width * height / 1e6:,.1f} megapixels;"
            f" at most {max_pixels / 1e6:,g} are read. Make it smaller first."
        )
    if min(size) < min_side:
        raise ImageError(
            f"{title}: the picture is {_px(width, height)}; each side needs at least "
            f"{min_side} px. Use a larger version of it."
        )


def _px(width: int, height: int) -> str:
    return f"{width} x {height} px"


def _foreign(head: bytes, title: str) -> str:
    if not head:
        return f"{title}: the file is empty (0 bytes). Copy or export the picture again."
    holds = "text" if head.isascii() and b"\0" not in head else "something else"
    return f"{title}: the file holds {holds}, not a picture. Use a {FORMATS} file."


def _damaged(title: str, kind: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    return (
        f"{title}: the {kind} file is cut short, damaged or of an unusual kind ({reason}). "
        "Copy it again, or open it in an image program and save it as PNG or JPEG."
    )


def _car(picture: Image.Image, title: str) -> Mask:
    """Return the mask that a picture draws, by the rules of `read_mask`, not yet turned."""
    if picture.mode == "P":
        index = np.asarray(picture)
        used = np.flatnonzero(picture.histogram())
        if len(used) <= 2:
            car: Mask = index == _car_index(_palette(picture), used)
            return car
    if _has_alpha(picture):
        mask = _car_of_alpha(_to_rgba(picture))
        if mask is not None:
            return mask
    if picture.mode == "P" and np.ptp(_palette(picture)[used], axis=1).max() > 0:
        raise MaskError(_unclear(title, f"{len(used)} colours"))
    plane = _brightness(picture)
    low, high = plane.min(), plane.max()
    if picture.format != "JPEG":
        if low == high:
            return np.full(plane.shape, high > 0)
        if _two_valued(plane):
            larger: Mask = plane == high
            return larger
        if plane.dtype.kind in "iu" and high < _CLASS_NUMBERS:
            raise MaskError(_unclear(title, f"values from {low} to {high}"))
    brighter: Mask = plane > _white_level(picture) / 2
    return brighter


def _car_index(palette: Pixels, used: npt.NDArray[np.intp]) -> int:
    """Return which of the one or two palette entries in use is the car; -1 for none."""
    bright = palette.max(axis=1).astype(int)
    first, last = int(used[0]), int(used[-1])
    if first != last:
        return first if bright[first] > bright[last] else last
    is_car = bright[first] >= bright[0] if first > 0 else bright[0] > 127
    return first if is_car else -1


def _car_of_alpha(rgba: Image.Image) -> Mask | None:
    """Return the mask in a picture's alpha; None where alpha is the same everywhere."""
    alpha = np.asarray(rgba.getchannel("A"))
    if alpha.min() == alpha.max():
        return None
    visible: Mask = alpha > 127
    bright = _brightness(rgba)
    shown = bright[visible]
    drawn = shown.size and shown.min() <= 127 < shown.max() and _two_valued(shown)
    return visible & (bright > 127) if drawn else visible


def _palette(picture: Image.Image) -> Pixels:
    """Return a picture's palette as (256, 3); entries that the file leaves out are black."""
    listed = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return np.concatenate([listed, np.zeros((256 - len(listed), 3), np.uint8)])


def _brightness(picture: Image.Image) -> npt.NDArray[Any]:
    """Return (H, W): a grey picture's own values, a coloured one's brightest channel."""
    if picture.mode[0] in "IF":
        values: npt.NDArray[Any] = np.nan_to_num(np.asarray(picture))
        return values
    if picture.mode in {"1", "L"}:
        return np.asarray(picture.convert("L"))
    red, green, blue = picture.convert("RGB").split()
    return np.asarray(ImageChops.lighter(ImageChops.lighter(red, green), blue))


def _two_valued(plane: npt.NDArray[Any]) -> bool:
    return bool(((plane == plane.min()) | (plane == plane.max())).all())


def _unclear(title: str, found: str) -> str:
    return (
        f"{title}: the mask holds {found}, so which part is the car is unclear. "
        "Save it with two values, 0 beside the car and 255 on it."
    )
