"""Listing photos from files, folders, ZIPs and uploads, the hostile ones among them."""

import os
import struct
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import photos as photos_module
from core.errors import ArchiveError, CarmaskError, ImageError
from core.photos import PHOTO_SUFFIXES, PhotoSource, list_photos, list_uploads


def photo(level: int = 100, kind: str = "PNG") -> bytes:
    """A small photo that can be told by its level."""
    stream = BytesIO()
    Image.new("RGB", (20, 16), (level, level, level)).save(stream, kind)
    return stream.getvalue()


def fill(folder: Path, *names: str) -> None:
    for level, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(level))


def zipped(*members: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return stream.getvalue()


def names(sources: list[PhotoSource]) -> list[str]:
    return [source.name for source in sources]


def stems(sources: list[PhotoSource]) -> list[str]:
    return [source.stem for source in sources]


def levels(sources: list[PhotoSource]) -> list[int]:
    return [int(source.read()[0, 0, 0]) for source in sources]


def error_of(source: PhotoSource) -> str:
    with pytest.raises(CarmaskError) as caught:
        source.read()
    assert type(caught.value) in (ArchiveError, ImageError)
    return f"{type(caught.value).__name__} {caught.value}"


# --- files and folders


def test_files_in_the_order_given(tmp_path):
    fill(tmp_path, "b.png", "a.png")
    sources = list_photos([tmp_path / "b.png", tmp_path / "a.png"])
    assert names(sources) == ["b.png", "a.png"]
    assert stems(sources) == ["b", "a"]
    assert levels(sources) == [0, 1]
    assert sources[0].read().shape == (16, 20, 3)


def test_nothing_in_nothing_out():
    assert list_photos([]) == []
    assert list_uploads([]) == []


def test_a_folder_in_natural_order_without_what_is_hidden_or_no_photo(tmp_path):
    fill(
        tmp_path,
        "car10.png", "car2.png", "Car1.JPG", "b/x.webp", "b/007.tiff", "b/7.heic",
        ".hidden.png", "._car2.png", ".git/x.png", "__MACOSX/car2.png", "notes.txt", "more.zip",
        "b/c/deep.gif", "ohne",
    )  # fmt: skip
    assert names(list_photos([tmp_path])) == [
        "b/7.heic", "b/007.tiff", "b/c/deep.gif", "b/x.webp", "Car1.JPG", "car2.png", "car10.png",
    ]  # fmt: skip


def test_a_named_file_is_tried_whatever_its_suffix(tmp_path):
    fill(tmp_path, "camera.raw", ".hidden", "plain")
    paths = [tmp_path / name for name in ("camera.raw", ".hidden", "plain")]
    assert levels(list_photos(paths)) == [0, 1, 2]


def test_links_that_lead_in_a_circle(tmp_path):
    fill(tmp_path, "a/car.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert names(list_photos([tmp_path])) == ["a/car.png"]


def test_reading_is_lazy(tmp_path):
    fill(tmp_path, "car.png")
    [source] = list_photos([tmp_path / "car.png"])
    (tmp_path / "car.png").write_bytes(photo(222))
    assert levels([source]) == [222]
    (tmp_path / "car.png").unlink()
    assert "ImageError car.png: the file can't be opened (No such file" in error_of(source)


def test_bad_paths_stand_beside_good_ones(tmp_path):
    fill(tmp_path, "car.png")
    (tmp_path / "empty folder").mkdir()
    (tmp_path / "text.jpg").write_text("not a photo")
    (tmp_path / "text.zip").write_text("not a ZIP")
    os.mkfifo(tmp_path / "pipe.jpg")
    paths = ["no.jpg", "empty folder", "text.jpg", "text.zip", "pipe.jpg", "car.png"]
    sources = list_photos([tmp_path / path for path in paths])
    assert names(sources) == paths
    assert levels(sources[-1:]) == [0]
    assert [error_of(source)[:64] for source in sources[:-1]] == [
        f"ImageError no.jpg: no such file or folder ({tmp_path}"[:64],
        "ImageError empty folder: the folder holds no photo. Put JPEG, PN",
        "ImageError text.jpg: the file holds text, not a picture. Use a J",
        "ArchiveError text.zip: not a ZIP, or one that is cut short or da",
        "ImageError pipe.jpg: neither a file nor a folder. Give a photo, ",
    ]
    assert error_of(sources[0]) == error_of(sources[0])


def test_a_pipe_in_a_folder_does_not_wait_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not a file" in error_of(list_photos([tmp_path])[0])


def test_an_unreadable_folder_is_reported(tmp_path, monkeypatch):
    fill(tmp_path, "a/1.png", "b/2.png")
    scan = os.scandir

    def closed(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(photos_module.os, "scandir", closed)
    sources = list_photos([tmp_path])
    assert names(sources) == ["a/1.png", "b"]
    assert "b: the folder can't be read (Permission denied)" in error_of(sources[1])


# --- ZIPs


def test_a_zip_is_listed_like_a_folder(tmp_path):
    path = tmp_path / "batch.zip"
    path.write_bytes(
        zipped(
            ("photos/", b""), ("photos/car10.png", photo(10)), ("photos/car2.JPG", photo(2)),
            ("./a.bmp", photo(1)), ("__MACOSX/photos/._car2.png", b"x"), ("readme.txt", b"x"),
            ("photos/.hidden.png", photo()), (".git/x.png", photo()), ("photos/empty.png", b""),
        )
    )  # fmt: skip
    sources = list_photos([path])
    assert names(sources) == ["./a.bmp", "photos/car2.JPG", "photos/car10.png", "photos/empty.png"]
    assert levels(sources[:3]) == [1, 2, 10]
    assert levels(sources[2:0:-1]) == [10, 2]  # in any order, any number of times
    assert "ImageError photos/empty.png: the file is empty" in error_of(sources[3])


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_uploads_and_a_zip_among_them(packing):
    archive = zipped(("in/a.png", photo(1)), ("in/b.png", photo(2)), packing=packing)
    files = [("x.png", photo(7)), ("in.zip", archive), ("no suffix", archive), ("y.jpg", b"")]
    sources = list_uploads(files)
    assert names(sources) == [
        "x.png", "in.zip/in/a.png", "in.zip/in/b.png",
        "no suffix/in/a.png", "no suffix/in/b.png", "y.jpg",
    ]  # fmt: skip
    assert stems(sources) == ["x", "a", "b", "a_2", "b_2", "y"]
    assert levels(sources[:5]) == [7, 1, 2, 1, 2]
    assert "y.jpg: the file is empty" in error_of(sources[5])


def test_a_photo_named_zip_and_a_zip_named_photo():
    sources = list_uploads([("photo.zip", photo()), ("car.jpg", zipped(("a.png", photo())))])
    assert "ArchiveError photo.zip: not a ZIP" in error_of(sources[0])
    assert "ImageError car.jpg: the file holds something else" in error_of(sources[1])


def test_unsafe_names_are_reported_and_the_others_go_on(tmp_path):
    bad = [
        "../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\worse.png", "C:\\evil.png",
        "c:evil.png", "\\\\server\\evil.png", "../../.ssh/authorized_keys",
    ]  # fmt: skip
    path = tmp_path / "in" / "batch.zip"
    path.parent.mkdir()
    path.write_bytes(zipped(("good.png", photo(9)), *[(name, photo()) for name in bad]))
    sources = list_photos([path])
    assert len(sources) == 9
    good = [source for source in sources if source.name == "good.png"]
    assert levels(good) == [9]
    for source in sources:
        assert not set(source.stem) & set("/\\:")
        assert ".." not in source.stem
        if source.name != "good.png":
            assert error_of(source).startswith(f"ArchiveError batch.zip: {source.name} has an unsa")
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "batch.zip"]


def test_a_name_with_two_dots_inside_is_safe():
    assert levels(
        list_uploads([("a.zip", zipped(("car..png", photo(3)), ("..car/b.png", b"")))])
    ) == [3]


def test_a_zip_in_a_zip_is_reported():
    archive = zipped(("inner.zip", zipped(("a.png", photo()))), ("b.png", photo(5)))
    sources = list_uploads([("outer.zip", archive)])
    assert names(sources) == ["b.png", "inner.zip"]
    assert levels(sources[:1]) == [5]
    assert "outer.zip: inner.zip is a ZIP inside a ZIP" in error_of(sources[1])


def test_an_encrypted_member_is_reported():
    data = bytearray(zipped(("a.png", photo()), ("b.png", photo(4))))
    data[data.index(b"PK\3\4") + 6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    sources = list_uploads([("a.zip", bytes(data))])
    assert "ArchiveError a.zip: a.png is locked with a password" in error_of(sources[0])
    assert levels(sources[1:]) == [4]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_is_reported(packing):
    [source] = list_uploads([("a.zip", zipped(("a.png", photo()), packing=packing))])
    assert "a.png is packed in an unusual way" in error_of(source)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_truncated_zip(tmp_path, share):
    data = zipped(*[(f"{number}.png", photo(number)) for number in range(9)])
    path = tmp_path / "cut.zip"
    path.write_bytes(data[: int(len(data) * share)])
    fill(tmp_path, "car.png")
    bad, good = list_photos([path, tmp_path / "car.png"])
    assert "ArchiveError cut.zip: not a ZIP, or one that is cut short or damaged" in error_of(bad)
    assert levels([good]) == [0]


def test_a_damaged_member_is_reported():
    data = bytearray(zipped(("a.png", photo(1)), ("b.png", photo(2)), packing=zipfile.ZIP_STORED))
    data[data.index(b"IDAT") + 8] ^= 255
    damaged, good = list_uploads([("x.zip", bytes(data))])
    assert "ArchiveError x.zip: a.png is damaged in the ZIP (Bad CRC-32" in error_of(damaged)
    assert levels([good]) == [2]
    data = bytearray(zipped(("a.png", photo(1))))
    data[data.index(b"a.png") + 5] = 0xFF  # no such kind of Deflate block
    assert "a.png is damaged" in error_of(list_uploads([("x.zip", bytes(data))])[0])


def test_a_zip_without_photos():
    for archive in (zipped(), zipped(("readme.txt", b"x"), ("__MACOSX/a.png", photo()))):
        [source] = list_uploads([("docs.zip", archive)])
        assert "ArchiveError docs.zip: the ZIP holds no photo. Put JPEG" in error_of(source)


def test_zip_bomb_by_size():
    # 201 MB of zeros in 200 kB: too large and packed too well.
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb.bmp", "w") as member:
            for _ in range(201):
                member.write(bytes(1_000_000))
        archive.writestr("car.png", photo(6))
    tracemalloc.start()
    bomb, good = list_uploads([("x.zip", stream.getvalue())])
    assert "x.zip: bomb.bmp unpacks to 201.0 MB, so it may be a ZIP bomb; a" in error_of(bomb)
    assert levels([good]) == [6]
    [bomb, _] = list_uploads([("x.zip", stream.getvalue())], max_member_bytes=10**9)
    assert "bomb.bmp is packed more than 200 times smaller" in error_of(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_zip_bomb_by_total_and_by_number():
    archive = zipped(*[(f"{number}.png", photo()) for number in range(10)])
    size = len(photo())
    assert len(list_uploads([("x.zip", archive)], max_total_bytes=10 * size)) == 10
    [source] = list_uploads([("x.zip", archive)], max_total_bytes=10 * size - 1)
    assert "ArchiveError x.zip: the ZIP unpacks to 0.0 MB, so it may be a ZIP bomb" in error_of(
        source
    )
    assert len(list_uploads([("x.zip", archive)], max_members=10)) == 10
    [source] = list_uploads([("x.zip", archive)], max_members=9)
    assert "x.zip: the ZIP holds 10 photos; at most 9 are read from one ZIP" in error_of(source)


def test_the_limits_hold_for_paths_too(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("a.png", photo()), ("b.png", photo())))
    assert "at most 1 are read" in error_of(list_photos([path], max_members=1)[0])
    assert "bomb" in error_of(list_photos([path], max_total_bytes=10)[0])
    sources = list_photos([path], max_member_bytes=10)
    assert names(sources) == ["a.png", "b.png"]
    assert "a.png unpacks to" in error_of(sources[0])


def test_a_header_that_lies_about_the_size_unpacks_no_more_than_it_says():
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bmp", bytes(50_000_000))
    data = bytearray(stream.getvalue())
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = data.index(signature) + at
        assert struct.unpack_from("<I", data, place) == (50_000_000,)
        struct.pack_into("<I", data, place, 4000)
    [source] = list_uploads([("x.zip", bytes(data))])
    tracemalloc.start()
    assert "ArchiveError x.zip: bomb.bmp is damaged in the ZIP" in error_of(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    # The other way round: more announced than there is.
    struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, 100_000_000)
    [source] = list_uploads([("x.zip", bytes(data))], max_ratio=10_000)
    assert "ArchiveError x.zip: bomb.bmp is damaged in the ZIP" in error_of(source)


def test_a_list_of_contents_without_end_is_not_read(monkeypatch):
    data = zipped(*[(f"{number}.png", photo()) for number in range(40)])
    monkeypatch.setattr(photos_module, "_MAX_DIRECTORY_BYTES", 1000)
    monkeypatch.setattr(photos_module, "ZipFile", None)  # not even opened
    [source] = list_uploads([("x.zip", data)])
    assert "x.zip: the ZIP's list of contents has 2," in error_of(source)


def test_a_zip64_archive_is_read_and_its_list_is_checked(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # makes the writer use ZIP64 records
    data = zipped(("a.png", photo(3)), ("b.png", photo(4)))
    assert b"PK\6\6" in data
    assert levels(list_uploads([("x.zip", data)])) == [3, 4]
    monkeypatch.setattr(photos_module, "_MAX_DIRECTORY_BYTES", 10)
    assert "list of contents has 102 bytes" in error_of(list_uploads([("x.zip", data)])[0])


def test_500_photos_in_one_zip(tmp_path, monkeypatch):
    path = tmp_path / "many.zip"
    members = [(f"photos/car{number}.png", photo(number % 256)) for number in range(500)]
    path.write_bytes(zipped(*members[::-1]))
    opened = []
    monkeypatch.setattr(
        photos_module, "ZipFile", lambda file: opened.append(file) or zipfile.ZipFile(file)
    )
    sources = list_photos([path])
    assert stems(sources) == [f"car{number}" for number in range(500)]
    assert levels(sources) == [number % 256 for number in range(500)]
    assert opened == [path]  # its list of contents is read once, not once a photo


def test_umlauts_of_a_zip_that_does_not_say_it_is_utf8():
    data = bytearray(zipped(("Käfer.png", photo(8)), ("plain.png", photo(9))))
    for signature, at in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        data[data.index(signature) + at] &= ~0x08
    sources = list_uploads([("x.zip", bytes(data))])
    assert names(sources) == ["Käfer.png", "plain.png"]
    assert levels(sources) == [8, 9]


# --- names


def test_two_files_of_one_name(tmp_path):
    fill(tmp_path, "a/car.jpg", "b/car.jpg", "car.png", "Car.jpg", "car_2.jpg")
    sources = list_photos(
        [tmp_path / name for name in ("a/car.jpg", "b/car.jpg", "car.png", "Car.jpg")]
    )
    assert stems(sources) == ["car", "car_2", "car_3", "Car_4"]
    assert names(sources) == [
        f"{tmp_path}/a/car.jpg",
        f"{tmp_path}/b/car.jpg",
        "car.png",
        "Car.jpg",
    ]
    assert levels(sources) == [0, 1, 2, 3]
    # A name of its own is not taken away from the photo that has it.
    sources = list_photos([tmp_path / name for name in ("car.png", "Car.jpg", "car_2.jpg")])
    assert stems(sources) == ["car", "Car_3", "car_2"]
    twice = list_photos([tmp_path / "car.png"] * 2)
    assert names(twice) == [f"{tmp_path}/car.png", f"{tmp_path}/car.png (2)"]
    assert stems(list_uploads([("car.jpg", b""), ("car.jpg", b"")])) == ["car", "car_2"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mein roter Käfer.jpg", "mein roter Käfer"),
        ("Ka\u0308fer.jpg", "Käfer"),  # as macOS writes it
        ("🚗 new 👩‍🔧.png", "🚗 new 👩‍🔧"),
        ("汽车.webp", "汽车"),
        ('a<b>c:d"e|f?g*h.png', "a_b_c_d_e_f_g_h"),
        ("tab\tline\n\x00.png", "tab_line__"),
        ("gpj.\u202egnp", "gpj._gnp"),
        ("broken \udcff.jpg", "broken _"),
        ("dots....jpg", "dots"),
        (" blanks .jpg", "blanks"),
        ("car.tar.gz", "car.tar"),
        ("Mr. Smith", "Mr. Smith"),
        (".jpg", "jpg"),
        ("..", "photo"),
        ("???.jpg", "___"),
        ("", "photo"),
        ("con.jpg", "_con"),
        ("NUL", "_NUL"),
        ("com1.old.png", "_com1.old"),
        ("console.png", "console"),
        ("folder/sub\\car.png", "car"),
        ("../../x/evil.png", "evil"),
    ],
)
def test_stems_are_safe_and_stay_readable(name, stem):
    [source] = list_uploads([(name, photo(5))])
    assert source.stem == stem
    assert levels([source]) == [5]
    source.name.encode()  # also a name that is no Unicode can be shown


def test_long_names_are_cut_and_stay_unique(tmp_path):
    long, emoji = "x" * 240, "🚗" * 80
    sources = list_uploads(
        [(f"{long}{number}.jpg", b"") for number in range(3)] + [(f"{emoji}.png", b"")]
    )
    assert stems(sources)[:3] == ["x" * 110, "x" * 110 + "_2", "x" * 110 + "_3"]
    assert sources[3].stem == "🚗" * 50
    for source in sources:
        (tmp_path / f"{source.stem}_overlay.jpg").write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_whose_name_is_no_unicode(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    try:
        path.write_bytes(photo(77))
    except OSError:
        pytest.skip("this file system takes Unicode alone")
    for sources in (list_photos([tmp_path]), list_photos([path])):
        assert names(sources) == ["caf\N{REPLACEMENT CHARACTER}.png"]
        assert stems(sources) == ["caf_"]
        assert levels(sources) == [77]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.text(max_size=140)
        | st.sampled_from(["car.jpg", "CAR.png", "car_2.png", "aux", "ß.png"]),
        max_size=12,
    )
)
def test_any_names_give_safe_unique_stems_and_unique_names(given_names):
    sources = list_uploads([(name, b"") for name in given_names])
    assert len(sources) == len(given_names)
    assert len({source.stem.casefold() for source in sources}) == len(sources)
    assert len(set(names(sources))) == len(sources)
    for source in sources:
        assert 0 < len(source.stem) < 120
        assert len(source.stem.encode()) <= 243
        assert not set(source.stem) & set('<>:"/\\|?*\0\n')
        assert source.stem == source.stem.strip(" .")
    assert stems(sources) == stems(list_uploads([(name, b"") for name in given_names]))


def test_every_suffix_is_in_lower_case_with_its_dot():
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in PHOTO_SUFFIXES)


def test_a_source_is_frozen_and_reads_an_image():
    [source] = list_uploads([("car.png", photo(1))])
    image = source.read()
    assert image.dtype == np.uint8
    with pytest.raises(AttributeError):
        source.stem = "other"  # type: ignore[misc]
