"""What is too old goes, by the settings; what is still needed stays."""

from __future__ import annotations

import time

import pytest

from engine.core.facts import Cell
from engine.runtime.clock import TestClock
from engine.runtime.housekeeping import EVERY_SECONDS, Housekeeper
from engine.runtime.service import Service
from engine.settings import Retention
from engine.store import cells, decisions, events, idempotency, messages, verifications
from engine.store.store import Store
from engine.store.verifications import Verification
from rules.model import DAY, HOUR, Duration
from tests.runtime.conftest import NOON
from tests.runtime.house import House, house
from tests.runtime.test_service import made, shop

__all__ = ["house", "shop"]  # fixtures

KEEP = Retention(events=Duration(10, "d"), messages=Duration(30, "d"), verdicts=Duration(20, "d"))


def held(store: Store) -> list[int]:
    """How many events, decisions with a verdict, and messages there are."""
    with store.read() as tx:
        verdicts = {id.partition(".")[0] for id, _ in decisions.newest_verdicts(tx, "live", limit=1000).items}
        counted = (events.newest(tx, "live", limit=1000), messages.newest(tx, "live", limit=1000))
        return [len(counted[0].items), len(verdicts), len(counted[1].items)]


def test_each_kind_goes_at_its_own_age(house: House) -> None:
    """Events after 10 days, verdicts after 20, messages with their attempts after 30: to the day, and no sooner."""
    keeper = Housekeeper(house.store, house.clock, KEEP)
    house.order()
    house.step()
    (sent,) = house.messages()
    house.receiver.receipts("one", [house.receipt(provider_id=house.one.given[0].id, status="delivered", id=house.one.given[0].id)])
    seen = []
    for days in (10, 0, 10, 10):
        house.advance(days * DAY + (1 if days == 0 else 0))
        keeper.step()
        seen.append(held(house.store))

    assert seen == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert house.attempts(sent) == []


def test_what_is_at_work_stays_however_old(house: House) -> None:
    """A message that waits, an event that nobody has judged."""
    keeper = Housekeeper(house.store, house.clock, KEEP)
    house.order("A1")
    line = {"id": "late", "type": "order.created", "time": house.aware(0).isoformat(), "user": "u1", "data": {"order_id": "A2"}}
    house.accept(line)
    house.advance(400 * DAY)
    keeper.step()

    assert held(house.store)[0] == 1
    assert house.states() == ["queued"]


def test_more_than_a_batch_goes_in_one_step(shop: Service) -> None:
    shop.accept("live", [made(number) for number in range(1_200)])
    shop.settle()
    keeper = Housekeeper(shop.store, TestClock(NOON + 11 * DAY), KEEP, patience_seconds=60)

    assert keeper.step() >= 1_200
    assert held(shop.store)[0] == 0


def test_without_patience_the_rest_is_for_the_next_step(shop: Service) -> None:
    shop.accept("live", [made(number) for number in range(700)])
    shop.settle()
    keeper = Housekeeper(shop.store, TestClock(NOON + 11 * DAY), KEEP, patience_seconds=0)
    left = []
    for _ in range(3):
        keeper.step()
        left.append(held(shop.store)[0])

    assert left == [200, 0, 0]


def test_verifications_and_answers_go(house: House) -> None:
    """Answers to an Idempotency-Key after a day."""
    keeper = Housekeeper(house.store, house.clock, KEEP)
    now = house.clock.now()
    with house.store.write() as tx:
        verifications.save(tx, "live", Verification("v", "+861", "login", None, "approved", now, now, 5))
        idempotency.begin(tx, "live", "k", "r", "x", now)
    house.advance(DAY + 1)
    keeper.step()
    with house.store.write() as tx:
        state = idempotency.begin(tx, "live", "k", "r", "y", house.clock.now()).state
        assert verifications.get(tx, "live", "v") is not None
    house.advance(10 * DAY)
    keeper.step()

    assert state == "new"
    with house.store.read() as tx:
        assert verifications.get(tx, "live", "v") is None


def put(store: Store, id: str, expires: int) -> None:
    cell = Cell()
    cell.expires = expires
    with store.write() as tx:
        cells.save(tx, "live", {id: cell})


def has(store: Store, id: str) -> bool:
    with store.read() as tx:
        return cells.load(tx, "live", [id])[id] is not None


def test_cells_that_say_nothing_are_swept(house: House) -> None:
    keeper = Housekeeper(house.store, house.clock, KEEP)
    put(house.store, "key:k:old", house.clock.now())
    put(house.store, "key:k:new", house.clock.now() + 2 * HOUR)
    house.advance(HOUR)
    keeper.step()

    assert [has(house.store, f"key:k:{name}") for name in ("old", "new")] == [False, True]


def test_a_cell_that_waits_for_a_late_worker_stays(house: House) -> None:
    """An event is judged with the cells of its own instant, however long it lay in the inbox."""
    keeper = Housekeeper(house.store, house.clock, KEEP)
    put(house.store, "key:k:v", house.clock.now() + HOUR)
    house.accept({"id": "e", "type": "order.created", "time": house.aware(0).isoformat(), "user": "u1", "data": {"order_id": "A"}})
    house.advance(2 * HOUR)
    keeper.step()
    before = has(house.store, "key:k:v")
    house.work()
    keeper.step()

    assert (before, has(house.store, "key:k:v")) == (True, False)


def test_once_a_minute_of_the_machine(house: House) -> None:
    """Whatever the service's own clock does."""
    instant = [1000.0]
    keeper = Housekeeper(house.store, house.clock, KEEP, monotonic=lambda: instant[0])
    house.order()
    house.advance(11 * DAY)
    keeper.turn()
    house.order("A2")
    house.advance(11 * DAY)
    seen = []
    for seconds in (1.0, EVERY_SECONDS):
        instant[0] += seconds
        keeper.turn()
        seen.append(held(house.store)[0])

    assert seen == [1, 0]


@pytest.mark.parametrize("busy", [False, True])
def test_the_worker_of_a_service_keeps_house(url: str, monkeypatch: pytest.MonkeyPatch, busy: bool) -> None:
    """And `settle` never does. A worker that is never idle does so too."""
    store = Store(url)
    store.migrate()
    clock = TestClock(NOON)
    service = Service(store, clock, secret=b"pepper", retention=KEEP)
    service.publish({"book.yaml": "book: {id: s, timezone: Asia/Shanghai}\nevents: {made: {data: {k: string}}}"}, "first", "pm")
    service.accept("live", [made(1)])
    service.settle()
    clock.set(NOON + 11 * DAY)
    service.settle()
    before = held(store)[0]
    if busy:
        monkeypatch.setattr(service, "_steps", lambda *_: True)
    service.start(sending=False)
    until = time.monotonic() + 10
    while held(store)[0] and time.monotonic() < until:
        time.sleep(0.02)
    after = held(store)[0]
    service.close()

    assert (before, after) == (1, 0)
