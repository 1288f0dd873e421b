"""Headless Chromium: what opens the HTML report in tests, and takes the pictures of it in docs/."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def missing() -> str | None:
    """What a browser test needs and this machine has not, in words."""
    if chromium() is None:
        return f"no Chromium here (looked for {', '.join(NAMES)}; Debian: apt-get install chromium)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "no playwright here: make test-browser installs it"
    return None


def chromium() -> str | None:
    """The browser of this machine, or the one that CHROMIUM names."""
    return os.environ.get("CHROMIUM") or next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright, which brings no browser of its own here."""
    from playwright.sync_api import sync_playwright

    as_root = hasattr(os, "geteuid") and os.geteuid() == 0  # who has no sandbox
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if as_root else [], chromium_sandbox=not as_root
        )
        try:
            yield started
        finally:
            started.close()
