"""Takes the pictures of the README from the running app, with the samples that ship.

Usage::

    python -m streamlit run streamlit_app.py --server.headless true &
    python docs/screenshots.py http://localhost:8501 --browser "$(command -v chromium)"
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent / "images"
WIDE = {"width": 1280, "height": 1240}
PHONE = {"width": 390, "height": 844}
PICTURES = [
    ("start", "", WIDE),
    ("segment", "segment?sample=synth0001_03", WIDE),
    ("compare", "segment?sample=synth0001_03&truth=true", WIDE),
    ("heat", "segment?sample=synth0001_03&view=Heat+map", WIDE),
    ("dataset", "dataset", WIDE),
    ("browse", "dataset?tab=Browse", WIDE),
    ("photo", "dataset?tab=Browse&photo=synth0001_03", WIDE),
    ("runs", "runs?show=carmask-512&show=carmask-256", WIDE),
    ("run", "runs?run=carmask-512", WIDE),
    ("dataset-phone", "dataset", PHONE),
    ("phone", "segment?sample=synth0001_03", PHONE),
]


def main() -> None:
    """Writes docs/images/<name>-<light or dark>.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--browser", help="executable; Playwright's own where it is left out")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True, parents=True)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=arguments)
        for name, path, size in PICTURES:
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport=size, color_scheme=scheme)
                page.goto(f"{options.address}/{path}")
                page.wait_for_selector(".stApp[data-test-script-state=notRunning]", timeout=120_000)
                page.wait_for_function("!document.querySelector('[data-stale=true]')")
                page.wait_for_timeout(1500)  # pictures fade in
                page.screenshot(path=options.out / f"{name}-{scheme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
