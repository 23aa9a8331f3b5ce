"""A console on SQLite with the O2O book; a browser where a test asks for one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.console.browser import SIZES, Watched, launched
from tests.console.house import PASSWORD, Console, served


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the O2O book and an account of every role, to be copied: publishing runs all tests of the book."""
    path = tmp_path_factory.mktemp("published") / "console.db"
    console = Console(f"sqlite:///{path}")
    console.service.store.truncate_log()
    console.close()
    return path


@pytest.fixture
def console(published: Path, tmp_path: Path) -> Iterator[Console]:
    """Tuesday, 16 June 2026, 10:00 in Shanghai; nothing has happened yet."""
    shutil.copy(published, tmp_path / "console.db")
    console = Console(f"sqlite:///{tmp_path / 'console.db'}")
    yield console
    console.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a process."""
    with launched() as browser:
        yield browser


Visit = Callable[..., Page]


@pytest.fixture
def visit(console: Console, browser: Browser) -> Iterator[Visit]:
    """`visit("editor")`: a page in the browser of somebody of that role, signed in. In the end no page has done what none may."""
    watched: list[Watched] = []
    with served(console.app) as home:

        def visit(role: str, path: str = "/", *, size: str = "wide", dark: bool = False, language: str = "zh") -> Page:
            width, height = SIZES[size]
            context = browser.new_context(
                base_url=home,
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                locale="zh-CN" if language == "zh" else "en-GB",
                permissions=["clipboard-read", "clipboard-write"],
            )
            page = context.new_page()
            watched.append(Watched(page, home))
            page.goto("/signin")
            page.fill("input[name=name]", role)
            page.fill("input[name=password]", PASSWORD)
            page.click("button.primary")
            page.wait_for_url(lambda address: "/signin" not in address)
            page.goto(path)
            return page

        yield visit
        for one in watched:
            one.page.context.close()
    assert [noise for one in watched for noise in one.noise] == []
