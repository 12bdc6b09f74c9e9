"""What the pixels of a decoded picture say in any of Pillow's modes: alpha, white level, RGB."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

_STRIPE_PIXELS = 1 << 20
_ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}


def rgb_stripes(
    picture: Image.Image, convert: Callable[[Image.Image], Image.Image] | None = None
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield a picture from top to bottom as (first row, pixels), by the rules of `read_image`.

    A whole photo as one array would cost two copies on the way; a stripe has about a megapixel.

    Args:
        picture: A decoded picture of W x H px, of any mode.
        convert: Makes sRGB, mode RGB, of a picture of any mode without alpha, of 8 bits a channel;
            None where Pillow's own conversion to RGB is right.

    Yields:
        The stripe's first row and its pixels, uint8, (h, W, 3), or (h, W, 1) where it is grey.
    """
    white = white_level(picture)
    for top, stripe in _stripes(picture):
        yield top, _rgb(stripe, white, convert)


def white_level(picture: Image.Image) -> float:
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


def with_alpha(picture: Image.Image) -> Image.Image | None:
    """Return a picture as mode RGBA; None where none of its pixels can be transparent."""
    if picture.mode not in _ALPHA_MODES:
        # A transparent value of 16 bits (a PNG's tRNS chunk) can't be told in a picture of 8.
        key = picture.info.get("transparency")
        values = key if isinstance(key, tuple) else (key,) if isinstance(key, int) else ()
        is_told = picture.mode in {"1", "L", "P", "RGB"} and max(values, default=0) < 256
        if key is None or not is_told:
            return None
    # Pillow leads the premultiplied grey only back to the plain one.
    return (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")


def _stripes(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield (first row, stripe) from top to bottom."""
    rows = max(1, _STRIPE_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        yield top, picture.crop((0, top, picture.width, bottom))


def _rgb(
    stripe: Image.Image, white: float, convert: Callable[[Image.Image], Image.Image] | None
) -> npt.NDArray[np.uint8]:
    """Return a stripe as uint8, (h, W, 3), or (h, W, 1) where it is grey."""
    if stripe.mode.startswith("I") or stripe.mode == "F":
        values = np.nan_to_num(np.asarray(stripe).astype(np.float32), posinf=white, neginf=0.0)
        grey = np.clip(values, 0.0, white) * np.float32(255.0 / white) + np.float32(0.5)
        if convert is None:
            return grey.astype(np.uint8)[..., np.newaxis]
        return np.asarray(convert(Image.fromarray(grey.astype(np.uint8))))
    rgba = with_alpha(stripe)
    opaque = stripe if rgba is None else rgba.convert("RGB")
    colours = convert(opaque) if convert else opaque.convert("RGB")
    if rgba is None:
        return np.asarray(colours)
    over = Image.new("RGB", rgba.size, "white")
    over.paste(colours, mask=rgba.getchannel("A"))
    return np.asarray(over)
