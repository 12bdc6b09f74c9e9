"""What a person takes home."""

import csv
import io
import zipfile

import numpy as np

from core.drawing import OverlayStyle
from core.image import read_image
from core.image_model import Prediction
from core.results import ResultRow, result_files, result_row, results_table, write_zip
from core.session import PhotoResult

MASK = np.zeros((20, 40), bool)
MASK[5:15, 10:30] = True
IMAGE = np.full((20, 40, 3), 200, np.uint8)


def result(uncertainty: float | None, seconds: float = 0.1, limit: float = 0.02) -> PhotoResult:
    prediction = Prediction(np.zeros((2, 4), np.float32), uncertainty, limit=limit)
    return PhotoResult(prediction, MASK.shape, seconds, "")


def test_files_have_the_photos_size() -> None:
    files = dict(result_files("a", IMAGE, MASK, OverlayStyle(), cutout="soft"))
    assert list(files) == ["a_mask.png", "a_overlay.jpg", "a_cutout.png"]
    for data in files.values():
        assert read_image(data).shape == (20, 40, 3)
    assert np.array_equal(read_image(files["a_mask.png"])[..., 0], MASK * np.uint8(255))


def test_a_row_by_hand() -> None:
    row = result_row("a.jpg", MASK, result(0.012345, 0.12345))
    assert row == ResultRow("a.jpg", 40, 20, 0.25, 0.0123, 0.123, doubt_limit=0.02)
    assert row.advice == ResultRow("b.jpg", error="damaged").advice == ""
    own = result_row("a.jpg", MASK, result(0.05, limit=0.06))
    assert own.doubt_limit == 0.06 and not own.advice
    assert "50.0%" in result_row("a.jpg", MASK, result(0.5)).advice
    assert "No car" in result_row("a.jpg", np.zeros_like(MASK), result(1.0)).advice


def test_the_table_reads_back_and_holds_no_formula() -> None:
    rows = [
        result_row("Käfer 🚗, rot.jpg", MASK, result(0.01)),
        ResultRow('=HYPERLINK("x").jpg', error='not a photo, "really"'),
    ]
    data = results_table(rows)
    back = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    figures = ("width", "height", "car_share", "doubt", "seconds")
    assert list(back[0]) == [
        "file",
        *figures,
        "checkpoint",
        "stem",
        "note",
        "error",
        "edited",
        "doubt_limit",
    ]
    assert back[0]["file"] == "Käfer 🚗, rot.jpg" and back[0]["car_share"] == "0.25"
    assert back[1]["file"].startswith("'=") and back[1]["width"] == ""
    assert back[1]["error"] == 'not a photo, "really"'


def test_a_zip_holds_files_and_table() -> None:
    target = io.BytesIO()
    write_zip(target, [("a_mask.png", b"1"), ("b_mask.png", b"2")], [ResultRow("a")])
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["a_mask.png", "b_mask.png", "results.csv"]
        assert archive.read("b_mask.png") == b"2"
        assert archive.testzip() is None
