"""What stands behind the Segment page and needs no page: caches, downloads, the ZIP job."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.colour import matrix_profile
from core.drawing import OverlayStyle
from core.image import read_image
from core.masks import MaskSettings
from core.predict import Mirrored, Predictor
from core.preprocess import enlarge
from core.session import Photo, PredictionSession, uploaded_photos
from dashboard.segment.downloads import all_as_zip, full_cutout, full_mask, full_overlay
from dashboard.segment.pictures import Look
from dashboard.segment.zip_job import ZipJob
from dashboard.ui.samples import list_samples, mixed_samples
from tests.core.test_image import DISPLAY_P3
from tests.pages.untrained import write_checkpoint

LOOK = Look(MaskSettings(), OverlayStyle())
ALL_CAR = Look(MaskSettings(0.0), OverlayStyle())


def jpeg(height: int, width: int, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path, "one")


@pytest.fixture
def session(checkpoint: Path) -> PredictionSession:
    return PredictionSession.load(checkpoint)


def test_the_page_has_the_same_mask_as_the_predictor(
    session: PredictionSession, checkpoint: Path
) -> None:
    # 512 x 342 has a grid whose own grid is another one: a second resizing would show.
    photos = uploaded_photos([("a.jpg", jpeg(342, 512))])
    prepared = session.prepare(photos[0], 200)
    prediction = Mirrored(Predictor.load(checkpoint)).predict(photos[0].source.read())
    probability = enlarge(prediction.probability, 342, 512)
    threshold = float(np.median(probability))
    mask = prepared.result.mask(MaskSettings(threshold))
    assert np.array_equal(mask, probability >= threshold)
    assert 0 < mask.mean() < 1
    assert prepared.picture.shape == (134, 200, 3)


@pytest.mark.slow
def test_downloads_have_the_photo_s_full_size(session: PredictionSession) -> None:
    (photo,) = uploaded_photos([("a.jpg", jpeg(1000, 1600))])
    prepared = session.prepare(photo, 200)
    modes = {}
    for make in (full_mask, full_overlay, full_cutout):
        picture = Image.open(io.BytesIO(make(prepared, LOOK)))
        assert picture.size == (1600, 1000)
        modes[make.__name__] = (picture.format, picture.mode)
    assert modes == {
        "full_mask": ("PNG", "L"),
        "full_overlay": ("JPEG", "RGB"),
        "full_cutout": ("PNG", "RGBA"),
    }


def table(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("results.csv").decode("utf-8-sig"))))


def test_the_zip_holds_every_photo_and_names_the_bad_one(session: PredictionSession) -> None:
    files = [("a b.jpg", jpeg(40, 60)), ("bad.jpg", b"text"), ("ü😀.jpg", jpeg(50, 50, 1))]
    archive = zipfile.ZipFile(io.BytesIO(all_as_zip(session, uploaded_photos(files), LOOK)))
    endings = ("_mask.png", "_overlay.jpg", "_cutout.png")
    wanted = {f"{stem}{ending}" for stem in ("a b", "ü😀") for ending in endings}
    assert set(archive.namelist()) == wanted | {"results.csv"}
    rows = table(archive)
    assert [row["file"] for row in rows] == ["a b.jpg", "bad.jpg", "ü😀.jpg"]
    assert [bool(row["error"]) for row in rows] == [False, True, False]


def test_the_zip_holds_srgb_stems_and_notes(session: PredictionSession) -> None:
    profile = matrix_profile(DISPLAY_P3, (2.2,))
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 80, 60)).save(stream, "PNG", icc_profile=profile)
    wide = stream.getvalue()
    broken = io.BytesIO()
    Image.new("RGB", (60, 40)).save(broken, "PNG", icc_profile=b"broken")
    files = [("a/x.png", wide), ("b/x.png", broken.getvalue())]
    photos = uploaded_photos(files)
    archive = zipfile.ZipFile(io.BytesIO(all_as_zip(session, photos, ALL_CAR)))
    rows = table(archive)
    assert [(row["file"], row["stem"]) for row in rows] == [("a/x.png", "x"), ("b/x.png", "x_2")]
    assert [bool(row["note"]) for row in rows] == [False, True]
    for data in (
        archive.read("x_cutout.png"),
        full_cutout(session.prepare(photos[0], 60), ALL_CAR),
    ):
        pixel = Image.open(io.BytesIO(data)).getpixel((30, 20))
        assert np.abs(np.subtract(pixel, (*read_image(wide)[20, 30], 255))).max() == 0
        assert pixel[0] > 210


def test_results_among_uploads_are_left_out_and_keys_stay(session: PredictionSession) -> None:
    photos = uploaded_photos([("a.jpg", jpeg(40, 60)), ("b.jpg", jpeg(40, 60, 1))])
    files = all_as_zip(session, photos, LOOK)
    again = uploaded_photos([("results.zip", files), ("b.jpg", jpeg(40, 60, 1))])
    assert [photo.source.name for photo in again] == ["b.jpg"]
    assert "(6)" in again.left_out[0]
    assert [photo.key for photo in again] == [photos[1].key]
    assert len({photo.key for photo in photos}) == 2


def wait(job: ZipJob) -> None:
    until = time.monotonic() + 60
    while job.state == "running" and time.monotonic() < until:
        time.sleep(0.02)


def test_a_job_fills_a_zip_beside_the_page(session: PredictionSession) -> None:
    files = [(f"{number}.jpg", jpeg(40, 60, number)) for number in range(14)]
    job = ZipJob(session, uploaded_photos([*files, ("bad.jpg", b"")]), LOOK)
    wait(job)
    assert (job.state, len(job.rows), job.failed) == ("done", 15, 1)
    archive = zipfile.ZipFile(io.BytesIO(job.read()))
    assert len(archive.namelist()) == 14 * 3 + 1
    assert len(table(archive)) == 15


def slow_photos(count: int) -> list[Photo]:
    photos = uploaded_photos([(f"{number}.jpg", jpeg(40, 60, number)) for number in range(count)])
    for photo in photos:
        reader = photo.source.reader

        def read(reader=reader):
            time.sleep(0.05)
            return reader()

        object.__setattr__(photo.source, "reader", read)
    return photos


def test_a_job_can_be_stopped(session: PredictionSession) -> None:
    job = ZipJob(session, slow_photos(100), LOOK)
    job.stop()
    time.sleep(0.5)
    done = len(job.rows)
    assert job.state == "stopped"
    time.sleep(0.3)
    assert len(job.rows) == done < 100


def test_a_job_ends_when_nobody_watches_it(
    session: PredictionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.segment.zip_job._ABANDONED_SECONDS", 0.2)
    job = ZipJob(session, slow_photos(100), LOOK)
    wait(job)
    assert job.state == "stopped"
    assert len(job.rows) < 100


def test_a_job_that_can_not_write_says_so(
    session: PredictionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dashboard.segment.zip_job.write_zip", full)
    job = ZipJob(session, slow_photos(1), LOOK)
    wait(job)
    assert job.state == "failed"
    assert "No space left" in job.error


def test_the_strip_shows_each_car_once_from_changing_sides(samples: Path) -> None:
    listed = list_samples(samples)
    assert len(listed) == 6
    assert listed[0].label == "Car 0, view 1"
    assert listed[0].mask == samples / "masks" / "synth0000_01.png"
    mixed = mixed_samples(listed)
    assert [sample.name[:9] for sample in mixed] == ["synth0000", "synth0001", "synth0002"]
    assert len({sample.name[-2:] for sample in mixed}) == 2


def test_a_sample_without_a_mask_is_a_sample(samples: Path) -> None:
    (samples / "masks" / "synth0000_01.png").unlink()
    assert list_samples(samples)[0].mask is None


def test_no_samples_folder_is_no_samples(tmp_path: Path) -> None:
    assert list_samples(tmp_path / "nowhere") == []
    assert mixed_samples([]) == []
