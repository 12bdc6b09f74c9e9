"""Listing photos from files, folders, ZIPs and uploads, the hostile ones among them."""

import os
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import photos as photos_module
from core.archive import ArchiveLimits
from core.errors import ArchiveError, CarmaskError, ImageError
from core.photos import PHOTO_SUFFIXES, PhotoSource, list_photos, list_uploads
from tests.core.zips import zipped


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


def test_thumbnails_of_network_storage_are_no_photos(tmp_path):
    paths = ["car.png", "@eaDir/car.png/SYNOPHOTO_THUMB_M.jpg", "a/.@__thumb/x.png", "a.jpg/b.png"]
    fill(tmp_path, *paths)
    assert names(list_photos([tmp_path])) == ["a.jpg/b.png", "car.png"]
    uploads = [(f"photos/{path}", photo()) for path in [*paths, "._car.png"]]
    assert names(list_uploads(uploads)) == ["photos/car.png", "photos/a.jpg/b.png"]
    assert names(list_uploads([("._car.png", b"")])) == ["._car.png"]  # chosen by itself
    packed = zipped(*[(path, photo()) for path in paths])
    assert names(list_uploads([("a.zip", packed)])) == ["a.jpg/b.png", "car.png"]


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


def test_the_limits_hold_for_paths_too(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("a.png", photo()), ("b.png", photo())))
    assert "at most 1 are read" in error_of(
        list_photos([path], limits=ArchiveLimits(max_members=1))[0]
    )
    assert "bomb" in error_of(list_photos([path], limits=ArchiveLimits(max_total_bytes=10))[0])
    sources = list_photos([path], limits=ArchiveLimits(max_member_bytes=10))
    assert names(sources) == ["a.png", "b.png"]
    assert "a.png unpacks to" in error_of(sources[0])


def test_the_limits_hold_for_uploads_too():
    files = [("x.zip", zipped(("a.png", photo()), ("b.png", photo()))), ("y.png", photo(3))]
    refused, good = list_uploads(files, limits=ArchiveLimits(max_members=1))
    assert "ArchiveError x.zip: the ZIP holds 2 photos; at most 1 are read" in error_of(refused)
    assert levels([good]) == [3]


def test_a_photo_in_a_zip_that_is_no_photo_is_reported():
    sources = list_uploads([("x.zip", zipped(("a.png", b""), ("b.png", photo(4))))])
    assert "ImageError a.png: the file is empty" in error_of(sources[0])
    assert levels(sources[1:]) == [4]


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
