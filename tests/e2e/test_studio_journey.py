"""Photos become listing photos in a real browser: preset, background, shadow, exception."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.e2e.conftest import Watched

pytestmark = pytest.mark.browser

WHITE = (255, 255, 255)


@pytest.fixture(scope="session")
def photos(samples: Path) -> list[Path]:
    return sorted((samples / "images").glob("synth0000_*.jpg"))[:3]


def upload(app: Watched, files: list[Path]) -> None:
    app.page.locator("input[type=file]").first.set_input_files(files)
    expect(picture(app.page)).to_be_visible(timeout=240_000)  # with the network to load
    app.settle()


def picture(page: Page) -> Locator:
    return page.locator(".st-key-studio_picture [data-testid=stImage] img")


def corner(app: Watched) -> tuple[int, ...]:
    """Returns the colour at the top left of the picture that is shown."""
    app.settle()
    source = picture(app.page).get_attribute("src")
    assert source is not None
    answer = app.page.request.get(urljoin(app.page.url, source))
    pixels = np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"))
    return tuple(int(level) for level in pixels[3, 3])


def wait_for_corner(app: Watched, fits: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """Returns the corner's colour once it fits: a new picture comes some time after its setting."""
    end = time.monotonic() + 90
    while not fits(colour := corner(app)):
        assert time.monotonic() < end, f"The corner stays {colour}."
    return colour


def open_step(app: Watched, title: str) -> Locator:
    panel = app.page.locator(".st-key-studio_recipe_panel")
    named = app.page.locator("summary").filter(has_text=re.compile(f"{title}( · off)?$"))
    step = panel.get_by_test_id("stExpander").filter(has=named)
    step.locator("summary").click()
    return step


def choose(app: Watched, inside: Page | Locator, label: str, option: str) -> None:
    box = inside.get_by_role("combobox", name=label).first
    wanted = app.page.get_by_role("option", name=option, exact=True)
    for _ in range(5):  # a list that opens while the page is being drawn closes again
        box.scroll_into_view_if_needed()
        box.click()
        try:
            wanted.click(timeout=5_000)
        except TimeoutError:
            app.page.keyboard.press("Escape")
            app.settle()
        else:
            break
    expect(box).to_have_value(option)
    app.settle()


def test_photos_become_listing_photos(app: Watched, photos: list[Path]) -> None:
    page = app.open("studio")
    upload(app, photos)
    choose(app, page, "Recipe", "ebay")
    wait_for_corner(app, lambda colour: colour == WHITE)
    background = open_step(app, "Background")
    choose(app, background, "Kind", "room")
    room = wait_for_corner(app, lambda colour: colour != WHITE)
    before = picture(page).get_attribute("src")
    shadow = open_step(app, "Shadow")
    shadow.get_by_role("slider", name="Opacity").press("End")
    expect(picture(page)).not_to_have_attribute("src", str(before))
    app.settle()
    assert "changes=" in page.url
    # The second photo alone gets another background.
    page.get_by_role("button", name=photos[1].stem).click()
    app.settle()
    page.get_by_role("radio", name="This photo").click()
    app.settle()
    background = open_step(app, "Background")
    choose(app, background, "Kind", "colour")
    wait_for_corner(app, lambda colour: colour != room)
    page.get_by_role("button", name=photos[0].stem).click()
    wait_for_corner(app, lambda colour: colour == room)


def test_a_phone_shows_the_picture_without_scrolling_far(
    phone: Watched, photos: list[Path]
) -> None:
    page = phone.open(f"studio?sample={photos[0].stem}&preset=ebay")
    phone.settle()
    box = picture(page).bounding_box()
    assert box is not None and box["y"] + box["height"] < 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("button", name="Make 1 picture")).to_be_visible()
