"""What Carmask wrote is told from photos by its content, so that no result becomes a photo."""

from pathlib import Path

import numpy as np
import pytest

from core.drawing import OverlayStyle
from core.image import encode_jpeg, encode_png, read_image
from core.own_results import HEAD_BYTES, OwnResults, is_own
from core.photos import list_photos, list_uploads
from core.results import ResultRow, result_files, results_table
from tests.core.zips import zipped

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:25] = True
RESULTS = dict(result_files("car", IMAGE, MASK, OverlayStyle(), cutout="soft"))
OLD_TABLE = b"\xef\xbb\xbffile,width,height,car_share,doubt,seconds,checkpoint,error\n"


def names(sources) -> list[str]:
    return [source.name for source in sources]


def test_results_carry_a_mark_and_the_same_pixels() -> None:
    assert all(is_own(data[:HEAD_BYTES]) for data in RESULTS.values())
    assert is_own(results_table([])[:HEAD_BYTES])
    plain = encode_png(MASK), encode_jpeg(IMAGE), b"file,car_share", b""
    assert not any(is_own(data[:HEAD_BYTES]) for data in plain)
    assert np.array_equal(read_image(RESULTS["car_mask.png"]), read_image(encode_png(MASK)))


@pytest.mark.parametrize("rename", [str, lambda name: f"renamed {name}", str.upper])
def test_results_are_left_out_of_folders_files_zips_and_uploads(tmp_path: Path, rename) -> None:
    files = {"car.jpg": encode_jpeg(IMAGE), **{rename(name): RESULTS[name] for name in RESULTS}}
    (tmp_path / "in" / "out").mkdir(parents=True)
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
        (tmp_path / "in" / "out" / name).write_bytes(data)
    (tmp_path / "in" / "out" / "car.jpg").unlink()
    (tmp_path / "in.zip").write_bytes(zipped(*files.items()))
    given = sorted(path for path in (tmp_path / "in").iterdir() if path.is_file())
    for listing in (
        list_photos([tmp_path / "in"]),
        list_photos(given),
        list_photos([tmp_path / "in.zip"]),
        list_uploads([*files.items()]),
        list_uploads([("in.zip", zipped(*files.items()))]),
    ):
        assert names(listing) == ["car.jpg"]
        [sentence] = listing.left_out
        assert "results of Carmask" in sentence
        assert rename("car_mask.png") in sentence


def test_a_photo_that_is_called_like_a_result_is_a_photo(tmp_path: Path) -> None:
    for name in ("x.jpg", "x_mask.jpg", "x_overlay.jpg", "x_cutout.png"):
        (tmp_path / name).write_bytes(encode_jpeg(IMAGE))
    (tmp_path / "results.csv").write_bytes(results_table([ResultRow("x.jpg", stem="x")]))
    listing = list_photos([tmp_path])
    assert len(listing) == 4
    assert not listing.left_out


def test_nothing_but_results_is_an_error_that_says_so(tmp_path: Path) -> None:
    for name, data in RESULTS.items():
        (tmp_path / name).write_bytes(data)
    [source] = list_photos([tmp_path])
    with pytest.raises(Exception, match="result of Carmask"):
        source.read()


def test_results_without_a_mark_are_known_by_their_table(tmp_path: Path) -> None:
    table = (
        OLD_TABLE + b"a/car.jpg,1,1,0.1,0,0,x,\nb/car.jpg,1,1,0.1,0,0,x,\nbad.jpg,,,,,,,broken\n"
    )
    (tmp_path / "results.csv").write_bytes(table)
    ours = {"car_mask.png", "car_2_mask.png", "car_2_overlay.jpg"}
    for name in ours | {"bad_mask.png", "car_3_mask.png", "car.jpg"}:
        (tmp_path / name).write_bytes(encode_jpeg(IMAGE))
    own = OwnResults()
    assert {path.name for path in tmp_path.iterdir() if path in own} == ours | {"results.csv"}
    assert names(list_photos([tmp_path])) == ["bad_mask.png", "car.jpg", "car_3_mask.png"]


def test_camera_raw_files_are_listed_unless_their_photo_lies_beside(tmp_path: Path) -> None:
    for name in ("a.JPG", "a.CR2", "b.NEF", "in/a.dng"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode_jpeg(IMAGE))
    listing = list_photos([tmp_path])
    assert names(listing) == ["a.JPG", "b.NEF", "in/a.dng"]
    [sentence] = listing.left_out
    assert "a.CR2" in sentence
    uploads = list_uploads([("a.jpg", b""), ("a.cr2", b""), ("b.cr2", b"")])
    assert names(uploads) == ["a.jpg", "b.cr2"]
