"""The Review page in a browser: decided by keys, edited, and all of it there after a reload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.edits import EditStore
from tests.e2e.conftest import Watched, start_server, watched_page
from tests.pages.drawn import write_samples
from tests.pages.reviewed import write_review
from tests.pages.untrained import write_checkpoint
from training.review.rows import RowFile
from training.review.verdicts import VerdictStore

pytestmark = pytest.mark.browser
FIRST, SECOND, THIRD = "synth0001_01", "synth0000_09", "synth0002_09"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six labelled photos, of which three are suspected, and the review that says so."""
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    write_samples(tmp_path / "samples")
    checkpoint = write_checkpoint(tmp_path / "runs", "untrained")
    write_review(tmp_path / "samples", checkpoint, {FIRST: 0.3, SECOND: 0.2, THIRD: 0.1})
    return tmp_path


@pytest.fixture
def review(browser: Browser, folder: Path) -> Iterator[Watched]:
    places = {"CARMASK_CACHE": folder / "cache", "CARMASK_EDITS": folder / "edits"}
    server = start_server(folder / "runs", folder / "samples", folder / "log.txt", **places)
    for base in server:
        yield from watched_page(browser, base, viewport={"width": 1440, "height": 900})


def expect_photo(page: Page, name: str) -> None:
    expect(page.locator(".stMarkdown strong", has_text=name)).to_be_visible()


def test_a_queue_is_worked_through_by_keys(review: Watched, folder: Path) -> None:
    page = review.open("review")
    expect_photo(page, FIRST)
    page.keyboard.press("a")
    expect_photo(page, SECOND)
    review.settle()
    page.keyboard.press("e")
    expect(page.locator("[data-place]")).to_be_visible()
    page.locator("[data-place]").click()
    page.keyboard.press("d")  # a key of the editor's, and none of the queue's
    page.reload()
    expect(page.locator("[data-place]")).to_be_visible()
    review.settle()
    store = EditStore(folder / "edits")
    rows = {row.name: row for row in RowFile(next((folder / "cache").glob("reviews/*"))).read()}
    (draft,) = store.edits(rows[SECOND].photo)
    store.open(rows[SECOND].photo, draft.edit).accept()

    page = review.open("review")
    expect_photo(page, THIRD)
    page.keyboard.press("x")
    expect(page.get_by_text("Nothing here waits for a decision.")).to_be_visible()
    page.reload()
    review.settle()
    for text in ("To decide · 0", "Label wrong · 1", "Label right · 1", "Edited · 1", "All · 6"):
        expect(page.get_by_role("radio", name=text)).to_be_visible()
    found, bad = VerdictStore(folder / "edits").read()
    told = {each.name: each.decision for each in found.values()}
    assert told == {FIRST: "network wrong", THIRD: "label wrong"} and not bad
