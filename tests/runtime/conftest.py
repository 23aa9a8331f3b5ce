"""A service over an empty database of each kind, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.zones import parse_instant
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from rules.loader import read_folder
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]  # fixtures

O2O = Path(__file__).parents[2] / "rules" / "books" / "o2o"
NOON = parse_instant("2026-06-01T12:00+08:00", None)  # a Monday


def o2o_files() -> dict[str, str]:
    """The book that ships."""
    return {name: text.decode() for name, text in read_folder(O2O).items()}


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    """Without a book; `settle` judges, no thread does."""
    store = Store(url)
    store.migrate()
    service = Service(store, TestClock(NOON), secret=b"pepper")
    yield service
    service.close()
