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

from core.code_points import CodePoints, code_points
from core.errors import ImageError, reason
from core.gif import gif_pictures
from core.raw import raw_kind, tiff_pictures

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
_CANVAS_TIMES = 4
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1"}


@dataclass(frozen=True)
class Decoded:
    """A picture whose pixels are decoded, but not yet turned upright."""

    picture: Image.Image
    """Pillow's picture, of any mode."""
    orientation: int
    """Its EXIF orientation, 1..8; 1 is upright."""
    code_points: CodePoints | None
    """Its colour space, where the file names it by numbers."""
    has_more: bool
    """Whether the file holds more pictures, of which none is a preview of the first."""


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
        pictures = _pictures(stream, kind, title)
        stream.seek(0)
        # Not `Image.open`: its own limit is one for the whole process, between 89 and 179
        # megapixels only warns, and does not say the size. Its plugins read the header alone.
        try:
            picture = _plugin(kind)(stream)
        except Exception as error:  # the plugins meet broken headers with a dozen kinds of error
            raise ImageError(_damaged(title, kind, error)) from error
        _check_size(picture.size, title, max_pixels, min_side)
        if kind == "GIF":
            _check_canvas(head, picture, title)
        if kind in {"PNG", "WebP", "AVIF"}:
            pictures = getattr(picture, "n_frames", 1)
        try:
            picture.load()
        except Exception as error:
            raise ImageError(_damaged(title, kind, error)) from error
        # HEIC may correct its size while it is decoded.
        _check_size(picture.size, title, max_pixels, min_side)
        # After the pixels: PNG may keep EXIF behind them, TIFF turns itself and drops the tag.
        orientation = _orientation(picture)
        return Decoded(picture, orientation, code_points(stream, kind), pictures > 1)


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
            f"{title}: the picture is {width} x {height} px, {width * height / 1e6:,.6g} "
            f"megapixels; at most {max_pixels / 1e6:,g} are read. Make it smaller first."
        )
    if min(size) < min_side:
        raise ImageError(
            f"{title}: the picture is {width} x {height} px; each side needs at least "
            f"{min_side} px. Use a larger version of it."
        )


def _pictures(stream: BinaryIO, kind: str, title: str) -> int:
    """Return how many pictures a TIFF or GIF holds, 1 for other formats."""
    if kind == "TIFF":
        return _check_tiff(stream, title)
    if kind != "GIF":
        return 1
    pictures = gif_pictures(stream)
    if pictures == 0:
        raise ImageError(_damaged(title, kind, ValueError("no picture behind its header")))
    return pictures


def _check_tiff(stream: BinaryIO, title: str) -> int:
    """Refuse a TIFF whose first picture is not its photo; return how many it holds."""
    pictures = tiff_pictures(stream)
    if pictures.raw:
        raise ImageError(_camera_raw(title, pictures.raw))
    if pictures.larger:
        first, larger = ("{} x {} px".format(*size) for size in (pictures.first, pictures.larger))
        raise ImageError(
            f"{title}: the TIFF's first picture, {first}, looks like a preview, for the file also "
            f"holds one of {larger}. Save the picture that you mean as PNG, JPEG or a TIFF of one "
            "picture; of a camera raw file, develop it in a photo program."
        )
    return pictures.pages


def _check_canvas(head: bytes, picture: ImageFile.ImageFile, title: str) -> None:
    """Refuse a GIF whose canvas and first picture differ so much that one of them is damaged.

    A GIF holds no checksum: one flipped bit in a size or a place makes megapixels of nothing.
    """
    assert picture.tile[0].extents is not None
    left, top, right, bottom = picture.tile[0].extents
    first = right - left, bottom - top
    canvas = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    # Pillow enlarges the canvas by what lies beyond it. A canvas of 0 x 0 is left to the picture.
    areas = [width * height for width, height in (first, canvas, picture.size) if width * height]
    if max(areas) > _CANVAS_TIMES * min(areas):
        raise ImageError(
            f"{title}: the GIF's canvas is {canvas[0]} x {canvas[1]} px, its first picture "
            f"{first[0]} x {first[1]} px at {left}, {top}; one of them is damaged, or the first "
            "picture is a part. Open it in an image program and save it as PNG."
        )


def _camera_raw(title: str, kind: str) -> str:
    return (
        f"{title}: a camera raw file ({kind}) holds what the sensor measured, not a picture. "
        "Develop it in a photo program, save it as JPEG, PNG or TIFF, and use that."
    )


def _foreign(head: bytes, title: str) -> str:
    if not head:
        return f"{title}: the file is empty (0 bytes). Copy or export the picture again."
    if kind := raw_kind(head):
        return _camera_raw(title, kind)
    holds = "text" if head.isascii() and b"\0" not in head else "something else"
    return f"{title}: the file holds {holds}, not a picture. Use a {FORMATS} file."


def _damaged(title: str, kind: str, error: Exception) -> str:
    return (
        f"{title}: the {kind} file is cut short, damaged or of an unusual kind ({reason(error)}). "
        "Copy it again, or open it in an image program and save it as PNG or JPEG."
    )
