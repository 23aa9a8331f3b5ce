"""What the service decides equals what `simulate` says of the same input, line for line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.zones import format_instant
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.simulate import sample
from engine.simulate.output import line_of
from engine.simulate.simulation import ScriptedReceipt
from engine.store.store import Store
from rules.checking import load_book
from rules.loader import read_folder
from tests.unsent import Unsent

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"
LATER = 1_000_000  # the clock moves on by so much after the last event, so that what was due at its instant is judged
SHOWN = (
    "kind",
    "at",
    "rule",
    "user",
    "outcome",
    "reason",
    "detail",
    "occurrence",
    "type",
    "channel",
    "to",
    "text",
    "parts",
    "template",
    "variant",
)


def shown(line: Mapping[str, Any]) -> str:
    return str({name: line[name] for name in SHOWN if name in line})


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.migrate()
    yield store
    store.close()


def test_a_story_posted_event_by_event_is_decided_as_simulated(store: Store) -> None:
    book = load_book(BOOK).book
    assert book is not None
    users = list(sample.users(12, 3))
    lines = sorted(sample.events(12, 3, days=2), key=lambda line: line.get("received", line["time"]))
    reader = EventReader(book)
    events = [event for line in lines if not isinstance(event := reader.read(line), Refusal)]
    ordered: list[tuple[Event, Mapping[str, Any]]] = sorted(zip(events, lines, strict=True), key=lambda pair: pair[0].received)
    start, end = ordered[0][0].received, ordered[-1][0].received + LATER
    # Nobody sends here, so no receipt comes, every chain goes on, and an `unless` still finds its messages.
    silence = [ScriptedReceipt(rule, "none") for rule in book.rules]
    simulation = Unsent(compile_book(book), start=start, until=end, receipts=silence)
    people = UserReader(book)
    for line in users:
        user = people.read(line)
        assert not isinstance(user, Refusal)
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    expected = sorted(shown(line_of(one, {})) for page in simulation.run(event for event, _ in ordered) for one in page)

    # A microsecond before the first event, so that the ticks of its instant are still to come.
    clock = TestClock(start - 1)
    service = Service(store, clock, secret=b"test")
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
    assert {answer.status for answer in service.put_users("live", users)} == {"accepted"}
    for event, line in ordered:
        service.set_clock(event.received)
        service.settle()
        answer = service.accept("live", [{**line, "time": format_instant(event.time)}])[0]
        assert answer.status == "accepted", answer
        service.settle()
    service.set_clock(end + 1)
    service.settle()

    decided = []
    cursor = None
    while True:
        verdicts = service.verdicts("live", limit=1000, cursor=cursor)
        decided += verdicts.items
        cursor = verdicts.next
        if cursor is None:
            break
    sent = service.messages("live", limit=1000)
    assert sent.next is None
    got = sorted(shown(line) for line in (*decided, *sent.items))
    assert len(expected) > 100
    assert got == expected
