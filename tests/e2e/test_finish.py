"""Every page, wide and narrow: axe finds nothing serious, and nothing jumps while it loads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.conftest import Watched, watched_page

pytestmark = pytest.mark.browser

PAGES = ("", "?sample=synth0000_01", "segment?sample=synth0000_01", "dataset", "train", "runs")
PAGES += ("compare", "learn", "review", "studio?sample=synth0000_01")
MOST_SHIFT = 0.1
"""What Web Vitals calls good: https://web.dev/articles/cls"""
_COUNT_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
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
    yield from watched_page(browser, server, **context)


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(screen: Watched, path: str) -> None:
    page = screen.open(path)
    page.wait_for_timeout(1000)
    found = [
        f"{each['id']}: {node['html'][:120]}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert found == []


@pytest.mark.parametrize("screen", ["wide light", "phone dark"], indirect=True)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_jumps_while_a_page_loads(screen: Watched, path: str) -> None:
    screen.page.add_init_script(_COUNT_SHIFTS)
    shifts = []
    for _ in range(3):  # a busy machine draws one page in many steps
        page = screen.open(path)
        page.wait_for_timeout(1000)
        shifts.append(page.evaluate("window.shifted"))
        if shifts[-1] < MOST_SHIFT:
            return
    pytest.fail(f"layout shift {shifts}")
