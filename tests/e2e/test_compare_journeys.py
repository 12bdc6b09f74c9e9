"""Comparing as a person does it: opened with content, chosen, measured, read, taken along."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from core.checkpoint import read_info
from tests.e2e.conftest import Watched, start_server, watched_page
from tests.pages.drawn import write_samples
from tests.pages.measured import write_measured
from tests.training.run_folders import write_run

pytestmark = pytest.mark.browser

PHOTOS = 400
"""Photos of the folder whose measuring is stopped."""


@dataclass(frozen=True)
class Place:
    """A running app and its folders."""

    base: str
    runs: Path
    data: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("compare")
    runs, samples, many = root / "runs", root / "samples", root / "many"
    runs.mkdir()
    write_samples(samples)
    for run in ("good", "plain", "other"):
        write_run(runs / run)
    write_measured(runs, "good", dice=0.985, seed=1)
    write_measured(runs, "plain", dice=0.981, seed=2)
    write_measured(runs, "other", dice=0.981, seed=3)
    for folder, ending in (("images", "jpg"), ("masks", "png")):
        (many / folder).mkdir(parents=True)
        first = sorted((samples / folder).iterdir())[0]
        for number in range(PHOTOS):
            shutil.copy(first, many / folder / f"car{number // 4:03}_{number % 4:02}.{ending}")
    places = {"CARMASK_DATA": many, "CARMASK_CACHE": root / "cache"}
    for base in start_server(runs, samples, root / "server.txt", **places):
        yield Place(base, runs, many)


@pytest.fixture
def app(browser: Browser, place: Place) -> Iterator[Watched]:
    yield from watched_page(browser, place.base, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser: Browser, place: Place) -> Iterator[Watched]:
    size = {"width": 390, "height": 844}
    yield from watched_page(
        browser, place.base, viewport=size, has_touch=True, is_mobile=True, color_scheme="dark"
    )


def link(*rows: str, **more: str) -> str:
    return "compare?" + urlencode([*(("row", row) for row in rows), *more.items()])


def headline(page: Page, text: str) -> None:
    expect(page.locator(".st-key-headline h1")).to_contain_text(text)


def open_add(page: Page) -> Locator:
    """Opens what adds rows and returns its uploader."""
    uploader = page.locator("input[type=file]")
    for _ in range(6):  # a click while the page is drawn anew opens nothing
        page.get_by_role("button", name="Add", exact=False).first.click()
        try:
            uploader.wait_for(state="attached", timeout=10_000)
        except TimeoutError:
            continue
        return uploader
    pytest.fail("Add opens nothing.")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_from_the_runs_to_the_verdict_and_home_with_it(app: Watched, tmp_path: Path) -> None:
    page = app.open(f"runs?{urlencode([('show', 'good'), ('show', 'plain')])}")
    page.get_by_role("link", name="Compare checkpoints").click()
    app.settle()
    headline(page, "good is better by 0.00")
    assert "row=good%2Fbest&row=plain%2Fbest" in page.url
    choose(page, "Metric", "HD95, px")
    headline(page, "good is better by 0.")
    expect(page).to_have_url(re.compile("metric=hd95"))
    choose(page, "Baseline", "good")
    expect(page).to_have_url(re.compile("baseline=good%2Fbest"))
    app.settle()
    for name, start in (("CSV", "checkpoint,rank"), ("LaTeX", "\\begin{table}"), ("Markdown", "|")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert text.startswith(start)
        assert "good" in text and "plain" in text and "0.98" in text
    page.reload()
    app.settle()
    headline(page, "good is better by 0.")
    expect(page.get_by_role("combobox", name="Metric")).to_have_value(re.compile("HD95"))


def test_it_opens_with_content_and_rows_come_and_go(app: Watched) -> None:
    page = app.open("compare")
    headline(page, "good is the best of 3 by Dice")
    expect(page.get_by_text("36 images of 12 cars").first).to_be_visible()
    picked = page.get_by_test_id("stMultiSelect").first
    picked.get_by_role("button", name=re.compile("other")).first.click()
    headline(page, "good is better by")
    open_add(page)
    page.get_by_role("button", name="Add 2 rows").click()
    expect(page.get_by_text("No results for these images yet")).to_be_visible()
    expect(page).to_have_url(re.compile("flips"))
    app.settle()


def test_every_tab_draws(app: Watched, place: Place) -> None:
    page = app.open(link("good/best", "plain/best"))
    for name, charts in (("Curves", 4), ("Cost", 1), ("Images", 1), ("Where it fails", 1)):
        page.get_by_role("tab", name=name).click()
        app.settle()
        page.locator(".js-plotly-plot:visible").nth(charts - 1).wait_for()
        expect(page).to_have_url(re.compile("tab=" + name.replace(" ", r"(\+|%20)")))
    page.get_by_role("tab", name="Film").click()
    app.settle()


def test_the_best_threshold_becomes_the_checkpoints_own(app: Watched, place: Place) -> None:
    path = place.runs / "other" / "checkpoints" / "best.safetensors"
    page = app.open(link("other/best", tab="Curves"))
    page.get_by_role("button", name="Save the best threshold").click()
    expect(page.get_by_text("uses 0.50 now")).to_be_visible()
    button = page.get_by_role("button", name=re.compile(r"^Save 0\.\d\d into"))
    if button.is_disabled():  # 0.50 is best already
        return
    best = float(button.inner_text().split()[1])
    button.click()
    expect(page.get_by_text("No results for these images yet")).to_be_visible()
    assert read_info(path).threshold == best


def test_what_is_missing_is_measured_stopped_and_continued(app: Watched, place: Place) -> None:
    page = app.open(link("good/best", "plain/best", images="other", on="many"))
    headline(page, "Compare")
    page.get_by_role("button", name="Measure 2 checkpoints").click()
    expect(page.get_by_text(re.compile(r"Measured \d+ of 800"))).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".st-key-headline h1")).not_to_have_text("Compare", timeout=120_000)
    expect(page.get_by_text("400 images of 100 cars").first).to_be_visible()
    app.settle()
    page = app.open(link("good/best", "plain/best"))
    page.get_by_role("combobox", name="Images", exact=True).click()
    expect(page.get_by_role("option", name=re.compile("many: 400 images"))).to_be_visible()


def test_a_checkpoint_of_somewhere_else_is_uploaded(app: Watched, place: Place) -> None:
    page = app.open(link("good/best"))
    uploader = open_add(page)
    file = place.runs / "plain" / "checkpoints" / "best.safetensors"
    uploader.set_input_files(
        {"name": "theirs.safetensors", "mimeType": "application/octet-stream",
         "buffer": file.read_bytes()}
    )  # fmt: skip
    expect(page.get_by_text("No results for these images yet")).to_contain_text("theirs")
    assert "theirs.safetensors" in page.url
    app.settle()


def test_a_phone_shows_it_without_scrolling_sideways(phone: Watched) -> None:
    page = phone.open(link("good/best", "plain/best", tab="Curves"))
    headline(page, "good is better by")
    expect(page.locator(".js-plotly-plot:visible").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
