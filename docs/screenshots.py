"""Takes the pictures of the README from the running app, with the samples that ship.

Usage::

    python -m streamlit run streamlit_app.py --server.headless true &
    python docs/screenshots.py http://localhost:8501 --browser "$(command -v chromium)"
"""

from __future__ import annotations

import argparse
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent / "images"
SHORT = {"width": 1280, "height": 860}
WIDE = {"width": 1280, "height": 1240}
TALL = {"width": 1280, "height": 1400}
PHONE = {"width": 390, "height": 844}
RUNS = Path(__file__).resolve().parent.parent / "runs"
EXPERIMENT = "&".join(f"show={run.name}" for run in sorted(RUNS.glob("ablation-*")))
STUDIO = "&".join(f"show=carmask-studio-{number}" for number in (5, 4, 3))
PICTURES = [
    ("cutout", "", SHORT, "light"),
    ("start", "?sample=synth0007_07", SHORT, "light"),
    ("segment", "segment?sample=synth0007_07&truth=true", SHORT, "light"),
    ("edit", "?sample=synth0007_07", SHORT, "light"),
    ("studio", "studio?sample=synth0007_07", SHORT, "light"),
    ("dataset", "dataset", WIDE, "light"),
    ("browse", "dataset?tab=Browse", WIDE, "dark"),
    ("augment", "dataset?tab=Augment", WIDE, "light"),
    ("train", "train", WIDE, "light"),
    ("runs", f"runs?{STUDIO}", WIDE, "light"),
    ("run", "runs?run=carmask-studio-5", WIDE, "dark"),
    (
        "experiment",
        f"runs?over=Images+seen&seeds=true&{EXPERIMENT}",
        TALL,
        "light",
    ),
    ("compare", "compare?tab=Images&images=4e4f26c45c", WIDE, "light"),
    ("phone", "dataset?tab=Browse", PHONE, "dark"),
]


def main() -> None:
    """Writes docs/images/<name>.webp."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--browser", help="executable; Playwright's own where it is left out")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True, parents=True)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=arguments)
        for name, path, size, scheme in PICTURES:
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(f"{options.address}/{path}")
            page.wait_for_selector(".stApp[data-test-script-state=notRunning]", timeout=120_000)
            page.wait_for_function("!document.querySelector('[data-stale=true]')")
            if name == "edit":
                page.get_by_role("button", name="Edit mask").click()
            page.wait_for_timeout(4000)  # pictures fade in, figures are measured
            picture = Image.open(BytesIO(page.screenshot()))
            picture.convert("RGB").save(options.out / f"{name}.webp", quality=90, method=6)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
