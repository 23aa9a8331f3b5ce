"""Recorded histories through the service, on a clock that the test moves: line for line what `simulate` says of the same events.

By default a slice of each; `HISTORY_EVENTS=whole python -m pytest tests/runtime/test_real_histories.py` takes all of them.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.zones import format_instant
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.runtime.campaigns import CampaignSettings
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.settings import Retention
from engine.simulate.output import line_of
from engine.simulate.simulation import ScriptedReceipt
from engine.store import decisions, events, messages
from engine.store.store import Store
from rules.checking import load_book
from rules.loader import read_folder
from rules.model import Duration
from tests.runtime.test_equals_simulation import BOOK, shown
from tests.unsent import Unsent

pytestmark = pytest.mark.slow
DATA = Path(__file__).parents[3] / "shared" / "data"
SETS = ("olist", "completejourney")
WHOLE = os.environ.get("HISTORY_EVENTS") == "whole"
EVENTS = 2_000
SINGLE = None if WHOLE else 500  # of them where each is a transaction of its own
THREADS = 6
ALL = 10_000_000
FOR_EVER = Retention(*[Duration(5_000, "w")] * 3)  # the histories are of years, and what is old would be forgotten on the way
AT_ONCE = CampaignSettings(inline=100_000)  # else audiences of hundreds are judged page by page, while the clock of these tests runs on
LATER = 1_000_000  # after the last event, so that what was due at its instant is judged


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of ../shared/data."""
    if not path.exists():
        pytest.skip(f"no recorded history: {path} is missing (see ../shared/data/README.md)")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@pytest.fixture(params=SETS)
def history(request: pytest.FixtureRequest) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(users, events): a slice from the middle of a recorded history, with the people who are in it."""
    lines = list(read(DATA / request.param / "events.jsonl.gz"))
    start = Random(request.param).randrange(len(lines) // 4, len(lines) // 2)
    chosen = sorted(lines if WHOLE else lines[start : start + EVENTS], key=lambda line: line["time"])
    people = {line.get("user") for line in chosen}
    return [user for user in read(DATA / request.param / "users.jsonl.gz") if user["id"] in people], chosen


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.migrate()
    yield store
    store.close()


def simulated(users: Sequence[Mapping[str, Any]], recorded: Sequence[Event], start: int, until: int) -> list[str]:
    """What `simulate` says. Nobody sends in these tests, so no receipt comes, every chain goes on, and an `unless`
    still finds its messages."""
    book = load_book(BOOK).book
    assert book is not None
    simulation = Unsent(compile_book(book), start=start, until=until, receipts=[ScriptedReceipt(rule, "none") for rule in book.rules])
    reader = UserReader(book)
    for line in users:
        user = reader.read(line)
        assert not isinstance(user, Refusal)
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    return sorted(shown(line_of(one, {})) for page in simulation.run(recorded) for one in page)


def decided(store: Store) -> list[str]:
    """What the service has recorded."""
    with store.read() as tx:
        verdicts = [verdict for row in decisions.history(tx, "live", limit=ALL) for verdict in row.verdicts]
        sent = [stored.message for stored in messages.newest(tx, "live", limit=ALL).items]
    return sorted(shown(line_of(one, {})) for one in (*verdicts, *sent))


def opened(store: Store, users: Sequence[Mapping[str, Any]], start: int) -> Service:
    """A service a microsecond before the first event, with everybody in it."""
    service = Service(store, TestClock(start - 1), secret=b"test", retention=FOR_EVER, campaigns=AT_ONCE)
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
    for place in range(0, len(users), 500):
        assert {answer.status for answer in service.put_users("live", users[place : place + 500])} <= {"accepted"}
    return service


def times(lines: Sequence[Mapping[str, Any]]) -> list[int]:
    """The instant of every line."""
    book = load_book(BOOK).book
    assert book is not None
    reader = EventReader(book)
    read = [reader.read(line) for line in lines]
    assert not [event for event in read if isinstance(event, Refusal)]
    return [event.time for event in read if isinstance(event, Event)]


def test_a_recorded_history_is_decided_as_simulated(store: Store, history: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    """Events posted one after the other, each at its own time."""
    users, lines = history[0], history[1][:SINGLE]
    instants = times(lines)
    start, end = instants[0], instants[-1] + LATER
    service = opened(store, users, start)

    place = 0
    while place < len(lines):
        after = next((at for at in range(place, len(lines)) if instants[at] != instants[place]), len(lines))
        service.set_clock(instants[place])
        service.settle()
        assert {answer.status for answer in service.accept("live", lines[place:after])} == {"accepted"}
        place = after
    service.set_clock(end + 1)
    service.settle()

    with store.read() as tx:
        recorded = [one.event for one in events.history(tx, "live", limit=ALL)]
    got, expected = decided(store), simulated(users, recorded, start, end)
    assert len(recorded) == len(lines)
    assert len(got) > len(lines)
    assert got == expected
    assert format_instant(recorded[0].received) == format_instant(start)


def test_events_posted_at_once_are_decided_in_the_order_of_the_record(
    store: Store, history: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    """Threads post against each other and against the worker, while the clock runs on; `simulate` over the record says the same."""
    users, lines = history
    instants = times(lines)
    start, end = instants[0], instants[-1] + LATER
    service = opened(store, users, start)
    service.start(sending=False)
    failed: list[BaseException] = []
    turn = threading.Lock()
    taken = iter(range(0, len(lines), 5))

    def post() -> None:
        try:
            while True:
                with turn:
                    place = next(taken, None)
                if place is None:
                    return
                service.set_clock(instants[place])  # others may have moved it further by now
                answers = service.accept("live", lines[place : place + 5])
                assert {answer.status for answer in answers} == {"accepted"}
        except BaseException as error:
            failed.append(error)

    posters = [threading.Thread(target=post) for _ in range(THREADS)]
    for thread in posters:
        thread.start()
    for thread in posters:
        thread.join()
    assert not failed
    service.set_clock(end + 1)
    service.close()
    again = Store(store.engine.url.render_as_string(hide_password=False))
    rest = Service(again, TestClock(end + 1), secret=b"test", retention=FOR_EVER, campaigns=AT_ONCE)
    rest.settle()
    rest.close()

    with store.read() as tx:
        recorded = [one.event for one in events.history(tx, "live", limit=ALL)]
        record = [row for row in decisions.history(tx, "live", limit=ALL) if row.cause == "event"]
    assert sorted(event.id for event in recorded) == sorted(line["id"] for line in lines)
    assert [row.ref for row in record] == [event.id for event in recorded]
    got, expected = decided(store), simulated(users, recorded, start, end)
    assert len(got) > len(lines)
    assert got == expected
