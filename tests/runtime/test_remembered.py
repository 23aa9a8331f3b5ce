"""What a request does not ask of the database each time: the key, and the book that events are read by. Another process may change both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.runtime import books, keyring
from engine.runtime.service import Service
from engine.store.store import Store

BOOK = """
book: {id: shop, timezone: Asia/Shanghai, unknown_events: refuse}
events:
  made: {key: k, data: {k: string}}
rules:
  made:
    on: made
    send: {type: notification, sms: "已下单{{ event.k }}"}
"""
NEWER = BOOK.replace("made: {key: k, data: {k: string}}", "made: {key: k, data: {k: string}}\n  paid: {data: {k: string}}")


def event(type: str, **more: Any) -> dict[str, Any]:
    return {"id": "e1", "type": type, "time": "2026-06-01T12:00:00+08:00", "user": "u1", "data": {"k": "1", **more}}


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keyring, "time", clock)
    monkeypatch.setattr(books, "time", clock)
    return clock


@pytest.fixture
def other(service: Service, url: str) -> Iterator[Service]:
    """A second process on the same database."""
    other = Service(Store(url), service.clock, secret=b"pepper")
    yield other
    other.close()


def key_id(service: Service, name: str) -> str:
    return next(key.id for key in service.keyring.listed() if key.name == name)


def test_a_key_that_is_revoked_here_opens_nothing_any_more(service: Service, time: Clock) -> None:
    """At once, though it was just used."""
    token = service.create_key("shop", "ingest")
    assert service.key(token) is not None

    service.keyring.revoke(key_id(service, "shop"), by="admin")

    assert service.key(token) is None


def test_a_key_that_another_process_revokes_opens_for_a_second_at_most(service: Service, other: Service, time: Clock) -> None:
    """However often it is used meanwhile."""
    token = service.create_key("shop", "ingest")
    assert service.key(token) is not None
    other.keyring.revoke(key_id(service, "shop"), by="admin")

    time.seconds = keyring.RECENT_SECONDS - 0.01
    assert service.key(token) is not None
    time.seconds = keyring.RECENT_SECONDS
    assert service.key(token) is None


def test_what_another_process_publishes_is_never_a_reason_to_refuse(service: Service, other: Service, time: Clock) -> None:
    """An event of the new book is accepted in the same moment."""
    service.publish({"book.yaml": BOOK}, "first", "pm")
    assert service.accept("live", [event("made")])[0].status == "accepted"

    other.publish({"book.yaml": NEWER}, "second", "pm")

    assert service.accept("live", [event("paid") | {"id": "e2"}])[0].status == "accepted"


def test_what_is_published_here_is_read_by_at_once(service: Service, time: Clock) -> None:
    """Also where the new book is the stricter one."""
    service.publish({"book.yaml": NEWER}, "first", "pm")
    assert service.accept("live", [event("paid")])[0].status == "accepted"

    service.publish({"book.yaml": BOOK}, "second", "pm")

    assert service.accept("live", [event("paid") | {"id": "e2"}])[0].status == "refused"


def test_what_another_process_takes_away_is_refused_a_moment_later(service: Service, other: Service, time: Clock) -> None:
    """As if it had come that much earlier."""
    service.publish({"book.yaml": NEWER}, "first", "pm")
    assert service.accept("live", [event("paid")])[0].status == "accepted"
    other.publish({"book.yaml": BOOK}, "second", "pm")

    time.seconds = books.RECENT_SECONDS
    assert service.accept("live", [event("paid") | {"id": "e2"}])[0].status == "refused"
