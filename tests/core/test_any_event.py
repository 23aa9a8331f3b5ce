"""Whatever an event holds, as long as its type allows it, judging ends with verdicts and never with an exception."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import category

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.outcomes import Message
from engine.core.plan import BookPlan
from engine.events import EventReader
from engine.refusals import Refusal
from engine.simulate.output import line_of
from engine.simulate.simulation import Simulation
from rules.checking import load_book
from rules.model import FieldDef, Rulebook

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"

DATES = st.sampled_from(["0001-01-01", "1900-02-29", "1970-01-01", "2024-02-29", "2026-06-01", "9999-12-31"])
TIMES = st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00Z", "1970-01-01T00:00:00Z", "2026-06-01T10:00+08:00", "2026-06-04T00:00Z",
     "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=40), st.sampled_from(["【假】", "a" * 5000, "http://x.cn/a", "\u202e\x00", "{{ code }}", "😀" * 200, "%s%n", ""])
)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0, -0.0, 1e308]))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
LINKS = st.sampled_from(["https://m.example.com/a", "http://例子.中国/x", "https://a.b/" + "y" * 600])
VALUES = {
    "string": TEXTS, "integer": INTEGERS, "number": NUMBERS, "boolean": st.booleans(), "date": DATES, "datetime": TIMES, "phone": TEXTS,
    "link": LINKS, "list": st.lists(TEXTS, max_size=3), "object": st.dictionaries(TEXTS, TEXTS, max_size=2),
}  # fmt: skip


@cache
def plan() -> BookPlan:
    book = load_book(BOOK).book
    assert book is not None
    return compile_book(book)


def value_of(field: FieldDef) -> st.SearchStrategy[Any]:
    if field.enum:
        return st.one_of(st.sampled_from(sorted(field.enum, key=str)), VALUES[field.type])
    return VALUES[field.type]


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    book: Rulebook = plan().book
    type_ = draw(st.sampled_from(sorted(book.events)))
    declared = book.events[type_]
    data = {name: draw(value_of(field)) for name, field in declared.data.items() if not field.optional or draw(st.booleans())}
    # Few orders and persons, so that events meet.
    if declared.key is not None:
        data[declared.key] = draw(st.sampled_from(["A1", "A2"]))
    person = draw(
        st.sampled_from(["u1", "u2", None, {"phone": "+8613800138009"}, {"phone": "not a number"}, {"id": "u3", "attributes": {}}])
    )
    minute = draw(st.integers(0, 59))
    return {
        "id": str(draw(st.integers(0, 10**9))),
        "type": type_,
        "time": f"2026-06-01T{draw(st.integers(0, 23)):02}:{minute:02}:00Z",
        "received": f"2026-06-02T00:{minute:02}:00Z",
        "user": None if declared.broadcast else person,
        "data": data,
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(lines(), max_size=8))
def test_judging_never_fails_and_never_lets_a_signature_through(given_lines: list[dict[str, Any]]) -> None:
    reader = EventReader(plan().book)
    events = [event for line in given_lines if not isinstance(event := reader.read(line), Refusal)]
    simulation = Simulation(plan(), until=1_785_000_000_000_000)
    for user, zone in (("u1", "Asia/Urumqi"), ("u2", "America/New_York")):
        attributes = {"birthday": "2000-02-29", "consent_marketing": True, "member": True, "city": "【假】上海", "tier": "gold"}
        simulation.add_user(user, {"phone": f"+861380013800{user[1]}", "timezone": zone, "attributes": attributes})

    happenings = [one for page in simulation.run(sorted(events, key=lambda event: event.received)) for one in page]

    for one in happenings:
        line = line_of(one, {})
        if isinstance(one, Message) and one.text is not None:
            assert one.text.count("【") == one.text.count("】") == 1, line
            assert one.text.startswith("【秒信通】")
            assert len(one.text) <= 500
            assert not any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in one.text), line


def test_the_strategy_makes_events_that_are_taken() -> None:
    """Otherwise the property above would say nothing."""
    reader = EventReader(plan().book)
    line = {
        "id": "1",
        "type": "order.created",
        "time": "2026-06-01T00:00:00Z",
        "user": "u1",
        "data": {"order_id": "A1", "item": "", "amount": 1},
    }

    assert isinstance(reader.read(line), Event)
