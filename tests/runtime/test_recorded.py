"""A replay judges what is recorded with people as they were, so it says what the service has said, whatever was said of them since."""

from __future__ import annotations

from typing import Any

import pytest

from engine.runtime.recorded import Record
from engine.runtime.service import Service
from engine.simulate.output import verdict_line
from engine.store import changes, decisions, events
from rules.checking import check
from rules.model import HOUR, MINUTE
from tests.runtime.conftest import NOON
from tests.runtime.test_equals_simulation import shown

BOOK = """
book: {id: shop, timezone: Asia/Shanghai, locale: zh_CN}
user: {attributes: {city: string, fan: boolean}}
segments: {fans: {when: {user.fan: true}}}
events:
  made: {key: k, data: {k: string}}
message_types: {marketing: {ending: 拒收请回复R}}
rules:
  near: {on: made, when: {user.city: 上海}, send: {type: notification, sms: "上海{{ event.k }}"}}
  late: {on: {event: made, after: 1h}, when: {user.city: 北京}, send: {type: marketing, sms: "北京{{ event.k }}"}}
  joined: {on: {enter: fans}, send: {type: notification, sms: 欢迎}}
"""
PHONE, OTHER = "+8613800138001", "+8613800138002"


@pytest.fixture
def shop(service: Service) -> Service:
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.put_users("live", [{"id": "u1", "phone": PHONE, "attributes": {"city": "上海"}}, {"id": "u2", "phone": OTHER}])
    return service


def post(service: Service, id: str, minutes: int, user: Any = "u1") -> None:
    at = f"2026-06-01T{12 + minutes // 60}:{minutes % 60:02}:00+08:00"
    service.set_clock(NOON + minutes * MINUTE)
    service.settle()
    assert service.accept("live", [{"id": id, "type": "made", "time": at, "user": user, "data": {"k": id}}])[0].status == "accepted"
    service.settle()


def at(service: Service, minutes: int) -> None:
    service.set_clock(NOON + minutes * MINUTE)
    service.settle()


def decided(service: Service) -> list[str]:
    with service.store.read() as tx:
        verdicts = [verdict for row in decisions.history(tx, "live", limit=1000) for verdict in row.verdicts]
    return sorted(shown(line) for line in (*map(verdict_line, verdicts), *service.messages("live", limit=1000).items))


def replayed(service: Service, until: int | None = None) -> list[str]:
    book = check({"book.yaml": BOOK}).book
    assert book is not None
    _, found = Record(service.store, "live").replay(book, {}, until=until)
    return sorted(map(shown, found))


def test_a_replay_says_what_the_service_has_said(shop: Service) -> None:
    """She moves, becomes a fan, opts out, and is somebody else's number in the end; somebody comes with an event, another after it."""
    post(shop, "e1", 1)
    shop.put_users("live", [{"id": "u1", "attributes": {"city": "北京"}}])
    post(shop, "e2", 2)
    post(shop, "e3", 3, {"id": "u3", "phone": "+8613800138003", "attributes": {"city": "上海"}})
    shop.put_users("live", [{"id": "u4", "phone": "+8613800138004", "attributes": {"city": "上海"}}])
    post(shop, "e4", 4, "u4")
    at(shop, 30)
    shop.put_users("live", [{"id": "u1", "attributes": {"fan": True}}])
    post(shop, "e5", 40, {"id": "u2", "attributes": {"city": "北京"}})
    shop.suppress("live", PHONE, ["marketing"], "reply", "sms")
    at(shop, 70)
    shop.release("live", PHONE, ["marketing"], "sms")
    shop.put_users("live", [{"id": "u1", "phone": "+8613800138009", "attributes": {"city": "广州", "fan": False}}])
    at(shop, 200)
    got = decided(shop)

    assert [line for line in got if "suppressed" in line]
    assert len([line for line in got if "'message'" in line]) == 5
    assert replayed(shop, NOON + 200 * MINUTE) == got


def test_what_changes_nothing_is_not_kept(shop: Service) -> None:
    """A nightly import of the same people leaves no rows."""
    with shop.store.read() as tx:
        before = changes.page(tx, "live", since=0)
    shop.put_users("live", [{"id": "u1", "phone": PHONE, "attributes": {"city": "上海"}}, {"id": "u2", "phone": "13800138002"}])
    shop.suppress("live", PHONE, ["marketing"], "reply", "sms")
    shop.suppress("live", PHONE, ["marketing"], "again", "sms")
    with shop.store.read() as tx:
        after = changes.page(tx, "live", since=0)

    assert [one.change.cell for one in before] == ["user:u1", "user:u2"]
    assert [(one.cause, one.change.became) for one in after[2:]] == [("opt_out", {"suppressed": ["marketing"]})]


def test_people_of_before_the_first_event_that_is_kept(shop: Service) -> None:
    """Changes go like events; what was said before stands with the person."""
    post(shop, "e1", 1)
    shop.put_users("live", [{"id": "u1", "attributes": {"city": "北京"}}])
    post(shop, "e2", 2)
    shop.put_users("live", [{"id": "u1", "attributes": {"city": "上海"}}])
    with shop.store.write() as tx:
        events.forget_before(tx, "live", NOON + 2 * MINUTE, 10)
        changes.forget_before(tx, "live", NOON + 2 * MINUTE, 10)
    lines = replayed(shop, NOON + 2 * HOUR)

    assert [line for line in lines if "'near'" in line and "condition_false" in line]
    assert not [line for line in lines if "上海e" in line]


def test_changes_go_with_the_person(shop: Service) -> None:
    """Erased: none is left of the user, nor of the number."""
    post(shop, "e1", 1)
    shop.suppress("live", PHONE, ["marketing"], "reply", "sms")
    shop.erase_user("live", "u1")
    with shop.store.read() as tx:
        left = changes.page(tx, "live", since=0)

    assert {one.change.cell for one in left} == {"user:u2"}
