from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from core.checkpoint import list_checkpoints
from core.torch_predictor import TorchPredictor
from tests.e2e.conftest import Watched, start_server, watched_page

pytestmark = pytest.mark.browser

QUICK = "?checkpoint=carmask-fast%2Fbest&second=none"
"""The start page with the model that is twenty times as fast as a plain U-Net."""


@pytest.fixture(scope="session")
def photos(samples: Path) -> list[Path]:
    return sorted((samples / "images").glob("*.jpg"))


def upload(app: Watched, *files: Path) -> None:
    drop(app.page, *files)
    expect(app.page.get_by_text(" px · ").first).to_be_visible()
    app.settle()


def drop(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(list(files))


def all_done(page: Page) -> None:
    """Waits until the ZIP of all photos can be downloaded."""
    expect(save_all(page)).to_be_enabled(timeout=300_000)


def save_all(page: Page) -> Locator:
    return page.get_by_role("button", name="Download all")


def picture(page: Page, title: str) -> Locator:
    return page.get_by_role("img", name=title, exact=True).first


def colours(app: Watched, title: str) -> np.ndarray:
    """Returns a picture (H, W, 3) as the browser received it, once no change follows it."""
    shown = picture(app.page, title)
    source, before = shown.get_attribute("src"), None
    while source != before:
        before = source
        app.page.wait_for_timeout(1000)
        app.settle()
        source = shown.get_attribute("src")
    assert source is not None
    answer = app.page.request.get(urljoin(app.page.url, source))
    assert answer.ok
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"), int)


def download(page: Page, label: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_test_id("stDownloadButton").filter(has_text=label).first.click()
    return Path(started.value.path()).read_bytes()


def move(page: Page, label: str, key: str, times: int = 1) -> None:
    slider = page.get_by_role("slider", name=label)
    for _ in range(times):
        slider.press(key)


def test_from_the_start_page_to_files_on_disk(app: Watched, photos: list[Path]) -> None:
    page = app.open()
    upload(app, photos[0])
    expect(picture(page, "Cut-out")).to_be_visible()
    with Image.open(photos[0]) as photo:
        size = photo.size
    kinds = {"cut-out": ("PNG", "RGBA"), "Mask": ("PNG", "L"), "Overlay": ("JPEG", "RGB")}
    for label, kind in kinds.items():
        saved = Image.open(io.BytesIO(download(page, label)))
        assert (saved.format, saved.mode) == kind
        assert saved.size == size
        if label == "Mask":
            assert set(np.unique(np.asarray(saved))) <= {0, 255}


def test_a_sample_is_one_click_from_the_start_page(app: Watched) -> None:
    page = app.open()
    tile = page.locator("button[data-name]").first
    name = tile.get_attribute("data-name")
    tile.click()
    page.wait_for_url(f"**/?sample={name}")
    app.settle()
    expect(picture(page, "Cut-out")).to_be_visible()


def test_the_before_after_line_moves_without_the_server(app: Watched, photos: list[Path]) -> None:
    page = app.open(f"segment?sample={photos[0].stem}&view=Before+%2F+after")
    line = page.get_by_role("slider", name="move the line")
    at = page.locator(".pair")
    sent: list[object] = []
    page.on("websocket", lambda socket: sent.append(socket))
    page.evaluate(
        "() => { const send = WebSocket.prototype.send; window.sent = 0;"
        "WebSocket.prototype.send = function (...a) { window.sent++; return send.apply(this, a) } }"
    )
    box = line.bounding_box()
    assert box is not None
    middle, right = ({"x": box["width"] * share, "y": box["height"] / 2} for share in (0.5, 0.8))
    line.drag_to(line, source_position=middle, target_position=right)  # waits until it is still
    dragged = float(line.input_value())
    assert 75 < dragged < 85
    line.press("ArrowLeft")
    assert float(line.input_value()) < dragged
    shown = at.evaluate("e => getComputedStyle(e.querySelector('.after')).clipPath")
    assert line.input_value() in shown
    page.wait_for_timeout(400)
    assert page.evaluate("window.sent") == 0


def test_settings_change_the_overlay_and_stand_in_the_url(app: Watched, photos: list[Path]) -> None:
    page = app.open(f"segment?sample={photos[0].stem}&threshold=0.02")
    first = colours(app, "Overlay")
    page.get_by_role("button", name="Overlay style").click()
    move(page, "Opacity", "ArrowRight", 4)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Adjust mask").click()
    page.get_by_text("Fill holes").click()
    page.keyboard.press("Escape")
    page.wait_for_url("**opacity=0.65**")
    page.wait_for_url("**fill_holes=true**")
    app.settle()
    second = colours(app, "Overlay")
    assert np.abs(first - second).max() > 10

    page.reload()
    app.settle()
    again = colours(app, "Overlay")
    assert np.array_equal(again, second)
    for part in ("threshold=0.02", "opacity=0.65", "fill_holes=true", photos[0].stem):
        assert part in page.url


def test_a_bad_file_stands_beside_good_ones_and_the_zip_has_all(
    app: Watched, photos: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "Notizen ü 😀.jpg"
    bad.write_bytes(b"no picture")
    page = app.open("segment")
    drop(page, photos[0], photos[1], bad)
    all_done(page)
    app.settle()
    archive = zipfile.ZipFile(io.BytesIO(download(page, "Download all")))
    endings = ("_mask.png", "_overlay.jpg", "_cutout.png")
    wanted = {f"{photo.stem}{ending}" for photo in photos[:2] for ending in endings}
    assert set(archive.namelist()) == wanted | {"results.csv"}
    rows = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode("utf-8-sig"))))
    assert [bool(row["error"]) for row in rows] == [False, False, True]
    page.locator("button[data-name='3']").click()
    expect(page.get_by_text("text, not a picture")).to_be_visible()


def test_a_checkpoint_is_taken_home_as_onnx(app: Watched, runs: Path) -> None:
    best = list_checkpoints(runs)[0].path
    page = app.open(f"runs?run={best.parent.parent.name}&part=Checkpoints")
    file = download(page, "ONNX of best")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    (found,) = session.run(None, {"image": image})
    assert np.abs(found - TorchPredictor.load(best, "cpu")(image)).max() < 1e-4


def test_a_folder_comes_with_all_its_photos(
    app: Watched, photos: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "cars"
    for place, photo in (("", photos[0]), ("more", photos[1])):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / photo.name).write_bytes(photo.read_bytes())
    (folder / "notes.txt").write_text("no photo")
    page = app.open("segment")
    page.get_by_role("tab", name="Folder").click()
    app.settle()
    page.locator("input[webkitdirectory]").set_input_files(folder)
    all_done(page)
    for photo in photos[:2]:
        expect(page.locator("button[data-name]").filter(has_text=photo.name)).to_be_visible()


@pytest.fixture
def camera(chromium: Callable[..., Browser], server: str) -> Iterator[Watched]:
    """A window whose camera shows Chromium's own moving test picture."""
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    size = {"width": 1440, "height": 900}
    yield from watched_page(chromium(*flags), server, viewport=size, permissions=["camera"])


def test_a_shot_of_the_camera_is_segmented(camera: Watched) -> None:
    page = camera.open("segment")
    page.get_by_role("tab", name="Camera").click()
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="Take Photo").click()
    expect(picture(page, "Overlay")).to_be_visible()
    camera.settle()
    assert picture(page, "Overlay").evaluate("e => e.naturalWidth") >= 320
    assert colours(camera, "Photo").std() > 10, "the camera gave a picture, not a black one"


def test_the_dealer_s_job(app: Watched, photos: list[Path], tmp_path: Path) -> None:
    """Thirty photos to a ZIP of JPEGs on white: drop them, choose white, download.

    By the quick model: what the page does with the photos is looked at, not their masks.
    """
    listing = []
    for number in range(30):
        with Image.open(photos[5 * number % len(photos)]) as drawn:
            listing.append(tmp_path / f"listing {number + 1:02}.jpg")
            drawn.save(listing[-1], quality=90)
    page = app.open(QUICK)
    drop(page, *listing)
    expect(page.locator("button[data-name]").nth(23)).to_be_visible()
    page.get_by_role("radio", name="White").click()
    page.wait_for_url("**background=White**")
    all_done(page)
    app.settle()
    counts = page.get_by_test_id("stMarkdown").filter(has_text="ready").first.inner_text()
    archive = zipfile.ZipFile(io.BytesIO(download(page, "Download all")))
    rows = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode("utf-8-sig"))))
    found = sum(float(row["car_share"]) > 0 for row in rows)
    names = [name for name in archive.namelist() if name.endswith("_cutout.jpg")]
    assert len(rows) == 30 and len(names) == found > 20
    assert sum(int(part.split()[0]) for part in counts.split(",")) == 30
    for name in names:
        picture = Image.open(io.BytesIO(archive.read(name)))
        assert picture.format == "JPEG" and min(picture.getpixel((0, 0))) > 250


def test_photos_stay_after_a_reload_until_one_starts_over(app: Watched, photos: list[Path]) -> None:
    page = app.open(QUICK)
    drop(page, *photos[:2])
    all_done(page)
    app.settle()
    app.open("runs")
    page.reload()
    app.settle()
    page.get_by_role("link", name="Cut out").click()
    app.settle()
    expect(page.locator("button[data-name]")).to_have_count(2)
    all_done(page)
    page.locator("button[data-name='2']").click()
    expect(picture(page, "Cut-out")).to_be_visible()
    assert "photo=2" in page.url
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Drop photos of cars here")).to_be_visible()
    page.reload()
    app.settle()
    expect(page.get_by_text("Drop photos of cars here")).to_be_visible()


def test_the_true_mask_of_a_sample_gives_scores(app: Watched, photos: list[Path]) -> None:
    page = app.open(f"segment?sample={photos[0].stem}")
    page.get_by_text("Compare with the true mask").click()
    expect(picture(page, "Against the true mask")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(4)
    assert "truth=true" in page.url


def test_a_phone_has_no_sideways_scroll(phone: Watched, photos: list[Path]) -> None:
    for path in ("", f"segment?sample={photos[0].stem}&truth=true"):
        page = phone.open(path)
        page.wait_for_timeout(300)
        widths = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth)"
        )
        assert max(widths) <= 390
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme") == "dark"


@pytest.fixture
def fresh(browser: Browser, runs: Path, samples: Path, tmp_path: Path) -> Iterator[Watched]:
    for base in start_server(runs, samples, tmp_path / "server.txt"):
        yield from watched_page(browser, base)


def test_a_deep_link_works_on_a_fresh_server(fresh: Watched, photos: list[Path]) -> None:
    page = fresh.open(f"segment?sample={photos[1].stem}&threshold=0.02")
    expect(picture(page, "Overlay")).to_be_visible()
    expect(page.get_by_role("link", name="Cut out")).to_be_visible()
