"""Camera raw files, and TIFFs whose first picture is a preview, are refused with advice."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from core.errors import ImageError, MaskError
from core.image import read_image, read_mask

SMALL, LARGE = (96, 64), (480, 320)


def tiff(*pages: tuple[tuple[int, int], dict[int, int]], **options: object) -> bytes:
    """A TIFF of pictures of (width, height) with tags of their own."""
    pictures = []
    for size, tags in pages:
        picture = Image.new("RGB", size, "red")
        own = ImageFileDirectory_v2()
        for tag, value in tags.items():
            own.tagtype[tag] = 4
            own[tag] = value
        picture.encoderinfo = {"tiffinfo": own}
        pictures.append(picture)
    stream = BytesIO()
    first = pictures[0].encoderinfo["tiffinfo"]
    pictures[0].save(
        stream, "TIFF", save_all=True, append_images=pictures[1:], tiffinfo=first, **options
    )
    return stream.getvalue()


@pytest.mark.parametrize("name", ["car.DNG", "car.tif"])
@pytest.mark.parametrize("big_tiff", [False, True])
@pytest.mark.parametrize(
    "pages",
    [
        [(SMALL, {254: 1}), (LARGE, {254: 0})],
        [(SMALL, {255: 2}), ((100, 70), {})],
        [(SMALL, {}), (LARGE, {})],
        [(SMALL, {}), (SMALL, {}), (LARGE, {})],
    ],
)
def test_a_preview_that_comes_first_is_not_taken_for_the_photo(tmp_path, pages, big_tiff, name):
    path: Path = tmp_path / name
    path.write_bytes(tiff(*pages, big_tiff=big_tiff))
    largest = "{} x {} px".format(*pages[-1][0])
    with pytest.raises(ImageError, match=rf"^{name}: .*96 x 64 px.*{largest}.*Save"):
        read_image(path)
    with pytest.raises(MaskError, match="preview"):
        read_mask(path)


@pytest.mark.parametrize(
    "pages",
    [
        [(LARGE, {}), (SMALL, {254: 1})],
        [(LARGE, {}), (LARGE, {})],
        [(LARGE, {254: 1})],
        [(LARGE, {}), ((500, 340), {})],
    ],
)
def test_a_tiff_whose_first_picture_is_the_photo_is_read(pages):
    assert read_image(tiff(*pages)).shape == (320, 480, 3)


@pytest.mark.parametrize(
    "tags", [{50706: 0x01040000}, {262: 32803}, {262: 34892}, {259: 34713}, {259: 32767}]
)
def test_raw_in_a_tiff_is_refused_whatever_its_suffix(tags):
    [(tag, value)] = tags.items()
    data = bytearray(tiff((LARGE, {}), (LARGE, {50706: 0} if tag == 50706 else {})))
    if tag == 50706:
        data = bytearray(tiff((LARGE, tags)))
    else:  # of the last picture, as cameras write it
        at = data.rindex(tag.to_bytes(2, "little") + b"\3\0\1\0\0\0")
        data[at + 8 : at + 10] = value.to_bytes(2, "little")
    with pytest.raises(ImageError, match=r"camera raw file .*Develop it"):
        read_image(bytes(data), name="car.tif")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + b"\1\0\0\1\4\0\1\0\0\0\x40\0\0\0", "CR2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"),
        (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"MMOR\0\0\0\x08", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
    ],
)
def test_raw_of_its_own_kind_is_named(head, kind):
    with pytest.raises(ImageError, match=rf"camera raw file \({kind}\).*Develop it"):
        read_image(head + bytes(100), name="car.jpg")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("at", range(0, 200, 7))
def test_a_damaged_tiff_is_an_image_error_or_a_picture(at):
    data = bytearray(tiff((SMALL, {254: 1}), (LARGE, {})))
    data[at] ^= 0xFF
    with suppress(ImageError):
        assert read_image(bytes(data)).shape[2] == 3


def test_directories_in_a_circle_end():
    data = bytearray(tiff((LARGE, {}), (LARGE, {})))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    after = first + 2 + 12 * count
    data[after : after + 4] = data[4:8]
    assert read_image(bytes(data)).shape == (320, 480, 3)
