"""`make screenshots`: every page of the console in light and dark, and at 400 px, into docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.console import scene
from tests.console.browser import SIZES, Watched, launched
from tests.console.house import PASSWORD, served

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
# File -> address.
PAGES = {
    "editor": "/editor?file=marketing.yaml",
    "simulator": "/simulator?story=sample:1-evening&at=2026-06-17T15:00:00Z&verdict=7d6cc7b6aa",
    "tests": "/tests",
    "compare": "/compare",
    "live": "/live?who=u0024",
    "versions": "/versions",
    "settings": "/settings",
}
LOOKS = (("light", "wide", False), ("dark", "wide", True), ("narrow", "narrow", False))
WHO = "王敏"


def main(wanted: Sequence[str]) -> int:
    """All pages, or those that are named. 1 when a page did what none may."""
    noise: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        console = scene.set_up(f"sqlite:///{folder}/scene.db")
        scene.edit(console)
        try:
            with served(console.app) as home, launched() as browser:
                for look, size, dark in LOOKS:
                    noise += _take(browser, home, look, size, dark, wanted)
        finally:
            console.close()
    for line in noise:
        print(line, file=sys.stderr)
    return 1 if noise else 0


def _take(browser: Browser, home: str, look: str, size: str, dark: bool, wanted: Sequence[str]) -> list[str]:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=home, viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="zh-CN"
    )
    page = context.new_page()
    watched = Watched(page, home)
    _sign_in(page)
    for name, address in PAGES.items():
        if not wanted or name in wanted:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}-{look}.png")
            print(FOLDER / f"{name}-{look}.png", file=sys.stderr)
    context.close()
    return watched.noise


def _sign_in(page: Page) -> None:
    page.goto("/signin")
    page.fill("input[name=name]", WHO)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(lambda address: "/signin" not in address)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.exit(main(sys.argv[1:]))
