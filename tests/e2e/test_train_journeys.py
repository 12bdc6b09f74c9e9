"""A training as a person has it: started, left alone, found again, stopped, resumed, lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Watched, seen_by, serving
from tests.pages.drawn import write_samples
from training.jobs.process import lock_holder

pytestmark = pytest.mark.browser

SMALL = {"size": 64, "width": 4, "depth": 2, "batch": 2, "workers": 0, "threads": 1}
LINK = {"part": "New run", "train_on": "samples", "device": "cpu", "recipe": "none"}


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    write_samples(tmp_path / "samples")
    return tmp_path / "samples"


def link(name: str) -> str:
    return "train?" + urlencode({**LINK, **SMALL, "name": name, "epochs": 100_000})


def start(app: Watched, name: str) -> Page:
    page = app.open(link(name))
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(f"**run={name}**")
    return page


def status(page: Page, text: str) -> None:
    expect(page.locator(".stMarkdownBadge").filter(has_text=text).first).to_be_visible()


def epoch(page: Page) -> int:
    told = page.get_by_text("of 100000").first.inner_text()
    return int(told.removeprefix("Epoch ").partition(" ")[0])


def trainer(run: Path) -> int:
    holder = lock_holder(run / "lock")
    assert holder
    return holder


def test_a_training_survives_the_page_the_server_and_is_found_again(
    browser: Browser, own_runs: Path, samples: Path, tmp_path: Path
) -> None:
    with serving(own_runs, samples, tmp_path / "one.txt") as base:
        with seen_by(browser, base) as app, seen_by(browser, base) as other:
            page = start(app, "first")
            status(page, "Training")
            expect(page.get_by_text("Boundary IoU").first).to_be_visible()
            expect(page.get_by_text("Masks after epoch")).to_be_visible()
            pid, before = trainer(own_runs / "first"), epoch(page)
            assert os.getsid(pid) not in (os.getsid(0), 0), "a Ctrl-C of the server is not for it"

            page.reload()
            status(page, "Training")
            expect(page.get_by_text("of 100000").first).to_be_visible()
            assert epoch(page) >= before

            late = start(other, "second")
            status(late, "Waiting")
            expect(late.get_by_text("It starts by itself after first")).to_be_visible()
        assert trainer(own_runs / "first") == pid, "no tab is open, and it goes on"
    assert trainer(own_runs / "first") == pid, "no server is there, and it goes on"
    assert not (own_runs / "second").exists()

    with (
        serving(own_runs, samples, tmp_path / "two.txt") as base,
        seen_by(browser, base) as app,
    ):
        page = app.open("train")
        expect(page.get_by_role("heading", name="first")).to_be_visible()
        status(page, "Training")
        assert trainer(own_runs / "first") == pid
        page.get_by_role("button", name="Stop").click()
        status(page, "Stopped")
        assert (own_runs / "first" / "checkpoints" / "last.safetensors").is_file()

        page = app.open("train?run=second")
        status(page, "Training")
        os.kill(trainer(own_runs / "second"), signal.SIGKILL)
        status(page, "Crashed")
        expect(page.get_by_text("killed by signal 9 (SIGKILL)").first).to_be_visible()

        page = app.open("train?run=first")
        status(page, "Stopped")
        page.get_by_role("button", name="Resume").click()
        status(page, "Training")
        assert trainer(own_runs / "first") != pid


def test_two_people_press_start_at_one_moment(
    browser: Browser, own_runs: Path, samples: Path, tmp_path: Path
) -> None:
    names = ("one", "two")
    press_at = """time => setTimeout(() => {
        const buttons = [...document.querySelectorAll("button")];
        buttons.find(each => each.innerText.trim().endsWith("Start")).click();
    }, time - Date.now())"""
    with (
        serving(own_runs, samples, tmp_path / "server.txt") as base,
        seen_by(browser, base) as app,
        seen_by(browser, base) as other,
    ):
        pages = [each.open(link(name)) for each, name in zip((app, other), names, strict=True)]
        moment = pages[0].evaluate("Date.now() + 1500")
        for page in pages:
            page.evaluate(press_at, moment)
        for page, name in zip(pages, names, strict=True):
            page.wait_for_url(f"**run={name}**")
        for _ in range(600):  # a minute
            begun = [name for name in names if (own_runs / name).exists()]
            if begun:
                break
            pages[0].wait_for_timeout(100)
        assert len(begun) == 1, "one trains, the other one waits in the queue"
        trains, waits = pages if begun == ["one"] else reversed(pages)
        status(trains, "Training")
        status(waits, "Waiting")
        expect(waits.get_by_text(f"It starts by itself after {begun[0]}")).to_be_visible()
