"""What a new book needs is built from recorded events: silently, in pages, once, whatever comes in or dies meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from engine.runtime import adopting
from engine.runtime.adopting import Adopting
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store import events
from engine.store.schema import decisions as decision_rows
from engine.store.schema import events as event_rows
from engine.store.store import Store
from rules.model import DAY, HOUR
from tests.runtime.conftest import NOON
from tests.runtime.test_service import go, verdicts

BOOK = """
book: {id: shop, timezone: Asia/Shanghai}
events:
  order.completed: {key: order_id, data: {order_id: string, amount: number}}
  other: {data: {k: string}}
user:
  attributes: {fan: boolean}
TRAITS
segments: {regulars: {when: {user.fan: true}}}
rules:
  thanks: {on: order.completed, send: {type: notification, sms: 谢谢}}
"""
NONE = BOOK.replace("TRAITS", "")
ORDERS = """  traits:
    orders: {on: order.completed, take: count}
    spent: {on: order.completed, take: sum, of: event.amount, when: {event.amount: {above: 10}}}
    items: {on: order.completed, take: distinct, of: event.order_id}
"""
NEW = BOOK.replace("TRAITS", ORDERS)
# The same traits, now of a window, and rules that wait for it.
RECENT = (
    NEW.replace("take: count", "take: count, within: 3d")
    .replace("when: {user.fan: true}", "when: {user.orders: {at_least: 2}}")
    + """
  hello: {on: {enter: regulars}, send: {type: notification, sms: 欢迎}}
  bye: {on: {leave: regulars}, send: {type: notification, sms: 再见}}
"""
)  # fmt: skip


def order(number: int, user: str = "u1", amount: float = 20) -> dict[str, Any]:
    data = {"order_id": f"A{number}", "amount": amount}
    return {"id": f"e{number}", "type": "order.completed", "time": "2026-06-01T12:00:00+08:00", "user": user, "data": data}


def traits(service: Service, user: str = "u1") -> dict[str, Any]:
    found = service.user("live", user)
    assert found is not None
    return dict(found["traits"])


def put(service: Service, book: str) -> None:
    service.publish({"book.yaml": book}, "n", "pm")


def _dies(*_: Any) -> None:
    raise ZeroDivisionError


@pytest.fixture
def shop(service: Service) -> Service:
    """Five orders of u1, one of u2, judged before anybody thought of counting them."""
    put(service, NONE)
    service.put_users("live", [{"id": f"u{number}", "phone": f"+861380013800{number}"} for number in (1, 2, 3)])
    service.accept("live", [*[order(number, amount=number * 5) for number in range(1, 6)], order(6, "u2")])
    service.settle()
    return service


def test_a_new_trait_is_built_from_recorded_events(shop: Service) -> None:
    """As if it had always been there, and without a word to anybody."""
    before = len(verdicts(shop))
    put(shop, NEW)
    waiting = shop.ready()["adopted"]
    shop.settle()

    assert waiting == "ok, adopting: live version 2: 0 of 3 users adopted"
    assert shop.ready()["adopted"] == "ok"
    assert traits(shop) == {"orders": 5, "spent": 60, "items": [f"A{number}" for number in range(1, 6)]}
    assert (traits(shop, "u2")["orders"], traits(shop, "u3")["orders"]) == (1, 0)
    assert len(verdicts(shop)) == before


def test_events_that_wait_at_the_publication_are_counted_once(shop: Service) -> None:
    """Accepted under the old book, judged under the new one; and those that come while the job runs."""
    shop.accept("live", [order(7), order(8, "u2")])
    put(shop, NEW)
    shop.accept("live", [order(9), order(10, "u4")])
    shop.settle()

    assert [traits(shop, user)["orders"] for user in ("u1", "u2", "u3", "u4")] == [7, 2, 0, 1]


@pytest.mark.parametrize("steps", range(4))
def test_a_killed_job_goes_on(shop: Service, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """After any of its transactions, with events in between."""
    monkeypatch.setattr(adopting, "PAGE", 1)
    shop.accept("live", [order(7)])
    put(shop, NEW)
    job = Adopting(shop.store, shop.books)
    for _ in range(steps):
        job.step("live")
    shop.accept("live", [order(8), order(9, "u3")])
    after = Service(shop.store, shop.clock, secret=b"pepper")
    after.settle()

    assert after.ready()["adopted"] == "ok"
    assert [traits(after, user)["orders"] for user in ("u1", "u2", "u3")] == [7, 1, 1]


def test_a_page_that_dies_leaves_nothing(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the users nor the cursor; the next one does it all."""
    put(shop, NEW)
    with monkeypatch.context() as broken:
        broken.setattr(adopting, "_keep", _dies)
        with pytest.raises(ZeroDivisionError):
            shop.settle()
    assert traits(shop)["orders"] == 0
    shop.settle()

    assert traits(shop)["orders"] == 5


def test_a_trait_that_changes_is_built_anew(shop: Service) -> None:
    """From a number to a window: the old state is never read as the new one, whatever is judged first."""
    put(shop, NEW)
    shop.settle()
    go(shop, 2 * DAY)
    put(shop, RECENT)
    between = shop.user("live", "u1")
    shop.accept("live", [order(7) | {"time": "2026-06-03T12:00:00+08:00"}])
    shop.put_users("live", [{"id": "u2", "attributes": {"fan": True}}])
    shop.settle()

    assert between is not None
    assert between["traits"].get("orders") == 0
    assert (traits(shop)["orders"], traits(shop, "u2")["orders"]) == (6, 1)
    assert traits(shop)["spent"] == 80


def test_what_did_not_change_stays(shop: Service) -> None:
    """A count of events that are no longer kept is not lost by a new wording of the book."""
    put(shop, NEW)
    shop.settle()
    with shop.store.write() as tx:
        events.forget_before(tx, "live", NOON + DAY, 100)
    put(shop, NEW.replace("谢谢", "多谢"))
    shop.settle()

    assert traits(shop)["orders"] == 5


def test_nobody_enters_by_a_publication(shop: Service) -> None:
    """The members of a segment that is new are members, silently; an event in the midst of it makes no difference; time does, later."""
    put(shop, NEW)
    shop.settle()
    put(shop, RECENT)
    shop.accept("live", [order(7)])
    shop.settle()
    entered = [one for one in verdicts(shop) if one[0] == "hello"]
    go(shop, 3 * DAY + HOUR)

    assert entered == []
    assert [one for one in verdicts(shop) if one[0] != "thanks"] == [("bye", "send", "ok")]


def test_a_second_publication_before_the_first_is_adopted(shop: Service) -> None:
    put(shop, NEW)
    shop.accept("live", [order(7)])
    shop.worker._adopting.step("live")  # only a part of the work
    put(shop, RECENT)
    shop.accept("live", [order(8)])
    shop.settle()

    assert (traits(shop)["orders"], traits(shop)["spent"]) == (7, 100)


def test_a_roll_back_counts_what_came_meanwhile(shop: Service) -> None:
    put(shop, NEW)
    shop.settle()
    shop.activate(1, "pm")
    shop.accept("live", [order(7)])
    shop.settle()
    shop.activate(2, "pm")
    shop.settle()

    assert traits(shop)["orders"] == 6


def test_an_event_committed_late_is_counted_once(url: str) -> None:
    """Its number was drawn before the publication, its transaction ended afterwards: whoever judged it has counted it."""
    store = Store(url)
    store.migrate()
    service = Service(store, TestClock(NOON), secret=b"pepper")
    put(service, NONE)
    service.put_users("live", [{"id": "u1", "phone": "+8613800138001"}])
    service.accept("live", [order(1), order(2)])
    service.settle()
    with store.write() as tx:  # as if number 1 were not committed yet
        body = tx.execute(sa.select(event_rows).where(event_rows.c.seq == 1)).one()._asdict()
        tx.execute(sa.delete(event_rows).where(event_rows.c.seq == 1))
        gone = sa.delete(decision_rows).where(decision_rows.c.ref == "e1")
        tx.execute(gone)
    put(service, NEW)
    with store.write() as tx:
        tx.execute(sa.insert(event_rows).values(**{**body, "done": False}))
    service.settle()

    assert traits(service)["orders"] == 2
    service.close()


def test_publishing_does_not_wait_for_the_job(shop: Service) -> None:
    """Nobody has been touched when it returns."""
    put(shop, NEW)
    with shop.store.read() as tx:
        job = adopting.standing(tx, "live")

    assert job is not None
    assert (job.looked, job.cursor, job.traits) == (0, None, ("items", "orders", "spent"))
    assert traits(shop).get("orders") == 0


def test_the_job_does_not_remember_the_erased(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood at this very person; the others are counted once all the same."""
    monkeypatch.setattr(adopting, "PAGE", 1)
    put(shop, NEW)
    job = Adopting(shop.store, shop.books)
    job.step("live")
    job.step("live")
    shop.erase_user("live", "u2")
    with shop.store.read() as tx:
        standing = adopting.standing(tx, "live")
    shop.settle()

    assert standing is not None
    assert standing.cursor is None
    assert traits(shop)["orders"] == 5
