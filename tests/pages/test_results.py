"""What stands behind the Segment page and needs no page: caches, downloads, the ZIP."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.batch import Batch
from core.colour import matrix_profile
from core.drawing import OverlayStyle
from core.image import read_image
from core.masks import MaskSettings
from core.predict import Mirrored
from core.preprocess import enlarge
from core.session import Photo, PredictionSession, uploaded_photos
from core.torch_predictor import TorchPredictor
from dashboard.segment.downloads import finish_photo, full_cutout, full_mask, full_overlay
from dashboard.segment.pictures import Look
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
    prediction = Mirrored(TorchPredictor.load(checkpoint)).predict(photos[0].source.read())
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


def zip_of(session: PredictionSession, photos: Sequence[Photo], look: Look) -> zipfile.ZipFile:
    """Returns the ZIP that a batch makes of photos."""
    batch = Batch(photos, partial(finish_photo, session))
    until = time.monotonic() + 60
    while (progress := batch.watch(look)).state == "running" and time.monotonic() < until:
        time.sleep(0.02)
    assert progress.state == "done", progress.error
    return zipfile.ZipFile(io.BytesIO(batch.zip()))


def test_the_zip_holds_every_photo_and_names_the_bad_one(session: PredictionSession) -> None:
    files = [("a b.jpg", jpeg(40, 60)), ("bad.jpg", b"text"), ("ü😀.jpg", jpeg(50, 50, 1))]
    archive = zip_of(session, uploaded_photos(files), ALL_CAR)
    endings = ("_mask.png", "_overlay.jpg", "_cutout.png")
    wanted = {f"{stem}{ending}" for stem in ("a b", "ü😀") for ending in endings}
    assert set(archive.namelist()) == wanted | {"results.csv"}
    rows = table(archive)
    assert [row["file"] for row in rows] == ["a b.jpg", "bad.jpg", "ü😀.jpg"]
    assert [bool(row["error"]) for row in rows] == [False, True, False]


def test_the_zip_holds_what_was_chosen_on_its_background(session: PredictionSession) -> None:
    look = replace(ALL_CAR, background="#FFFFFF", outputs=("Cut-outs",))
    archive = zip_of(session, uploaded_photos([("a.jpg", jpeg(40, 60))]), look)
    assert set(archive.namelist()) == {"a_cutout.jpg", "results.csv"}
    picture = Image.open(io.BytesIO(archive.read("a_cutout.jpg")))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (60, 40))


def test_where_there_is_no_car_the_background_is_all(session: PredictionSession) -> None:
    (photo,) = uploaded_photos([("a.jpg", jpeg(40, 60))])
    nothing = Look(MaskSettings(1.0), OverlayStyle(), background="#FF8000")
    pixels = np.asarray(Image.open(io.BytesIO(full_cutout(session.prepare(photo, 60), nothing))))
    assert np.abs(pixels.astype(int) - (255, 128, 0)).max() <= 2
    assert zip_of(session, [photo], nothing).namelist() == [
        "a_mask.png",
        "a_overlay.jpg",
        "results.csv",
    ]


def test_the_zip_holds_srgb_stems_and_notes(session: PredictionSession) -> None:
    profile = matrix_profile(DISPLAY_P3, (2.2,))
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 80, 60)).save(stream, "PNG", icc_profile=profile)
    wide = stream.getvalue()
    broken = io.BytesIO()
    Image.new("RGB", (60, 40)).save(broken, "PNG", icc_profile=b"broken")
    files = [("a/x.png", wide), ("b/x.png", broken.getvalue())]
    photos = uploaded_photos(files)
    archive = zip_of(session, photos, ALL_CAR)
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
    archive = zip_of(session, photos, ALL_CAR)
    assert archive.fp is not None
    archive.fp.seek(0)
    again = uploaded_photos([("results.zip", archive.fp.read()), ("b.jpg", jpeg(40, 60, 1))])
    assert [photo.source.name for photo in again] == ["b.jpg"]
    assert "(6)" in again.left_out[0]
    assert [photo.key for photo in again] == [photos[1].key]
    assert len({photo.key for photo in photos}) == 2


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
