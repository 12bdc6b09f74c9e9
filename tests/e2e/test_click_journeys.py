"""Clicks in the mask editor: the network's answer is a step like a stroke."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from core.click_network import ClickNetwork
from core.edit_steps import CLICK
from tests.e2e.conftest import Watched, watched_page
from tests.e2e.test_edit_journeys import (
    Places,
    open_blank,
    places,  # noqa: F401  (a fixture)
    press,
    ready,
    saved,
    server,  # noqa: F401  (a fixture)
    shown,
    stored,
    stroke,
    view,
)
from tests.pages.untrained_click import write_click_network

pytestmark = pytest.mark.browser


@pytest.fixture
def app(browser: Browser, server: str) -> Iterator[Watched]:  # noqa: F811
    yield from watched_page(browser, server, viewport={"width": 1280, "height": 900})


def answered(page: Page) -> None:
    expect(page.locator(".editor")).to_have_attribute("data-clicks", "0")


def test_clicks_correct_a_mask_and_are_undone_one_by_one(
    app: Watched,
    places: Places,  # noqa: F811
) -> None:
    path = write_click_network(places.runs, is_car=False)
    page = open_blank(app)
    stroke(page, (0.35, 0.4), (0.42, 0.5))
    stroke(page, (0.58, 0.4), (0.65, 0.5))
    saved(page, 3)
    two_parts = stored(places).mask
    shape = two_parts.shape
    press(page, "r")
    stroke(page, (0.36, 0.42))
    answered(page)
    saved(page, 4)
    edit = stored(places)
    step = edit.canvas.steps[-1]
    assert step.tool == CLICK and not step.positive and len(step.points) == 1
    assert step.network == ClickNetwork.load(path).fingerprint
    middle = shape[1] // 2
    assert not edit.mask[:, :middle].any()
    assert np.array_equal(edit.mask[:, middle:], two_parts[:, middle:])
    assert np.array_equal(shown(page, shape), edit.mask)
    press(page, "x")  # now a click adds, and the right button takes away
    box = page.locator(".editor .stage").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.43 * box["height"], button="right")
    answered(page)
    saved(page, 5)
    assert not stored(places).mask.any()
    press(page, "z")
    saved(page, 6)
    page.reload()
    app.settle()
    ready(page)
    saved(page, 6)
    assert np.array_equal(shown(page, shape), stored(places).mask)
    assert np.array_equal(stored(places).mask[:, middle:], two_parts[:, middle:])
    press(page, "z")
    saved(page, 7)
    assert np.array_equal(stored(places).mask, two_parts)
    press(page, "Shift+Z", "Shift+Z")
    saved(page, 9)
    assert not stored(places).mask.any()


def test_a_stroke_while_the_network_works_is_kept(
    app: Watched,
    places: Places,  # noqa: F811
) -> None:
    write_click_network(places.runs, is_car=True)
    page = open_blank(app)
    assert not stored(places).mask.any()
    press(page, "c")
    stroke(page, (0.5, 0.5))  # the first answer takes a while: the network is loaded for it
    press(page, "b")
    stroke(page, (0.4, 0.4), (0.6, 0.4))
    answered(page)
    # An answer that came before the stroke left it nothing to paint, so it is no step then.
    steps = int(page.locator(".editor").get_attribute("data-steps") or 0)
    saved(page, steps)
    edit = stored(places)
    assert steps in (2, 3) and CLICK in {step.tool for step in edit.canvas.steps[1:]}
    assert edit.mask.all()
    assert np.array_equal(shown(page, edit.mask.shape), edit.mask)
    press(page, *["z"] * (steps - 1))
    saved(page, 2 * steps - 1)
    assert not stored(places).mask.any()


def test_the_keyboard_clicks_too_and_says_where_nothing_changes(
    app: Watched,
    places: Places,  # noqa: F811
) -> None:
    write_click_network(places.runs, is_car=True)
    page = open_blank(app)
    press(page, "r")
    for key in ("ArrowLeft", "ArrowUp", "."):
        page.keyboard.press(key)
    answered(page)
    saved(page, 1)  # it is car everywhere for this network: a click takes nothing away
    expect(page.locator(".editor .status")).to_contain_text("nothing")
    press(page, "c", "ArrowRight", ".")
    answered(page)
    saved(page, 2)
    assert stored(places).mask.all()
    scale, left, top = view(page)
    x, y = stored(places).canvas.steps[-1].points[0]
    box = page.locator(".editor .stage").bounding_box()
    assert box
    assert abs((x - left) * scale - box["width"] / 2) < box["width"] / 10
    assert abs((y - top) * scale - box["height"] / 2) < box["height"] / 10


def test_without_a_click_network_the_editor_says_so(
    app: Watched,
    places: Places,  # noqa: F811
) -> None:
    path = write_click_network(places.runs, is_car=True)
    path.write_bytes(b"damaged")
    page = open_blank(app)
    press(page, "c")
    stroke(page, (0.5, 0.5))
    answered(page)
    expect(page.locator(".editor .status.bad")).to_be_visible()
    press(page, "b")
    stroke(page, (0.4, 0.4), (0.6, 0.4))
    saved(page, 2)
