"""Photo by photo on the Compare page in Chromium: points, box, keys, zoom, film and report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import ROOT, Watched, start_server, watched_page
from tests.pages.drawn import write_samples
from tests.pages.test_compare_photos import change, measure
from tests.pages.untrained import write_checkpoint

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def photos_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two runs with small networks, one of them with three epochs, measured on six photos."""
    place = tmp_path_factory.mktemp("compared")
    write_samples(place / "samples")
    one, other = (write_checkpoint(place / "runs", name) for name in ("a", "b"))
    change(other, 0.3)
    for epoch in (1, 2):
        path = one.with_stem(f"epoch_{epoch:04}")
        path.write_bytes(one.read_bytes())
        change(path, 0.3, epoch)
    measure(place / "samples", one, other)
    cache = place / "cache"
    yield from start_server(
        place / "runs", place / "samples", place / "server.txt", CARMASK_CACHE=cache
    )


@pytest.fixture
def compare(browser: Browser, photos_server: str) -> Iterator[Watched]:
    size = {"width": 1440, "height": 1400}
    yield from watched_page(browser, photos_server, viewport=size)


@pytest.fixture
def small(browser: Browser, photos_server: str) -> Iterator[Watched]:
    size = {"width": 390, "height": 844}
    yield from watched_page(
        browser, photos_server, viewport=size, has_touch=True, is_mobile=True, color_scheme="dark"
    )


def open_images(watched: Watched) -> Page:
    page = watched.open("compare?tab=Images&photos=Worst+of+all")
    page.locator(".pane img").nth(4).wait_for()
    watched.settle()
    return page


def shown(page: Page) -> str:
    return page.locator(".st-key-steps p").last.inner_text()


def wait_for(page: Page, words: str) -> None:
    page.wait_for_function(
        "words => document.querySelector('.st-key-steps')?.innerText.includes(words)", arg=words
    )


def test_keys_points_and_tiles_lead_to_a_photo(compare: Watched) -> None:
    page = open_images(compare)
    assert "1 of 6" in shown(page)
    page.keyboard.press("ArrowRight")
    wait_for(page, "2 of 6")
    page.keyboard.press("ArrowRight")
    wait_for(page, "3 of 6")
    page.keyboard.press("ArrowLeft")
    wait_for(page, "2 of 6")
    page.locator(".strip button").nth(4).click()
    wait_for(page, "5 of 6")
    assert "photo=samples" in page.url
    compare.settle()
    before = shown(page)
    for point in page.locator(".scatterlayer .point").all():
        box = point.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2 - 3, box["y"] + box["height"] / 2)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(700)
        compare.settle()
        if shown(page) != before:
            break
    assert shown(page) != before


def test_a_box_keeps_the_photos_in_it(compare: Watched) -> None:
    page = open_images(compare)
    page.get_by_text("Choose photos", exact=True).click()
    page.wait_for_url("**drag=**")
    compare.settle()
    plot = page.locator(".nsewdrag").first.bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + 3, plot["y"] + 3)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] - 3, plot["y"] + plot["height"] - 3, steps=6)
    page.mouse.up()
    page.wait_for_url("**box=**")
    page.get_by_text("photos in the box").wait_for()
    compare.settle()
    page.get_by_role("button", name="All photos").click()
    page.wait_for_function("!location.search.includes('box=')")
    compare.settle()


def test_all_pictures_zoom_together(compare: Watched) -> None:
    page = open_images(compare)
    images = page.locator(".pane img")
    expect(images).to_have_count(5)

    def moves() -> set[str]:
        return {each.evaluate("image => image.style.transform") for each in images.all()}

    (whole,) = moves()
    page.locator("[data-do=focus]").click()
    (focused,) = moves()
    assert focused != whole
    expect(page.locator(".tools output")).to_have_text(re.compile("^4"))
    page.locator(".grid").focus()
    page.keyboard.press("+")
    expect(page.locator(".tools output")).to_have_text(re.compile(r"^6\.4"))
    box = images.first.locator("..").bounding_box()
    assert box is not None
    (before,) = moves()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 130, steps=4)
    page.mouse.up()
    (dragged,) = moves()
    assert dragged != before
    page.keyboard.press("0")
    assert moves() == {whole}


def test_a_film_plays_to_its_end_without_the_server(compare: Watched) -> None:
    page = compare.open("compare?tab=Film&film=a&of=samples%2Fsynth0001_01")
    output = page.locator(".film output")
    output.get_by_text("epoch 3").wait_for()
    compare.settle()
    expect(page.locator(".film input")).to_have_attribute("max", "2")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Play").click()
    output.get_by_text("epoch 1").wait_for()
    output.get_by_text("epoch 3").wait_for()
    page.get_by_role("button", name="Play").wait_for()  # it stopped by itself
    page.locator(".film input").press("ArrowLeft")
    output.get_by_text("epoch 2").wait_for()
    assert not [url for url in asked if not url.startswith("data:")]


def test_a_film_keeps_its_place_while_frames_come(browser: Browser) -> None:
    parts = ROOT / "dashboard" / "compare"
    page = browser.new_page()
    page.set_content((parts / "film_player.html").read_text(encoding="utf-8"))
    module = "data:text/javascript," + quote((parts / "film_player.js").read_text(encoding="utf-8"))

    def give(*epochs: int) -> str:
        frames = [{"title": f"epoch {each}", "src": "data:,"} for each in epochs]
        page.evaluate(
            """async ([module, frames]) => {
                const player = (await import(module)).default;
                player({ data: { of: "a", ratio: 1, frames }, parentElement: document });
            }""",
            [module, frames],
        )
        return page.locator("output").inner_text()

    assert give(3) == "epoch 3"
    assert give(2, 3) == "epoch 3"
    page.locator("input").press("ArrowLeft")
    assert give(1, 2, 3) == "epoch 2"
    page.close()


def test_where_it_fails_on_a_phone(small: Watched) -> None:
    page = small.open("compare?tab=Where+it+fails&by=Car")
    page.get_by_text("worst is car").first.wait_for()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    page.get_by_text("All figures").click()
    small.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_report_opens_without_a_network(
    compare: Watched, browser: Browser, tmp_path: Path
) -> None:
    page = compare.open("compare?tab=Report")
    with page.expect_download() as card:
        page.get_by_role("button", name="a", exact=True).click()
    card.value.save_as(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text().startswith("# Model card: a")
    with page.expect_download(timeout=60_000) as report:
        page.get_by_role("button", name="Report as HTML").click()
    report.value.save_as(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 8_000_000
    context = browser.new_context(offline=True)
    alone = context.new_page()
    problems: list[str] = []
    alone.on("pageerror", lambda error: problems.append(str(error)))
    alone.on("request", lambda each: problems.append(each.url) if "http" in each.url[:5] else None)
    alone.goto((tmp_path / "report.html").as_uri())
    alone.wait_for_function("document.querySelectorAll('.main-svg').length > 4")
    assert alone.evaluate(
        "[...document.images].every(each => each.naturalWidth > 0) && document.images.length > 5"
    )
    context.close()
    assert problems == []
