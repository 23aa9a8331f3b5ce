"""A few days of the O2O book in a service: users, events at their own times, sent by the provider that captures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.zones import parse_instant
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.simulate import sample
from engine.store.store import Store
from rules.loader import read_folder

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"


def lived(store: Store, orders: int = 6, seed: int = 5, days: int = 2, **more: Any) -> Service:
    """A service in which this has happened."""
    lines: list[Mapping[str, Any]] = sorted(sample.events(orders, seed, days=days), key=_received)
    clock = TestClock(_received(lines[0]) - 1)
    service = Service(store, clock, secret=b"test", **more)
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
    service.put_users("live", list(sample.users(orders, seed)))
    for line in lines:
        service.set_clock(_received(line))
        service.settle(sending=True)
        service.accept("live", [line])
        service.settle(sending=True)
    service.set_clock(clock.now() + 3600 * 1_000_000)
    service.settle(sending=True)
    return service


def _received(line: Mapping[str, Any]) -> int:
    return parse_instant(line.get("received") or line["time"], None)
