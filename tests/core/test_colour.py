"""Colour spaces: what files name them by, and the numbers that come out as sRGB."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.colour import matrix_profile
from core.image import read_image, read_mask, read_photo
from tests.core.test_image import DATA, DISPLAY_P3, file_of, png

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), (0.3127, 0.3290))
ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), (0.3127, 0.3290))
P3_PROFILE = matrix_profile(DISPLAY_P3, SRGB_CURVE)
COLOUR = (200, 80, 60)


def plain(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (32, 32), COLOUR).convert(mode)


def linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(values: np.ndarray) -> np.ndarray:
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> np.ndarray:
    red, green, blue, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in chromaticities)
    primaries = np.array([red, green, blue]).T
    return primaries * np.linalg.solve(primaries, white)


def wanted(pixels: object, space: tuple[tuple[float, float], ...], gamma: float = 0) -> np.ndarray:
    """The sRGB numbers of pixels in another space of the same white, in double precision."""
    values = np.asarray(pixels) / 255
    light = values**gamma if gamma else linear(values)
    return encoded(light @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(space)).T) * 255


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(body)) + kind + body
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(kind + body)) + data[33:]


@pytest.mark.parametrize(
    ("space", "curve", "gamma"),
    [(DISPLAY_P3, SRGB_CURVE, 0), (DISPLAY_P3, (2.2,), 2.2), (ADOBE_RGB, (563 / 256,), 563 / 256)],
)
def test_colours_are_converted_to_within_a_level(space, curve, gamma):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    data = file_of(Image.fromarray(noise), "PNG", icc_profile=matrix_profile(space, curve))
    read = read_photo(data)
    # Its own gamma at black, where one of 8 bits' levels is many of sRGB's, may round by one more.
    assert np.abs(read.pixels - wanted(noise, space, gamma)).max() <= 1.5
    assert not read.note


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 95, "subsampling": 0}),
        ("PNG", "RGB", {}),
        ("PNG", "P", {}),
        ("PNG", "RGBA", {}),
        ("TIFF", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("AVIF", "RGB", {"quality": 95, "subsampling": "4:4:4"}),
    ],
)
def test_every_format_s_profile_is_applied(kind, mode, options):
    picture = plain() if mode != "P" else plain().convert("P", palette=Image.Palette.ADAPTIVE)
    picture = picture.convert(mode)
    pixel = read_image(file_of(picture, kind, icc_profile=P3_PROFILE, **options))[9, 9]
    assert np.abs(pixel - wanted(COLOUR, DISPLAY_P3)).max() <= (2 if kind in "JPEG AVIF" else 1)


def test_16_bits_a_channel_and_every_orientation():
    row = b"\0" + np.array([level * 257 for level in COLOUR] * 32, ">u2").tobytes()
    data = with_chunk(png((32, 32), 16, 2, row * 32), b"iCCP", b"p\0\0" + zlib.compress(P3_PROFILE))
    assert np.abs(read_image(data)[9, 9] - wanted(COLOUR, DISPLAY_P3)).max() <= 1
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = file_of(plain(), "PNG", icc_profile=P3_PROFILE, exif=exif)
        assert np.abs(read_image(data)[9, 9] - wanted(COLOUR, DISPLAY_P3)).max() <= 1


def test_what_lies_under_alpha_is_converted_and_white_stays_white():
    picture = plain("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((32, 32)))
    alpha = np.asarray(picture.getchannel("A"))[..., np.newaxis] / 255
    got = read_image(file_of(picture, "PNG", icc_profile=P3_PROFILE))
    over = wanted(COLOUR, DISPLAY_P3) * alpha + 255 * (1 - alpha)
    assert np.abs(got - over).max() <= 1.5


@pytest.mark.parametrize("curve", [SRGB_CURVE, None])
def test_srgb_and_no_profile_change_no_bit(curve):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    profile = (
        matrix_profile(SRGB, SRGB_CURVE)
        if curve
        else ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    assert np.array_equal(read_image(file_of(noise, "PNG", icc_profile=profile)), noise)
    assert np.array_equal(read_image(file_of(noise, "PNG")), noise)
    grey = noise.convert("L")
    got = read_image(file_of(grey, "PNG", icc_profile=profile))
    assert np.array_equal(got, np.asarray(grey)[..., np.newaxis].repeat(3, axis=2))


def grey_profile(gamma: float) -> bytes:
    """An RGB profile with its tags renamed: grey of a gamma."""
    profile = bytearray(matrix_profile(SRGB, (gamma,)))
    profile[16:20] = b"GRAY"
    at = profile.index(b"rTRC")
    profile[at : at + 4] = b"kTRC"
    return bytes(profile)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile_is_applied_to_grey(mode):
    grey = Image.new("L", (32, 32), 100).convert("LA" if mode == "LA" else "L")
    if mode == "I;16":
        grey = Image.fromarray(np.full((32, 32), 100 * 257, np.uint16))
    pixel = read_image(file_of(grey, "PNG", icc_profile=grey_profile(1.0)))[9, 9]
    assert np.abs(pixel - encoded(np.float64(100 / 255)) * 255).max() <= 1
    assert (
        "can't be used" in read_photo(file_of(plain(), "PNG", icc_profile=grey_profile(1.0))).note
    )


def test_a_mask_s_profile_is_no_matter():
    mask = np.zeros((32, 32), bool)
    mask[8:20, 8:20] = True
    data = file_of(Image.fromarray(mask).convert("L"), "PNG", icc_profile=grey_profile(1.0))
    assert np.array_equal(read_mask(data), mask)


def test_cmyk_with_the_profile_of_another_space_is_read_as_before():
    cmyk = Image.new("CMYK", (32, 32), (20, 200, 180, 10))
    read = read_photo(file_of(cmyk, "TIFF", icc_profile=P3_PROFILE))
    assert np.array_equal(read.pixels, read_image(file_of(cmyk, "TIFF")))
    assert read.note


@pytest.mark.parametrize(
    "profile",
    [
        b"none",
        bytes(400),
        P3_PROFILE[:200],
        P3_PROFILE[:132] + bytes(60) + P3_PROFILE[192:],
        matrix_profile(DISPLAY_P3, (1e-9,)),
    ],
)
def test_a_broken_profile_is_named_and_ignored(profile):
    read = read_photo(file_of(plain(), "PNG", icc_profile=profile))
    assert read.pixels[9, 9].tolist() == list(COLOUR)
    assert "profile" in read.note and "sRGB" in read.note


@pytest.mark.parametrize(
    ("points", "icc", "converted", "noted"),
    [
        ((12, 13), None, True, False),
        ((1, 13), P3_PROFILE, False, False),  # cICP goes before iCCP
        ((2, 2), None, False, False),
        ((1, 1), None, False, False),
        ((9, 16), None, False, True),  # HDR
        ((99, 13), None, False, True),
    ],
)
def test_code_points_of_a_png(points, icc, converted, noted):
    data = with_chunk(file_of(plain(), "PNG", icc_profile=icc), b"cICP", bytes([*points, 0, 1]))
    read = read_photo(data)
    target = wanted(COLOUR, DISPLAY_P3) if converted else np.array(COLOUR)
    assert np.abs(read.pixels[9, 9] - target).max() <= 1
    assert bool(read.note) == noted


@pytest.mark.parametrize("kind", ["AVIF", "HEIC"])
def test_code_points_of_avif_and_heic(kind):
    options = {"quality": 95, "subsampling": "4:4:4"}
    picture = Image.new("RGB", (64, 48), COLOUR)
    heic = (DATA / "corners.heic").read_bytes()
    data = bytearray(heic if kind == "HEIC" else file_of(picture, kind, **options))
    before = read_image(bytes(data))[24, 32]
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", 12, 13)
    read = read_photo(bytes(data))
    assert np.abs(read.pixels[24, 32] - wanted(before, DISPLAY_P3)).max() <= 1
    assert kind == "HEIC" or not np.array_equal(read.pixels[24, 32], before)


def heic_with_profile(profile: bytes) -> bytes:
    """The HEIC of the corners with a profile in place of its code points, as phones write it."""
    data = bytearray((DATA / "corners.heic").read_bytes())
    at = data.index(b"colrnclx") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    box = struct.pack(">I", 12 + len(profile)) + b"colrprof" + profile
    pixels = struct.pack(">I", data.index(b"mdat") + 4)
    places = [data.index(name) - 4 for name in (b"meta", b"iprp", b"ipco")]
    for place in (*places, data.index(pixels)):  # sizes, and where the pixels are
        grown = int.from_bytes(data[place : place + 4], "big") + len(box) - length
        data[place : place + 4] = grown.to_bytes(4, "big")
    data[at : at + length] = box
    return bytes(data)


def test_a_heic_s_profile_is_applied():
    red, green, blue, white = SRGB
    turned = read_photo(heic_with_profile(matrix_profile((green, blue, red, white), SRGB_CURVE)))
    plain = read_image(DATA / "corners.heic")
    assert np.abs(turned.pixels.astype(int) - plain[..., [2, 0, 1]]).max() <= 2
    assert not turned.note


@pytest.mark.parametrize(
    ("space", "interoperability", "converted", "noted"),
    [
        (1, "R98", False, False),
        (65535, "R03", True, False),
        (2, None, True, False),
        (65535, None, False, True),
    ],
)
def test_exif_alone_names_adobe_rgb(space, interoperability, converted, noted):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = space
    if interoperability:
        exif.get_ifd(0x8769)[0xA005] = {1: interoperability}
    options = {"quality": 95, "subsampling": 0}
    read = read_photo(file_of(plain(), "JPEG", exif=exif, **options))
    target = wanted(COLOUR, ADOBE_RGB, 563 / 256) if converted else np.array(COLOUR)
    assert np.abs(read.pixels[9, 9] - target).max() <= 2
    assert bool(read.note) == noted
    with_profile = read_photo(
        file_of(plain(), "JPEG", exif=exif, icc_profile=P3_PROFILE, **options)
    )
    assert np.abs(with_profile.pixels[9, 9] - wanted(COLOUR, DISPLAY_P3)).max() <= 2
    assert not with_profile.note
