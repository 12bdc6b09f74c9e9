"""Finds a Chromium for the browser tests; run as a script it installs one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Returns the browser's executable: CARMASK_CHROMIUM, the system's, or Playwright's own."""
    given = os.environ.get("CARMASK_CHROMIUM")
    if given:
        return given
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


def install_chromium() -> str | None:
    """Returns a browser's executable after trying Playwright's download, then Debian's package."""
    attempts = [[[sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        attempts.append([["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]])
    for commands in attempts:
        if all(subprocess.run(command, check=False).returncode == 0 for command in commands):
            found = find_chromium()
            if found:
                return found
    return None


if __name__ == "__main__":
    browser = find_chromium() or install_chromium()
    if browser is None:
        sys.exit(
            "No Chromium was found and none could be installed. Install Chromium or Chrome, or "
            "give one: make test CARMASK_CHROMIUM=/path/to/chromium"
        )
    print(f"browser: {browser}")
