"""The finished picture as a file: sRGB with its profile, nothing of the photo's metadata."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.listing.steps import Output
from core.own_results import PROFILE_MARK, jpeg_mark, png_mark

_LEAST_QUALITY = 30
_SRGB_CHUNK = b"sRGB"


def encode(pixels: NDArray[np.uint8], output: Output) -> tuple[bytes, str]:
    """Returns a picture's file, and what should be known of it.

    It says that its colours are sRGB, names its dpi, and carries the mark of Carmask's results;
    place, camera and thumbnail of the photo are not in it.

    Args:
        pixels: RGB uint8 (H, W, 3), or RGBA (H, W, 4) for png and webp.
        output: Format, quality, dpi and largest size.
    """
    image = Image.fromarray(pixels)
    if output.format == "png":
        mark = png_mark()
        mark.add(_SRGB_CHUNK, b"\0")
        data = _saved(image, "PNG", compress_level=6, pnginfo=mark, dpi=(output.dpi,) * 2)
        limit = output.most_mb * 1e6
        large = f"The file has {len(data) / 1e6:.1f} MB, more than {output.most_mb:g}; choose jpeg."
        return data, large if limit and len(data) > limit else ""
    return _within(image, output)


def _within(image: Image.Image, output: Output) -> tuple[bytes, str]:
    """Returns a JPEG or WebP of at most the size that is allowed."""
    quality = output.quality
    data = _lossy(image, output, quality)
    while output.most_mb and len(data) > output.most_mb * 1e6 and quality > _LEAST_QUALITY:
        quality = max(_LEAST_QUALITY, quality - 5)
        data = _lossy(image, output, quality)
    if output.most_mb and len(data) > output.most_mb * 1e6:
        return data, (
            f"The file has {len(data) / 1e6:.1f} MB, more than {output.most_mb:g}, even at quality "
            f"{quality}; choose a smaller size."
        )
    if quality < output.quality:
        return data, f"The quality was lowered to {quality} to stay below {output.most_mb:g} MB."
    return data, ""


def _lossy(image: Image.Image, output: Output, quality: int) -> bytes:
    if output.format == "webp":
        return _saved(image, "WEBP", quality=quality, method=4, icc_profile=_srgb_profile())
    return _saved(
        image.convert("RGB"),
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= 90 else 2,
        dpi=(output.dpi,) * 2,
        comment=jpeg_mark(),
        icc_profile=_srgb_profile(),
    )


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@cache
def _srgb_profile() -> bytes:
    """Returns a profile of sRGB that names Carmask as its maker, and no time.

    The creator's signature is at byte 80, the time at 24. Source: ICC.1:2022, 7.2.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = b"\x07\xea\0\1\0\1\0\0\0\0\0\0"
    profile[80:84] = PROFILE_MARK
    return bytes(profile)
