from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from core.checkpoint import list_checkpoints
from tests.e2e.browser import find_chromium
from tests.e2e.server import ROOT, serve
from tests.pages.drawn import write_samples
from tests.pages.untrained import write_checkpoint
from training.jobs.process import lock_holder

expect.set_options(timeout=90_000)  # a machine with other work is slow, not broken


@dataclass
class Watched:
    """A page, and what went wrong in it that nobody would see."""

    page: Page
    base: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> Page:
        self.page.goto(f"{self.base}/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Waits until the server has said all that it has to say.

        It has to stay silent for a moment: a click is in the URL before the server has heard of it.
        """
        self.page.evaluate("window.silentSince = null")
        self.page.wait_for_function(
            """() => {
                const silent =
                    document.querySelector(".stApp[data-test-script-state=notRunning]") &&
                    !document.querySelector("[data-stale=true]") &&
                    [...document.images].every(each => each.complete && each.naturalWidth > 0);
                window.silentSince = silent ? window.silentSince ?? performance.now() : null;
                return silent && performance.now() - window.silentSince > 300;
            }"""
        )
        assert not self.page.locator(".stException").count()

    def hear(self, message: ConsoleMessage) -> None:
        # Streamlit asks for its own address below the page's before it finds the right one, and
        # drops pictures that a quicker change has made old; `settle` sees that the last ones come.
        where = message.location.get("url", "") + message.text
        if message.type == "error" and "_stcore/" not in where and "/media/" not in where:
            self.problems.append(f"console: {message.text}")

    def ask(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.problems.append(f"foreign host: {request.url}")


def start_server(runs: Path, samples: Path, log: Path, **places: Path | str) -> Iterator[str]:
    """Starts the app with its folders; `places` are more of its environment variables."""
    own = {"CARMASK_RUNS": runs, "CARMASK_SAMPLES": samples, "CARMASK_CACHE": log.parent / "cache"}
    places = {**own, **places}
    with serve(log, places=places) as (base, _):
        yield base
    tracebacks = log.read_text(encoding="utf-8").split("Traceback (most recent call last)")[1:]
    # Streamlit's own, where it stops while a browser still sends.
    tracebacks = [each for each in tracebacks if "WebSocketDisconnected" not in each]
    tracebacks = [each for each in tracebacks if "websocket.receive_bytes()" not in each]
    assert not tracebacks, tracebacks[0][:3000]


serving = contextmanager(start_server)


@pytest.fixture
def own_runs(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of runs; whatever still works there at the end of the test is ended."""
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    for lock in [*folder.glob(".queue/*.lock"), *folder.glob("*/lock")]:
        holder = lock_holder(lock)
        if holder:
            os.kill(holder, signal.SIGKILL)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's samples, or drawn ones where it has none."""
    if list((ROOT / "samples" / "images").glob("*.jpg")):
        return ROOT / "samples"
    folder = tmp_path_factory.mktemp("drawn") / "samples"
    write_samples(folder)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's runs, or an untrained one where it has none."""
    if any(entry.info for entry in list_checkpoints(ROOT / "runs")):
        return ROOT / "runs"
    folder = tmp_path_factory.mktemp("runs")
    write_checkpoint(folder, "untrained")
    return folder


@pytest.fixture(scope="session")
def server(runs: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from start_server(runs, samples, tmp_path_factory.mktemp("log") / "server.txt")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[..., Browser]]:
    """Starts a browser with more arguments than all have; it ends with the tests."""
    executable = find_chromium()
    if executable is None:
        pytest.fail("No Chromium was found: run `make test`, which installs one.")
    usual = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        started = []

        def start(*more: str) -> Browser:
            kind = playwright.chromium
            started.append(kind.launch(executable_path=executable, args=[*usual, *more]))
            return started[-1]

        yield start
        for each in started:
            each.close()


@pytest.fixture(scope="session")
def browser(chromium: Callable[..., Browser]) -> Browser:
    return chromium()


def watched_page(browser: Browser, base: str, **context: object) -> Iterator[Watched]:
    opened = browser.new_context(accept_downloads=True, **context)
    opened.set_default_timeout(120_000)
    watched = Watched(opened.new_page(), base)
    watched.page.on("console", watched.hear)
    watched.page.on("request", watched.ask)
    watched.page.on("pageerror", lambda error: watched.problems.append(f"page: {error}"))
    yield watched
    opened.close()
    assert watched.problems == []


seen_by = contextmanager(watched_page)


@pytest.fixture
def app(browser: Browser, server: str) -> Iterator[Watched]:
    """A wide window; the test fails for any error in its console and any foreign request."""
    yield from watched_page(browser, server, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Watched]:
    """A phone's window in dark, with touch."""
    size = {"width": 390, "height": 844}
    yield from watched_page(
        browser, server, viewport=size, has_touch=True, is_mobile=True, color_scheme="dark"
    )
