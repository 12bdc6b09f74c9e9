"""Every page, wide and narrow, light and dark: it does not jump, and axe finds nothing serious."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.conftest import Watched, watched_page

pytestmark = pytest.mark.browser

PAGES = ("", "?sample=synth0000_01", "segment?sample=synth0000_01", "dataset", "train", "runs")
PAGES += ("compare",)
SHIFT = 0.25
"""Layout shift from which it counts as poor, by web.dev/articles/cls. Good is below 0.1; Streamlit
alone takes up to 0.08 when it widens a page after its skeleton."""
# A burst is at most 5 s long, with less than 1 s between two shifts; the worst burst counts.
_WATCH = """
window.bursts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const last = window.bursts.at(-1);
    const goes = last && entry.startTime - last.end < 1000 && entry.startTime - last.start < 5000;
    if (goes) { last.end = entry.startTime; last.sum += entry.value; }
    else window.bursts.push({start: entry.startTime, end: entry.startTime, sum: entry.value});
  }
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(params=["wide light", "wide dark", "phone light", "phone dark"])
def screen(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Watched]:
    size, scheme = request.param.split()
    context: dict[str, object] = {"color_scheme": scheme}
    if size == "phone":
        context |= {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    else:
        context |= {"viewport": {"width": 1440, "height": 900}}
    for watched in watched_page(browser, server, **context):
        watched.page.add_init_script(_WATCH)
        yield watched


@pytest.mark.parametrize("path", PAGES)
def test_a_page_does_not_jump_and_axe_finds_nothing_serious(screen: Watched, path: str) -> None:
    screen.open()  # what the browser fetches once is there
    page = screen.open(path)
    page.wait_for_timeout(1000)
    shift = page.evaluate("Math.max(0, ...window.bursts.map(each => each.sum))")
    found = [
        f"{each['id']}: {node['html'][:120]}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert found == []
    assert shift < SHIFT
