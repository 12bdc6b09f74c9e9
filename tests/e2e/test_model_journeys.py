"""The jobs that people come to the model pages with; clicks and seconds are counted."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, expect

from core.places import shipped_runs
from tests.e2e.conftest import Watched, seen_by, serving
from tests.pages.drawn import write_samples

pytestmark = pytest.mark.browser

WIDE = {"width": 1440, "height": 900}
TINY = {"size": 64, "width": 4, "depth": 2, "batch": 2, "workers": 0, "threads": 1}
TINY |= {"device": "cpu", "recipe": "none", "epochs": 1, "images": 8, "name": "first"}


class Hand:
    """Clicks for a person and counts it."""

    def __init__(self, app: Watched) -> None:
        self.app, self.clicks, self.begun = app, 0, time.monotonic()

    def click(self, what: Locator) -> None:
        what.first.click()
        self.clicks += 1
        self.app.settle()

    def report(self) -> None:
        """Prints clicks and seconds, which `pytest -rP` shows."""
        print(f"{self.clicks} clicks, {time.monotonic() - self.begun:.1f} s")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder of data folders: one, with three files that are no pictures."""
    mine = tmp_path / "folders" / "mine"
    write_samples(mine)
    mask = next((mine / "masks").glob("*.png")).read_bytes()
    for number in range(3):
        (mine / "images" / f"broken{number}_01.jpg").write_bytes(b"no picture")
        (mine / "masks" / f"broken{number}_01.png").write_bytes(mask)
    return mine.parent


def test_an_engineer_gets_from_a_folder_with_bad_files_to_a_verdict(
    browser: Browser,
    own_runs: Path,
    folders: Path,
    samples: Path,
    tmp_path: Path,
) -> None:
    places = {"CARMASK_DATA": folders, "CARMASK_CACHE": tmp_path / "cache"}
    with (
        serving(own_runs, samples, tmp_path / "server.txt", **places) as base,
        seen_by(browser, base, viewport=WIDE) as app,
    ):
        page = app.open()
        hand = Hand(app)
        hand.click(page.get_by_role("link", name="Dataset"))
        hand.click(page.get_by_role("button", name="Leave out 3 bad files"))
        expect(page.get_by_role("button", name="Take in again")).to_be_visible()
        hand.click(page.get_by_role("link", name="Train on this"))
        assert page.url.count("leave_out=") == 3
        # What a person waits for takes seconds with a network as small as this.
        page.goto(f"{page.url}&{urlencode({'part': 'New run', **TINY})}")
        start = page.get_by_role("button", name="Start", exact=True)
        expect(start).to_be_enabled()
        hand.click(start)
        hand.click(page.get_by_role("button", name="Compare now"))
        verdict = page.locator(".st-key-way_on strong")
        expect(verdict.filter(has_text="first")).to_contain_text("carmask-")
        assert len(list((own_runs / "first").glob("checkpoints/*.evaluations/*.parquet"))) == 1
        hand.report()
        assert hand.clicks == 5


def test_a_learner_finds_the_answer_the_evidence_and_a_try(
    browser: Browser,
    samples: Path,
    tmp_path: Path,
) -> None:
    with (
        serving(shipped_runs(), samples, tmp_path / "server.txt") as base,
        seen_by(browser, base, viewport=WIDE) as app,
    ):
        page = app.open()
        hand = Hand(app)
        hand.click(page.get_by_role("link", name="Learn"))
        expect(page.locator(".js-plotly-plot")).to_be_visible()
        answered = hand.clicks
        hand.click(page.get_by_role("link", name="Curves of all trainings"))
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        assert page.url.count("show=ablation-") == 11
        page.go_back()
        hand.click(page.get_by_role("link", name="Train it padded"))
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert "padding=same" in page.url
        hand.report()
        assert (answered, hand.clicks) == (1, 3)
