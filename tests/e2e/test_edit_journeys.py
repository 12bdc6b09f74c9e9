"""The mask editor in a browser: what the canvas shows is what lies on the disk, bit for bit."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.edit_facts import Status
from core.edit_steps import CLICK
from core.edits import EditStore, MaskEdit
from tests.e2e.conftest import Watched, watched_page
from tests.e2e.server import serve
from tests.e2e.test_journeys import download
from tests.pages.drawn import write_samples
from tests.pages.untrained import write_checkpoint
from tests.pages.untrained_click import write_click_network

pytestmark = pytest.mark.browser

_SHOWN = """editor => {
    const [scale, left, top] = editor.dataset.place.split(" ").map(Number);
    const { width, height } = editor.querySelector("canvas.mask");
    const context = editor.querySelector("canvas.mask").getContext("2d");
    const { data } = context.getImageData(0, 0, width, height);
    const ratio = devicePixelRatio;
    const rows = [];
    for (let y = 0; y < HEIGHT; y++) {
        const row = [];
        for (let x = 0; x < WIDTH; x++) {
            const at = Math.floor((x + 0.5 - left) * scale * ratio);
            const line = Math.floor((y + 0.5 - top) * scale * ratio);
            row.push(data[4 * (line * width + at) + 3] > 0 ? 1 : 0);
        }
        rows.push(row);
    }
    return rows;
}"""


@dataclass
class Places:
    """Folders of a server of its own."""

    runs: Path
    samples: Path
    edits: Path
    log: Path

    def environment(self) -> dict[str, Path | str]:
        return {
            "CARMASK_RUNS": self.runs,
            "CARMASK_SAMPLES": self.samples,
            "CARMASK_EDITS": self.edits,
        }


@pytest.fixture
def places(tmp_path: Path) -> Places:
    write_checkpoint(tmp_path / "runs", "untrained")
    write_samples(tmp_path / "samples")
    return Places(tmp_path / "runs", tmp_path / "samples", tmp_path / "edits", tmp_path / "log.txt")


@pytest.fixture
def server(places: Places) -> Iterator[str]:
    with serve(places.log, places=places.environment()) as (base, _):
        yield base
    said = places.log.read_text(encoding="utf-8")
    assert "Traceback" not in said, said[-3000:]


def open_editor(app: Watched) -> Page:
    page = app.open("segment?sample=synth0000_01")
    page.get_by_role("button", name="Edit mask").click()
    ready(page)
    app.settle()
    page.locator(".editor .stage").scroll_into_view_if_needed()
    return page


def open_blank(app: Watched) -> Page:
    """Opens the editor and erases the mask of the untrained network, which is one step."""
    page = open_editor(app)
    press(page, "k")
    stroke(page, (0.05, 0.002), (0.95, 0.002), (0.95, 0.998), (0.05, 0.998))
    saved(page, 1)
    press(page, "b")
    return page


def view(page: Page) -> tuple[float, float, float]:
    """Returns the view's pixels for one of the photo, and the photo's place at its upper left."""
    scale, left, top = (page.locator(".editor").get_attribute("data-place") or "").split()
    return float(scale), float(left), float(top)


def ready(page: Page) -> None:
    expect(page.locator(".editor .waiting")).to_be_hidden()
    page.wait_for_function(
        """() => {
            const hosts = [...document.querySelectorAll("*")].filter(each => each.shadowRoot);
            const found = hosts.map(each => each.shadowRoot.querySelector(".editor")).find(Boolean);
            return found?.dataset.place && found.dataset.steps !== undefined;
        }"""
    )


def saved(page: Page, steps: int) -> None:
    """Waits until so many steps are drawn and on the disk."""
    expect(page.locator(".editor")).to_have_attribute("data-steps", str(steps))
    expect(page.locator(".editor")).to_have_attribute("data-saved", str(steps))


def shown(page: Page, shape: tuple[int, int]) -> np.ndarray:
    """Returns the mask (H, W) that the canvas shows."""
    page.wait_for_timeout(100)
    script = _SHOWN.replace("HEIGHT", str(shape[0])).replace("WIDTH", str(shape[1]))
    return np.array(page.locator(".editor").evaluate(script), bool)


def stored(places: Places, name: str = "") -> MaskEdit:
    """Returns the edit that lies on the disk, the newest one by default."""
    (photo,) = (path.name for path in places.edits.iterdir())
    store = EditStore(places.edits)
    return store.open(photo, name or store.edits(photo)[0].edit)


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """Draws with the mouse; points are shares of the stage's width and height."""
    box = page.locator(".editor .stage").bounding_box()
    assert box
    placed = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*placed[0])
    page.mouse.down()
    for x, y in placed[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def press(page: Page, *keys: str) -> None:
    page.locator(".editor").focus()
    for key in keys:
        page.keyboard.press(key)


@pytest.fixture
def app(browser: Browser, server: str) -> Iterator[Watched]:
    yield from watched_page(browser, server, viewport={"width": 1280, "height": 900})


def test_the_canvas_and_the_disk_agree_after_every_tool(app: Watched, places: Places) -> None:
    page = open_editor(app)
    shape = stored(places).mask.shape
    states = [stored(places).mask]
    assert np.array_equal(shown(page, shape), states[0])

    def check(steps: int) -> np.ndarray:
        saved(page, steps)
        on_disk = stored(places)
        assert np.array_equal(shown(page, shape), on_disk.mask)
        assert len(on_disk.canvas.steps) == steps
        return on_disk.mask

    corners = (0.05, 0.002), (0.95, 0.002), (0.95, 0.998), (0.05, 0.998)
    strokes: list[tuple[str, tuple[tuple[float, float], ...]]] = [
        ("k", corners),
        ("b", ((0.40, 0.40), (0.47, 0.52), (0.60, 0.45))),
        ("x", ((0.45, 0.42), (0.55, 0.50))),
        ("l", ((0.30, 0.3), (0.65, 0.3), (0.65, 0.7), (0.35, 0.6))),
        ("k", ((0.42, 0.42), (0.52, 0.42), (0.52, 0.52), (0.42, 0.52))),
        ("f", ((0.47, 0.47),)),
        ("g", ()),
        ("s", ()),
        ("m", ()),
        ("d", ((0.5, 0.5),)),
    ]
    tools = ["lasso-erase", "brush", "eraser", "lasso", "lasso-erase", "fill-hole"]
    tools += ["grow", "shrink", "smooth", "erase-part"]
    for number, (key, points) in enumerate(strokes, 1):
        press(page, key)
        if points:
            stroke(page, *points)
        states.append(check(number))
    assert [step.tool for step in stored(places).canvas.steps] == tools
    count = len(strokes)
    for state in reversed(states[:-1]):
        press(page, "z")
        count += 1
        assert np.array_equal(check(count), state)
    for state in states[1:]:
        press(page, "Shift+Z")
        count += 1
        assert np.array_equal(check(count), state)


def test_a_draft_is_marked_as_unclear(app: Watched, places: Places) -> None:
    page = open_blank(app)
    page.get_by_role("button", name="Unclear").click()
    expect(page.locator(".editor")).to_have_count(0)
    edit = stored(places)
    assert edit.facts.status is Status.UNCLEAR and not edit.mask.any()


def test_sixty_strokes_are_undone_after_a_refresh(app: Watched, places: Places) -> None:
    page = open_blank(app)
    start = stored(places).mask
    for number in range(60):
        x, y = 0.2 + 0.008 * number, 0.2 + 0.008 * number
        stroke(page, (x, y), (x + 0.05, y))
    saved(page, 61)
    page.reload()
    app.settle()
    ready(page)
    saved(page, 61)
    assert np.array_equal(shown(page, start.shape), stored(places).mask)
    for _ in range(60):
        press(page, "z")
    saved(page, 121)
    assert np.array_equal(shown(page, start.shape), start)
    assert np.array_equal(stored(places).mask, start)


def test_zoom_and_pan_to_the_pixel(app: Watched, places: Places) -> None:
    page = open_blank(app)
    shape = stored(places).mask.shape
    press(page, *["+"] * 5, "[", *["["] * 30, "b")
    box = page.locator(".editor .stage").bounding_box()
    assert box
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.keyboard.down("Space")
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 320, steps=3)
    page.mouse.up()
    page.keyboard.up("Space")
    assert page.locator(".editor").get_attribute("data-steps") == "1"
    before = stored(places).mask
    scale, left, top = view(page)
    rows, columns = np.nonzero(~before)
    inside = [
        (y, x)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True)
        if 0 < (x - left) * scale < box["width"] - 50 and 0 < (y - top) * scale < box["height"] - 50
    ]
    y, x = inside[len(inside) // 2]
    page.mouse.click(box["x"] + (x + 0.5 - left) * scale, box["y"] + (y + 0.5 - top) * scale)
    saved(page, 2)
    changed = stored(places).mask ^ before
    assert changed.sum() == 1 and changed[y, x]
    press(page, "0")
    assert np.array_equal(shown(page, shape), stored(places).mask)


def test_accepted_it_is_in_every_download(app: Watched, places: Places) -> None:
    page = open_blank(app)
    press(page, "l")
    stroke(page, (0.3, 0.3), (0.7, 0.3), (0.7, 0.7))
    saved(page, 2)
    press(page, "Enter")
    expect(page.locator(".editor")).to_have_count(0)
    app.settle()
    edit = stored(places)
    assert edit.facts.status is Status.ACCEPTED
    mask = np.asarray(Image.open(io.BytesIO(download(page, "Mask")))) == 255
    assert np.array_equal(mask, edit.mask)
    page.get_by_role("button", name="Use the predicted mask").click()
    app.settle()
    assert stored(places).facts.status is Status.REJECTED


def test_a_server_that_is_killed_while_it_answers_a_click_loses_at_most_the_click(
    browser: Browser, places: Places
) -> None:
    write_click_network(places.runs, is_car=True, slow=True)
    with serve(places.log, places=places.environment()) as (base, process):
        for app in watched_page(browser, base, viewport={"width": 1280, "height": 900}):
            page = open_blank(app)
            stroke(page, (0.4, 0.4), (0.5, 0.5))
            saved(page, 2)
            stroke(page, (0.3, 0.6), (0.6, 0.6))
            saved(page, 3)
            address = page.url.removeprefix(base)
            drawn = shown(page, stored(places).mask.shape)
            press(page, "c")
            stroke(page, (0.2, 0.2))
            expect(page.locator(".editor")).to_have_attribute("data-clicks", "1")
            page.wait_for_timeout(700)  # the server is at work now
            process.kill()
            process.wait()
            app.problems.clear()  # the browser says that the connection is gone
            page.close()
            app.problems.clear()
    with serve(places.log, places=places.environment()) as (base, _):
        for app in watched_page(browser, base, viewport={"width": 1280, "height": 900}):
            page = app.open(address.lstrip("/"))
            ready(page)
            edit = stored(places)
            steps = len(edit.canvas.steps)
            saved(page, steps)
            assert steps == 3 or (steps == 4 and edit.canvas.steps[3].tool == CLICK)
            press(page, *["z"] * (steps - 3))
            saved(page, steps + steps - 3)
            assert np.array_equal(shown(page, drawn.shape), drawn)
            assert np.array_equal(stored(places).mask, drawn)


def test_two_people_in_one_draft_both_go_on(
    app: Watched, browser: Browser, server: str, places: Places
) -> None:
    mine = open_blank(app)
    stroke(mine, (0.4, 0.4), (0.5, 0.5))
    saved(mine, 2)
    address = mine.url.removeprefix(server).lstrip("/")
    for other in watched_page(browser, server, viewport={"width": 1280, "height": 900}):
        theirs = other.open(address)
        ready(theirs)
        saved(theirs, 2)
        stroke(theirs, (0.3, 0.7), (0.6, 0.7))
        saved(theirs, 3)
        stroke(mine, (0.6, 0.3), (0.6, 0.6))
        saved(mine, 3)
        shape = stored(places).mask.shape
        photo = stored(places).facts.photo
        drafts = {each.edit for each in EditStore(places.edits).drafts(photo)}
        masks = [stored(places, each).mask for each in drafts]
        assert len(drafts) == 2
        for page in (mine, theirs):
            assert any(np.array_equal(shown(page, shape), mask) for mask in masks)


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Watched]:
    size = {"width": 390, "height": 844}
    yield from watched_page(browser, server, viewport=size, has_touch=True, is_mobile=True)


def test_fingers_paint_and_zoom(phone: Watched, places: Places) -> None:
    page = open_blank(phone)
    page.locator(".editor .stage").scroll_into_view_if_needed()
    box = page.locator(".editor .stage").bounding_box()
    assert box and box["width"] > 300
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
            for number, (x, y) in enumerate(points)
        ]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    before = stored(places).mask
    touch("touchStart", (0.3, 0.45))
    for place in range(1, 8):
        touch("touchMove", (0.3 + 0.05 * place, 0.45))
    touch("touchEnd")
    saved(page, 2)
    painted = stored(places).mask
    assert (painted & ~before).any() and not (before & ~painted).any()
    assert stored(places).canvas.steps[1].tool == "brush"
    scale, *_ = view(page)
    touch("touchStart", (0.45, 0.5))
    touch("touchStart", (0.45, 0.5), (0.55, 0.5))
    for place in range(1, 6):
        touch("touchMove", (0.45 - 0.05 * place, 0.5), (0.55 + 0.05 * place, 0.5))
    touch("touchEnd")
    page.wait_for_timeout(200)
    assert view(page)[0] > 2 * scale
    assert page.locator(".editor").get_attribute("data-steps") == "2"
    assert np.array_equal(stored(places).mask, painted)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_steps_hold_what_the_pointer_did(app: Watched, places: Places) -> None:
    page = open_blank(app)
    stroke(page, (0.4, 0.4), (0.5, 0.5))
    saved(page, 2)
    edit = stored(places)
    line = json.loads((edit.store.path(edit.facts) / "steps.jsonl").read_text().splitlines()[1])
    assert line["tool"] == "brush" and line["size"] > 0 and len(line["points"]) > 3
    assert edit.facts.origin.checkpoint and edit.facts.origin.fingerprint
