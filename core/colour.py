"""Colour spaces: which one a photo's numbers are of, and the way from it to sRGB."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import product

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from core.code_points import CodePoints

_ENDS_SLACK = 48  # levels by which a sound profile's black and white may miss them
_SRGB_SLACK = 2  # levels by which the many makes of the sRGB profile differ
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of a profile's space, in Pillow's words
_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), _D65)
# Still pictures with a video's curve (1, 6, 14, 15) are made and shown with that of sRGB.
_CURVES: dict[int, tuple[float, ...]] = {4: (2.2,), 5: (2.8,), 8: (1.0,)} | dict.fromkeys(
    (1, 6, 13, 14, 15), _SRGB_CURVE
)
_UNSPECIFIED = 2


@dataclass(frozen=True)
class Conversion:
    """The way from a colour space to sRGB."""

    mode: str
    """Pillow's mode that goes in: RGB, L or CMYK."""
    transform: ImageCms.ImageCmsTransform

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Return a picture of any mode without alpha as sRGB, mode RGB."""
        converted = ImageCms.applyTransform(picture.convert(self.mode), self.transform)
        assert converted is not None  # only where it is asked to work in place
        return converted


def to_srgb(
    picture: Image.Image, code_points: CodePoints | None = None
) -> tuple[Conversion | None, str]:
    """Return how a picture's pixels become sRGB, and what a person should know about that.

    The colour space is what the file says: by code points in a PNG, else by an ICC profile, else
    by the other formats' code points, else by EXIF, where a camera set to Adobe RGB says "R03".
    Colours are converted relative to white, with black point compensation; those that sRGB does
    not have become its nearest.

    Args:
        picture: A decoded picture of any mode.
        code_points: What its file names beside Pillow's facts.

    Returns:
        The conversion, None where the pixels are sRGB or are to be taken for it; and a sentence,
        "" where there is nothing to say.
    """
    profile = picture.info.get("icc_profile")
    if code_points is not None and (picture.format == "PNG" or not profile):
        return _of_code_points(picture, code_points)
    if profile:
        return _of_profile(picture.mode, bytes(profile))
    return _of_exif(picture)


def _of_code_points(picture: Image.Image, points: CodePoints) -> tuple[Conversion | None, str]:
    transfer = 13 if points.transfer == _UNSPECIFIED else points.transfer
    primaries = 1 if points.primaries == _UNSPECIFIED else points.primaries
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        kind = "HDR " if transfer in (16, 18) else ""
        return None, (
            f"Its {kind}colours (primaries {points.primaries}, transfer {points.transfer}) "
            "can't be converted; they are taken for sRGB and may look pale."
        )
    if picture.mode in _GREY_MODES:
        return None, ""
    return _of_profile("RGB", matrix_profile(_PRIMARIES[primaries], _CURVES[transfer]))


def _of_exif(picture: Image.Image) -> tuple[Conversion | None, str]:
    """Return the conversion by EXIF alone.

    Source: DCF 2.0 (CIPA DC-009-2010), 3.2.1: R03 is Adobe RGB, with ColorSpace uncalibrated.
    """
    try:
        exif = picture.getexif()
        space = exif.get_ifd(0x8769).get(0xA001)
        interoperability = str(exif.get_ifd(0xA005).get(1, ""))
    except Exception:  # a photo with broken EXIF is still a photo
        return None, ""
    if picture.mode not in {"RGB", "RGBA"}:
        return None, ""
    if space == 2 or (space == 65535 and interoperability.startswith("R03")):
        return _of_profile("RGB", matrix_profile(_ADOBE_RGB, (563 / 256,)))
    if space == 65535:
        return None, (
            "EXIF says that its colours are not sRGB, but no profile says what they are; they are "
            "taken for sRGB."
        )
    return None, ""


@lru_cache(maxsize=32)
def _of_profile(picture_mode: str, data: bytes) -> tuple[Conversion | None, str]:
    """Return the conversion from an ICC profile, and why there is none."""
    if picture_mode == "LAB":  # it says by itself which colours it means
        return None, ""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        space = profile.profile.xcolor_space.strip()
        mode = _MODES[space]
        if (mode == "CMYK") != (picture_mode == "CMYK") or (
            mode == "L" and not (picture_mode in _GREY_MODES or picture_mode.startswith("I;16"))
        ):
            raise ValueError(f"it is of {space} colours, the picture of {picture_mode}")
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        conversion = Conversion(mode, transform)
        inks = {"CMYK": ((255,) * 4, (0,) * 4)}.get(mode, ("black", "white"))
        levels = [np.asarray(conversion(Image.new(mode, (1, 1), ink))).mean() for ink in inks]
        if levels[0] > _ENDS_SLACK or levels[1] < 255 - _ENDS_SLACK:
            raise ValueError("its black is not black, or its white not white")
    except Exception as error:  # profiles are broken in as many ways as files are
        why = f"({error or type(error).__name__})"
        return None, f"Its colour profile can't be used {why}; the colours are taken for sRGB."
    return (None if _changes_nothing(conversion) else conversion), ""


def _changes_nothing(conversion: Conversion) -> bool:
    """Return whether a conversion leaves all colours as they are: from one of the sRGB profiles."""
    if conversion.mode == "CMYK":
        return False
    if conversion.mode == "L":
        levels = np.arange(256, dtype=np.uint8)[np.newaxis]
        wanted = np.repeat(levels[..., np.newaxis], 3, axis=2)
    else:
        levels = np.array([*product(range(0, 256, 17), repeat=3)], np.uint8)[np.newaxis]
        wanted = levels
    changed = np.asarray(conversion(Image.fromarray(levels))).astype(int)
    return bool(np.abs(changed - wanted).max() <= _SRGB_SLACK)


def matrix_profile(
    chromaticities: tuple[tuple[float, float], ...], curve: tuple[float, ...]
) -> bytes:
    """Return an ICC profile of an RGB colour space.

    Args:
        chromaticities: x and y of red, green, blue and white.
        curve: Gamma, or gamma, a, b, c and d of ICC's parametric curve of type 3.

    Source: ICC.1:2022, 8.4 (tags), 9.2, 10.6 and 10.18 (their types), annex E (white).
    """
    red, green, blue, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in chromaticities)
    primaries = np.array([red, green, blue]).T
    to_d50 = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD
    columns = to_d50 @ (primaries * np.linalg.solve(primaries, white))
    kind = 3 if len(curve) > 1 else 0
    shape = b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(np.array(curve))
    tags = {b"wtpt": b"XYZ " + bytes(4) + _fixed(_D50)}
    for letter, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
        tags[letter + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(column)
        tags[letter + b"TRC"] = shape
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    header = struct.pack(">I4xI", start + len(body), 0x04400000) + b"mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + _fixed(_D50)
    return header.ljust(128, b"\0") + table + body


def _fixed(values: npt.NDArray[np.float64]) -> bytes:
    """Return numbers as ICC's s15Fixed16."""
    return np.round(values * 65536).astype(">i4").tobytes()
