"""What is accepted at an instant is judged before timers that fall due after it, however long its commit takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engine.core.zones import format_instant
from engine.events import EventReader
from engine.refusals import Refusal
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store import events
from engine.store.store import Store
from tests.faults import checker, world
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]  # fixtures
START = 1_800_000_000 * world.SECOND


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    store = Store(url)
    store.migrate()
    service = Service(store, TestClock(START), secret=b"pepper")
    service.publish(world.FILES, "first", "test")
    service.put_users("live", world.users())
    yield service
    service.close()


def line(id: str, type: str, at: int, **data: object) -> dict[str, object]:
    return {"id": id, "type": type, "time": format_instant(at), "user": "u1", "data": {"order_id": "A1", **data}}


def test_a_timer_waits_for_an_event_that_is_being_accepted(service: Service) -> None:
    """The order is paid at 1 s and its reminder due at 2 s; at 5 s the payment is still being committed. The reminder must not go out."""
    clock = service.clock
    service.accept("live", [line("e1", "order.created", START, amount=1)])
    clock.set(START + world.SECOND)
    service.settle()
    paid = EventReader(world.book()).read(line("e2", "order.paid", clock.now(), no="1"))
    assert not isinstance(paid, Refusal)

    with service.store.write() as tx:
        events.accepting(tx)
        paid.received = clock.now()
        events.add(tx, "live", [paid])
        clock.set(START + 5 * world.SECOND)
        judging = threading.Thread(target=service.settle)
        judging.start()
        judging.join(0.5)
    judging.join()
    service.settle()

    outcomes = {(verdict["rule"], verdict["outcome"]) for verdict in service.verdicts("live").items}
    assert ("unpaid", "cancel") in outcomes
    assert ("unpaid", "send") not in outcomes
    assert checker.History.of(service.store).inversions() == 0
