"""Every page, wide and narrow, light and dark: axe finds nothing serious."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.conftest import Watched, watched_page

pytestmark = pytest.mark.browser

PAGES = ("", "?sample=synth0000_01", "segment?sample=synth0000_01", "dataset", "train", "runs")
PAGES += ("compare",)


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
