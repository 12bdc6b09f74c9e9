"""From a file to a checked picture: which format it is, its plugin, its limits, its messages."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import ImageError, reason

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC"
"""What the reader takes, in words for a message."""

_PLUGINS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}
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
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1"}


@dataclass(frozen=True)
class Decoded:
    """A picture whose pixels are decoded, but not yet turned upright."""

    picture: Image.Image
    """Pillow's picture, of any mode."""
    orientation: int
    """Its EXIF orientation, 1..8; 1 is upright."""


def decode(source: Path | bytes, title: str, *, max_pixels: int, min_side: int) -> Decoded:
    """Return the first picture of a file, decoded.

    Args:
        source: A file, or the bytes of one. Which format it is, is read from its first bytes.
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
        return Decoded(picture, _orientation(picture))


def _stream(source: Path | bytes, title: str) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    if source.exists() and not source.is_file():  # a pipe would wait for ever
        raise ImageError(f"{title}: not a file. Give the path of a photo.")
    try:
        return source.open("rb")
    except OSError as error:
        raise ImageError(
            f"{title}: the file can't be opened ({reason(error)}). "
            "Check its path and its permissions."
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
            f"{title}: the picture is {width} x {height} px, {width * height / 1e6:,.1f} "
            f"megapixels; at most {max_pixels / 1e6:,g} are read. Make it smaller first."
        )
    if min(size) < min_side:
        raise ImageError(
            f"{title}: the picture is {width} x {height} px; each side needs at least "
            f"{min_side} px. Use a larger version of it."
        )


def _foreign(head: bytes, title: str) -> str:
    if not head:
        return f"{title}: the file is empty (0 bytes). Copy or export the picture again."
    holds = "text" if head.isascii() and b"\0" not in head else "something else"
    return f"{title}: the file holds {holds}, not a picture. Use a {FORMATS} file."


def _damaged(title: str, kind: str, error: Exception) -> str:
    return (
        f"{title}: the {kind} file is cut short, damaged or of an unusual kind ({reason(error)}). "
        "Copy it again, or open it in an image program and save it as PNG or JPEG."
    )
