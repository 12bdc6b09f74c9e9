"""Reading photos and masks of every format, mode and defect, and writing results."""

import itertools
import struct
import subprocess
import sys
import time
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms, ImageOps

from core import decode as decode_module
from core import modes as modes_module
from core.colour import matrix_profile
from core.errors import ImageError, MaskError
from core.image import encode_jpeg, encode_png, read_image, read_mask, read_photo, thumbnail

DATA = Path(__file__).parent / "data"
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290))
RED, GREEN, BLUE, YELLOW, GREY = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (128, 128, 128),
)


def corners() -> np.ndarray:
    """A grey picture of 64 x 48 px with a square of its own colour in each corner."""
    picture = np.full((48, 64, 3), 128, np.uint8)
    picture[:16, :16], picture[:16, -16:] = RED, GREEN
    picture[-16:, :16], picture[-16:, -16:] = BLUE, YELLOW
    return picture


def assert_corners(picture: np.ndarray, tolerance: int = 0) -> None:
    assert picture.dtype == np.uint8
    assert picture.shape == (48, 64, 3)
    places = [picture[7, 7], picture[7, 56], picture[40, 7], picture[40, 56], picture[24, 32]]
    wanted = np.array([RED, GREEN, BLUE, YELLOW, GREY])
    assert np.abs(np.array(places).astype(int) - wanted).max() <= tolerance


def file_of(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def png(
    size: tuple[int, int], depth: int, colour: int, rows: bytes, extra: tuple[bytes, bytes] = ()
) -> bytes:
    """A PNG written by hand; rows are the packed scan lines, each with its filter byte."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    between = chunk(*extra) if extra else b""
    data = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + between + data + chunk(b"IEND", b"")


def ramp16() -> np.ndarray:
    """All levels of 8 bits, as 16 bits, in 16 x 16 px; one beside each level, too."""
    return np.arange(256, dtype=np.uint16).reshape(16, 16) * 257


# --- formats and modes


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("JPEG", {"quality": 95, "progressive": True, "subsampling": 0}, 6),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("GIF", {}, 0),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}, 12),
    ],
)
def test_every_format_gives_the_same_picture_from_a_file_and_from_bytes(
    tmp_path, kind, options, tolerance
):
    data = file_of(Image.fromarray(corners()), kind, **options)
    path = tmp_path / "of no known.suffix"
    path.write_bytes(data)
    assert_corners(read_image(path), tolerance)
    assert np.array_equal(read_image(path), read_image(data))


@pytest.mark.parametrize("name", ["corners.heic", "corners_turned.heic"])
def test_heic_is_read_upright(name):
    # The second is stored lying on its side, with the turn in its own box and in EXIF.
    assert_corners(read_image(DATA / name), 12)


def test_first_picture_of_an_animation_is_read():
    first, second = Image.fromarray(corners()), Image.new("RGB", (64, 48), "white")
    for kind in ("GIF", "TIFF", "PNG", "WEBP", "AVIF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = file_of(first, kind, save_all=True, append_images=[second], **options)
        assert_corners(read_image(data), 12)
        assert "first" in read_photo(data).note
        assert not read_photo(file_of(first, kind, **options)).note


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "PNG"), ("1", "TIFF"), ("1", "BMP"), ("1", "GIF"),
        ("L", "PNG"), ("L", "JPEG"), ("L", "TIFF"), ("L", "BMP"), ("L", "GIF"), ("L", "WEBP"),
        ("L", "AVIF"), ("LA", "PNG"), ("LA", "TIFF"), ("P", "PNG"), ("P", "TIFF"), ("P", "BMP"),
        ("P", "GIF"), ("RGBA", "PNG"), ("RGBA", "TIFF"), ("RGBA", "WEBP"), ("RGBA", "AVIF"),
        ("RGBA", "GIF"), ("RGBA", "BMP"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "JPEG"),
        ("YCbCr", "TIFF"), ("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF"), ("I", "TIFF"),
        ("F", "TIFF"),
    ],
)  # fmt: skip
def test_every_mode_gives_black_white_and_grey(mode, kind):
    levels = np.zeros((32, 48), np.uint8)
    levels[:, 16:32] = 255
    if mode != "1":
        levels[:, 32:] = 100
    if mode.startswith("I;16"):
        wide = levels.astype(">u2" if mode.endswith("B") else "<u2") * 257
        picture = Image.frombytes(mode, (48, 32), wide.tobytes())
    elif mode in "IF":
        picture = Image.fromarray(levels.astype(np.int32 if mode == "I" else np.float32))
    else:
        options = {"palette": Image.Palette.ADAPTIVE} if mode == "P" else {}
        picture = Image.fromarray(levels).convert("RGB").convert(mode, **options)
    got = read_image(file_of(picture, kind))
    assert got.shape == (32, 48, 3)
    wanted = np.broadcast_to(levels[..., np.newaxis], got.shape).astype(int)
    inner = (slice(None), [4, 8, 12, 20, 24, 28, 36, 40, 44])
    assert np.abs(got[inner].astype(int) - wanted[inner]).max() <= (0 if kind != "JPEG" else 4)


def test_lab_is_read():
    lab = ImageCms.applyTransform(
        Image.fromarray(corners()),
        ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        ),
    )
    assert lab is not None
    assert_corners(read_image(file_of(lab, "TIFF")), 24)  # LAB of 8 bits is coarse


def test_adobe_cmyk_is_not_inverted_twice():
    # Pillow writes CMYK as Adobe does: with the marker, and inverted.
    data = file_of(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95)
    assert b"Adobe" in data
    assert np.abs(read_image(data).astype(int) - RED).max() <= 4


def test_16_bit_grey_is_scaled_not_clipped():
    for mode, dtype in (("I;16", "<u2"), ("I;16B", ">u2")):
        picture = Image.frombytes(mode, (16, 16), ramp16().astype(dtype).tobytes())
        got = read_image(file_of(picture, "TIFF"))
        assert np.array_equal(got, np.arange(256).reshape(16, 16, 1).repeat(3, axis=2))
    near = np.array([[128, 129, 257 + 128, 257 + 129, 65535, 65534, 65406, 65407] * 2] * 16)
    rows = b"".join(b"\0" + row.tobytes() for row in near.astype(">u2"))
    got = read_image(png((16, 16), 16, 0, rows))[0, :8, 0]
    assert got.tolist() == [0, 1, 1, 2, 255, 255, 254, 255]


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.float32([0, 0.2, 1]), 1),
        (np.float32([0, 51, 255]), 255),
        (np.float32([0, 13107, 65535]), 65535),
        (np.float32([0, 20000, 100000]), 100000),
        (np.int32([0, 51, 255]), 255),
        (np.int32([0, 13107, 65535]), 65535),
        (np.int32([0, 200_000_000, 1_000_000_000]), 1_000_000_000),
    ],
)
def test_wide_values_are_scaled_by_their_range(values, white, monkeypatch):
    monkeypatch.setattr(modes_module, "_STRIPE_PIXELS", 40)  # white holds for all stripes
    picture = Image.fromarray(np.tile(values, (16, 6)))
    assert read_image(file_of(picture, "TIFF"))[3, :3, 1].tolist() == [0, 51, 255], white


def test_float_picture_with_holes_and_negative_values():
    values = np.tile(np.float32([np.nan, -3, 0.5, np.inf]), (16, 4))
    assert read_image(file_of(Image.fromarray(values), "TIFF"))[0, :4, 0].tolist() == [
        0,
        0,
        128,
        255,
    ]
    black = np.full((16, 16), -1, np.float32)
    assert read_image(file_of(Image.fromarray(black), "TIFF")).max() == 0


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_16_bit_colour_png(colour, channels):
    pixel = [0x80FF, 0x1000, 0xFFFF, 0xFFFF][:channels]
    row = b"\0" + np.array(pixel * 20, ">u2").tobytes()
    got = read_image(png((20, 20), 16, colour, row * 20))
    assert np.abs(got.astype(int) - [0x81, 0x10, 0xFF]).max() <= 1


def test_transparency_lies_over_white():
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[:, :16] = (255, 0, 0, 255)
    rgba[:, 16:24] = (0, 0, 0, 0)
    rgba[:, 24:] = (0, 0, 0, 128)
    for kind in ("PNG", "TIFF"):
        got = read_image(file_of(Image.fromarray(rgba), kind))
        assert got[0, [0, 16, 24]].tolist() == [[255, 0, 0], [255, 255, 255], [127, 127, 127]]
    grey = read_image(file_of(Image.fromarray(rgba).convert("LA"), "PNG"))
    assert grey[0, [16, 24], 0].tolist() == [255, 127]


def test_a_transparent_colour_lies_over_white():
    palette = Image.fromarray(np.repeat(np.uint8([[0, 1, 2, 3]]), 4).reshape(16, 1).repeat(16, 1))
    palette.putpalette([*BLUE, *RED, *GREEN, *GREY])
    assert palette.mode == "P"
    for kind, key in (("PNG", 1), ("GIF", 1), ("PNG", bytes([255, 0, 255, 255]))):
        got = read_image(file_of(palette, kind, transparency=key))
        assert got[[0, 4, 8], 0].tolist() == [list(BLUE), [255, 255, 255], list(GREEN)]
    rgb = np.full((16, 16, 3), 7, np.uint8)
    rgb[0] = RED
    got = read_image(file_of(Image.fromarray(rgb), "PNG", transparency=(7, 7, 7)))
    assert got[:2, 0].tolist() == [list(RED), [255, 255, 255]]
    # 16 bits a channel: which pixels are meant can't be told in 8, so none is.
    wide = png((16, 16), 16, 2, (b"\0" + b"\x12\x34" * 48) * 16, (b"tRNS", b"\x12\x34" * 3))
    assert np.unique(read_image(wide)).tolist() == [0x12]


# --- orientation


def stored(orientation: int) -> np.ndarray:
    """The corners as a camera stores them, so that the EXIF orientation turns them upright."""
    upright = corners()
    return {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),  # anticlockwise: the reader turns it clockwise
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}.get(kind, {"quality": 95})
    if kind in ("JPEG", "AVIF"):
        options |= {"subsampling": 0 if kind == "JPEG" else "4:4:4"}
    picture = Image.fromarray(np.ascontiguousarray(stored(orientation)))
    assert_corners(read_image(file_of(picture, kind, exif=exif, **options)), 12)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_like_its_photo(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    red = (stored(orientation) == RED).all(axis=2)
    data = file_of(Image.fromarray(red.astype(np.uint8) * 255), "PNG", exif=exif)
    mask = read_mask(data, shape=(48, 64))
    assert mask.flags.c_contiguous
    assert mask[:16, :16].all()
    assert mask.sum() == 256


@pytest.mark.parametrize("rows", [1, 7, 48, 1000])
def test_a_photo_in_many_stripes_is_whole_and_as_pillow_turns_it(rows, monkeypatch):
    monkeypatch.setattr(modes_module, "_STRIPE_PIXELS", rows * 64)
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = file_of(Image.fromarray(noise), "PNG", exif=exif)
        reference = ImageOps.exif_transpose(Image.open(BytesIO(data)))
        assert np.array_equal(read_image(data), np.asarray(reference))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_out_of_range_is_ignored(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert_corners(read_image(file_of(Image.fromarray(corners()), "PNG", exif=exif)))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_lose_the_photo():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12"  # five entries announced, not one there
    data = file_of(Image.fromarray(corners()), "JPEG", quality=95, subsampling=0, exif=exif)
    assert_corners(read_image(data), 6)


# --- bad input


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match=r"^no\.jpg: the file can't be opened \(No such file"):
        read_image(tmp_path / "no.jpg")
    with pytest.raises(ImageError, match="not a file"):
        read_image(tmp_path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.write_bytes(b"")
    with pytest.raises(ImageError, match=r"^empty\.jpg: the file is empty \(0 bytes\)\. Copy"):
        read_image(path)


@pytest.mark.parametrize(
    "data",
    [
        b"Dear reader, this is text.\n",
        b"BMW, red, 1998",
        b"GIF",
        b"%PDF-1.7\n\0",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n",
        b"P6\n16 16\n255\n" + bytes(768),
        b"\0\0\0\x14ftypisom\0\0\0\0mp42",
        b"8BPS\0\x01" + bytes(60),
        b"\0",
    ],
)
def test_other_content_is_refused_whatever_its_suffix(tmp_path, data):
    path = tmp_path / "notes.jpg"
    path.write_bytes(data)
    holds = "text" if data[:4] in (b"Dear", b"BMW,", b"GIF", b"%!PS") else "something else"
    with pytest.raises(ImageError, match=f"^notes.jpg: the file holds {holds}.*Use a JPEG, PNG,"):
        read_image(path)


PACKED = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIC"]


def noise_file(kind: str) -> bytes:
    if kind == "HEIC":
        return (DATA / "corners.heic").read_bytes()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    return file_of(Image.fromarray(pixels), kind)


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_truncated_file(kind, share):
    data = noise_file(kind)
    with pytest.raises(ImageError, match=r"^car: .*(cut short|something else|holds text).*"):
        read_image(data[: max(4, int(len(data) * share))], name="car")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # as in the app: Pillow grumbles of oddities and reads on
@pytest.mark.parametrize("kind", PACKED)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_give_a_picture_or_an_image_error(kind, changes):
    data = bytearray(noise_file(kind))
    for place, value in changes:
        data[min(int(place**3 * len(data)), len(data) - 1)] = value  # mostly near the header
    try:
        picture = read_image(bytes(data), max_pixels=1_000_000)
    except ImageError:
        return
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 5000), (5000, 3), (15, 16), (16, 15)])
def test_too_small(width, height):
    data = file_of(Image.new("RGB", (width, height)), "PNG")
    message = rf"^car: the picture is {width} x {height} px; each side needs at least 16 px\. Use"
    with pytest.raises(ImageError, match=message):
        read_image(data, name="car")
    assert read_image(data, min_side=1).shape == (height, width, 3)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, 9000), (9000, 16)])
def test_smallest_and_narrowest_are_read(width, height):
    data = file_of(Image.new("RGB", (width, height), RED), "PNG")
    picture = read_image(data)
    assert picture.shape == (height, width, 3)
    assert (picture == RED).all()


def test_161_megapixels_are_refused_and_the_limit_is_an_argument():
    rows = (b"\0" + bytes(16_000 // 8)) * 10_080
    message = r"16000 x 10080 px, 161\.28 megapixels; at most 160 are read\. Make it smaller"
    with pytest.raises(ImageError, match=message):
        read_image(png((16_000, 10_080), 1, 0, rows))
    small = file_of(Image.new("RGB", (20, 20)), "PNG")
    assert read_image(small, max_pixels=400).shape == (20, 20, 3)
    with pytest.raises(ImageError, match="megapixels"):
        read_image(small, max_pixels=399)


def bomb(side: int) -> bytes:
    """A PNG of side x side px, 1 bit each, in few bytes; the rows are packed piece by piece."""
    packer = zlib.compressobj(9)
    row = b"\0" + bytes((side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    empty = png((side, side), 1, 0, b"")
    at = empty.index(b"IDAT") - 4
    chunk = b"IDAT" + body
    data = struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return empty[:at] + data + empty[empty.index(b"IEND") - 4 :]


@pytest.mark.slow
@pytest.mark.parametrize("side", [13_000, 30_000])  # Pillow warns of the first, refuses the second
def test_decompression_bomb_is_refused_before_a_pixel_is_decoded(tmp_path, side, monkeypatch):
    data = bomb(side)
    assert len(data) < 300_000
    assert Image.open(BytesIO(bomb(64))).size == (64, 64)  # made by the same recipe, it's valid
    decoded = []
    monkeypatch.setattr(decode_module.PngImageFile, "load", lambda self: decoded.append(self))
    with pytest.raises(ImageError, match=f"{side} x {side} px"):
        read_image(data)
    with pytest.raises(MaskError, match=f"{side} x {side} px"):
        read_mask(data)
    assert not decoded


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "JPEG"])
def test_a_header_that_lies_about_the_size(kind):
    data = bytearray(
        file_of(Image.new("RGB", (32, 32)), kind, **({"lossless": True} if kind == "WEBP" else {}))
    )
    if kind == "GIF":
        data[6:10] = struct.pack("<HH", 30_000, 30_000)
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 30_000, 30_000)
    elif kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", 30_000, 30_000)
    elif kind == "TIFF":
        assert data[10:22] == struct.pack("<HHII", 256, 4, 1, 32)  # the tag of the width
        data[18:22] = struct.pack("<I", 3_000_000)
    else:
        at = data.index(b"VP8L") + 9
        bits = int.from_bytes(data[at : at + 4], "little")
        data[at : at + 4] = ((bits & ~0xFFFFFFF) | 16382 << 14 | 16382).to_bytes(4, "little")
    with pytest.raises(ImageError, match=r"megapixels|cut short"):
        read_image(bytes(data))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (6, 6000),  # the canvas
        (13 + 768 + 1, 9000),  # the first picture's place
        (13 + 768 + 7, 9000),  # its height
    ],
)
def test_a_gif_with_a_damaged_size_is_refused_not_filled_up(at, value):
    data = bytearray(noise_file("GIF"))
    assert data[6:10] == data[13 + 768 + 5 :][:4] == struct.pack("<HH", 64, 64)
    data[at : at + 2] = struct.pack("<H", value)
    with pytest.raises(ImageError, match="one of them is damaged"):
        read_image(bytes(data))


@pytest.mark.parametrize(
    ("at", "filling", "is_read"),
    [
        (13 + 768, bytes(30_000_000), False),
        (13 + 768, b"!\xfe" + b"\1a" * 15_000_000 + b"\0", False),
        (-1, bytes(30_000_000), True),
        (-1, b"!\xfe" + b"\1a" * 15_000_000, True),
        (13 + 768, bytes(9), True),
    ],
)
def test_what_fills_a_gif_does_not_take_long(at, filling, is_read):
    data = noise_file("GIF")
    started = time.perf_counter()
    if is_read:
        assert np.array_equal(read_image(data[:at] + filling + data[at:]), read_image(data))
    else:
        with pytest.raises(ImageError, match="damaged"):
            read_image(data[:at] + filling + data[at:])
    assert time.perf_counter() - started < 4  # it was 10 s and more


def test_a_gif_whose_canvas_is_empty_has_its_pictures_size():
    data = bytearray(noise_file("GIF"))
    data[6:10] = bytes(4)
    assert np.array_equal(read_image(bytes(data)), read_image(noise_file("GIF")))


MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
from core.image import read_image
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
image = read_image(Path(sys.argv[1]))
print(peak() - before, image.nbytes, image.shape, image[0, 0].tolist(), image[-1, -1].tolist())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize(("kind", "orientation"), [("JPEG", 6), ("PNG", 1)])
def test_memory_of_a_102_megapixel_photo_with_a_profile(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (11_648, 8736), (10, 200, 30))
    path = tmp_path / "large.photo"
    profile = matrix_profile(DISPLAY_P3, (2.2,))
    options = {"quality": 75} if kind == "JPEG" else {"compress_level": 1}
    picture.save(path, kind, exif=exif, icc_profile=profile, **options)
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    used, size, rest = result.stdout.split(maxsplit=2)
    assert rest.startswith("(8736, 11648, 3)" if orientation == 1 else "(11648, 8736, 3)")
    assert int(size) == 3 * 11_648 * 8736
    scale = 1024 if sys.platform == "darwin" else 1  # there in bytes already
    assert int(used) / scale < 2.5 * int(size)


# --- masks


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:40, :60]
    return (rows - 18) ** 2 + (columns - 33) ** 2 < 200


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        *itertools.product(("PNG", "TIFF", "BMP", "GIF"), [(0, 1), (0, 255), (0, 100), (100, 200)]),
        *itertools.product(("WEBP", "JPEG", "AVIF"), [(0, 255)]),
    ],
)
def test_grey_mask(kind, values):
    plane = np.where(disc(), values[1], values[0]).astype(np.uint8)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    mask = read_mask(file_of(Image.fromarray(plane), kind, **options), shape=(40, 60))
    assert mask.dtype == np.bool_
    assert (mask == disc()).mean() > (0.99 if kind == "AVIF" else 0.9999)


@pytest.mark.parametrize(
    ("palette", "car"),
    [
        ((0, 0, 0, 255, 255, 255), 1),  # as Carvana's
        ((0, 0, 0, 0, 0, 0), 1),
        ((255, 255, 255, 255, 255, 255), 1),
        ((255, 255, 255, 0, 0, 0), 0),  # a program that sorts its palette by use
        ((0, 0, 0, 128, 0, 0), 1),  # as Pascal VOC's
    ],
)
@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "BMP"])
def test_palette_mask(kind, palette, car):
    index = Image.fromarray((disc() if car else ~disc()).astype(np.uint8))
    index.putpalette([*palette, *[0] * 750])
    data = file_of(index, kind, **({"optimize": False} if kind == "GIF" else {}))
    assert Image.open(BytesIO(data)).mode == "P"
    assert np.array_equal(read_mask(data), disc())


@pytest.mark.parametrize(
    ("index", "palette", "all_car"),
    [
        (0, (0, 0, 0, 255, 255, 255), False),
        (1, (0, 0, 0, 255, 255, 255), True),
        (0, (0, 0, 0, 0, 0, 0), False),
        (1, (0, 0, 0, 0, 0, 0), True),
        (0, (255, 255, 255), True),
        (1, (255, 255, 255, 0, 0, 0), False),
    ],
)
def test_palette_mask_of_one_value(index, palette, all_car):
    picture = Image.new("P", (20, 20), index)
    picture.putpalette(palette)
    mask = read_mask(file_of(picture, "PNG"))
    assert mask.shape == (20, 20)
    assert mask.all() == mask.any() == all_car


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "1", "RGBA", "F"])
def test_all_black_and_all_white_masks(mode):
    kind = "TIFF" if mode == "F" else "PNG"
    assert not read_mask(file_of(Image.new(mode, (20, 20)), kind)).any()
    white = {"I;16": 65535, "F": 1.0, "1": 1}.get(mode, "white")
    assert read_mask(file_of(Image.new(mode, (20, 20), white), kind)).all()


def test_masks_of_other_modes():
    wide = Image.fromarray(np.where(disc(), 65535, 0).astype(np.uint16))
    assert np.array_equal(read_mask(file_of(wide, "PNG")), disc())
    assert np.array_equal(read_mask(file_of(Image.fromarray(disc()), "PNG")), disc())
    numbers = Image.fromarray(disc().astype(np.int32))
    assert np.array_equal(read_mask(file_of(numbers, "TIFF")), disc())
    soft = np.where(disc(), 0.9, 0.2).astype(np.float32)
    soft[0, 0] = 0.3
    assert np.array_equal(read_mask(file_of(Image.fromarray(soft), "TIFF")), disc())
    grey = np.where(disc(), 200, 20).astype(np.uint8)
    grey[0, :3] = 127, 128, 0
    wanted = disc()
    wanted[0, 1] = True
    assert np.array_equal(read_mask(file_of(Image.fromarray(grey), "PNG")), wanted)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, (1, 1, 1), (0, 0, 90)])
def test_coloured_mask_on_black(colour):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[disc()] = colour
    assert np.array_equal(read_mask(file_of(Image.fromarray(picture), "PNG")), disc())


def test_a_jpeg_mask_is_cut_at_half():
    plane = np.full((40, 60), 2, np.uint8)
    plane[:, 30:] = 3  # what compression leaves of black
    assert not read_mask(file_of(Image.fromarray(plane), "JPEG", quality=100)).any()


def test_alpha_is_the_mask_of_a_cutout():
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cutout = np.dstack([photo, np.where(disc(), 255, 0).astype(np.uint8)])
    assert np.array_equal(read_mask(encode_png(cutout)), disc())
    at_half = cutout.copy()
    at_half[..., 3] = np.where(disc(), 128, 127)
    assert np.array_equal(read_mask(encode_png(at_half)), disc())
    plain = np.dstack([np.zeros((40, 60, 3), np.uint8), cutout[..., 3]])  # drawn in alpha alone
    assert np.array_equal(read_mask(encode_png(plain)), disc())
    grey = Image.fromarray(cutout).convert("LA")
    assert np.array_equal(read_mask(file_of(grey, "PNG")), disc())
    assert np.array_equal(
        read_mask(file_of(Image.fromarray(cutout), "WEBP", lossless=True)), disc()
    )


def test_alpha_beside_a_drawn_mask():
    drawn = np.dstack(
        [np.where(disc(), 255, 0).astype(np.uint8)] * 3 + [np.full((40, 60), 255, np.uint8)]
    )
    assert np.array_equal(read_mask(encode_png(drawn)), disc())
    drawn[..., 3] = 90  # the same everywhere: says nothing
    assert np.array_equal(read_mask(encode_png(drawn)), disc())
    drawn[..., 3] = 255
    drawn[:2, :2, 3] = 0  # a transparent corner of a picture that is black and white
    assert np.array_equal(read_mask(encode_png(drawn)), disc())
    faint = drawn.copy()
    faint[..., 3] = np.where(disc(), 100, 50)
    assert not read_mask(encode_png(faint)).any()


def test_gif_cutout_of_many_colours():
    # Colours in use beside a transparent one.
    index = np.where(disc(), 1 + np.arange(60) % 5, 0).astype(np.uint8)
    picture = Image.fromarray(index)
    picture.putpalette([*BLUE, *RED, *GREEN, *YELLOW, 9, 9, 9, 200, 100, 0])
    assert np.array_equal(read_mask(file_of(picture, "GIF", transparency=0)), disc())


def test_unclear_masks_are_refused():
    classes = (np.arange(400) % 3).astype(np.uint8).reshape(20, 20)
    with pytest.raises(MaskError, match=r"^m: the mask holds 0 \("):
        read_mask(file_of(Image.fromarray(classes), "PNG"), name="m")
    coloured = Image.fromarray(classes)
    coloured.putpalette([*RED, *GREEN, *BLUE])
    with pytest.raises(MaskError, match="holds 0 "):
        read_mask(file_of(coloured, "PNG"))


def test_mask_of_another_size_names_both(tmp_path):
    path = tmp_path / "car_mask.png"
    path.write_bytes(encode_png(disc()))
    message = r"^car_mask\.png: the mask is 60 x 40 px, its photo 40 x 60 px; both must be the same"
    with pytest.raises(MaskError, match=message):
        read_mask(path, shape=(60, 40))
    assert read_mask(path, shape=(40, 60)).shape == (40, 60)


def test_unreadable_mask_is_a_mask_error(tmp_path):
    for data in (b"", b"text", noise_file("PNG")[:500]):
        with pytest.raises(MaskError, match=r"^m\.png: the (file|PNG file) "):
            read_mask(data, name="m.png")
    with pytest.raises(MaskError, match="No such file"):
        read_mask(tmp_path / "no.png")


# --- writing


sizes = st.tuples(st.integers(16, 40), st.integers(16, 40))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(sizes.flatmap(lambda size: arrays(np.uint8, (*size, 3))))
def test_image_survives_png(image):
    assert np.array_equal(read_image(encode_png(image)), image)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes.flatmap(lambda size: arrays(np.bool_, size)))
def test_mask_survives_png_as_0_and_255(mask):
    data = encode_png(mask)
    picture = Image.open(BytesIO(data))
    assert picture.mode == "L"
    assert set(np.unique(picture).tolist()) <= {0, 255}
    assert np.array_equal(read_mask(data, shape=mask.shape), mask)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(sizes.flatmap(lambda size: arrays(np.uint8, (*size, 4))))
def test_cutout_survives_png(cutout):
    picture = Image.open(BytesIO(encode_png(cutout)))
    assert picture.mode == "RGBA"
    assert np.array_equal(np.asarray(picture), cutout)


def test_a_view_that_is_not_contiguous_is_written():
    image = corners()
    assert np.array_equal(read_image(encode_png(image[::-1, ::2])), image[::-1, ::2])
    assert np.array_equal(read_mask(encode_png(disc().T)), disc().T)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((20, 20, 2), np.uint8),
    ],
)
def test_png_of_anything_else_is_refused(array):
    with pytest.raises(ValueError, match="a PNG is made of"):
        encode_png(array)


def test_jpeg():
    data = encode_jpeg(corners())
    assert data[:3] == b"\xff\xd8\xff"
    assert_corners(read_image(data), 8)
    assert len(encode_jpeg(corners(), quality=30)) < len(data)


def test_thumbnail():
    image = corners()
    assert thumbnail(image, 64) is image
    assert thumbnail(image, 1000) is image
    small = thumbnail(image, 32)
    assert small.shape == (24, 32, 3)
    assert small.dtype == np.uint8
    assert small[2, 2].tolist() == list(RED)
    assert small.flags.writeable
    assert thumbnail(np.zeros((16, 4000, 3), np.uint8), 100).shape == (1, 100, 3)


def test_thumbnail_does_not_alias():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    small = thumbnail(stripes, 100).astype(int)
    assert np.abs(small[5:-5, 5:-5] - 127).max() <= 3
