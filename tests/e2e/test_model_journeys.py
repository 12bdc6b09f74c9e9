"""The jobs that people come to the model pages with; clicks and seconds are counted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from core.places import shipped_runs
from tests.e2e.conftest import Watched, seen_by, serving

pytestmark = pytest.mark.browser

WIDE = {"width": 1440, "height": 900}


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
