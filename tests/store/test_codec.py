"""What is written comes back as it was: every slot, every type, shared events shared."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.caps import Bucket
from engine.core.facts import Cell, Event, UserCell
from engine.core.outcomes import Item, Message, Timer, Verdict
from engine.core.zones import zone
from engine.store import codec
from engine.store.columns import LONGEST_NAME, clean, key_of

FAST = settings(max_examples=150, deadline=None)
LEFT_OUT = {"cell_id"}  # of an event: a note that its next reader makes again


def slots_of(value: Any) -> list[str]:
    return sorted({slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ())} - LEFT_OUT)


def same(left: Any, right: Any) -> bool:
    """Equal by type and all slots; floats also when both are NaN."""
    if type(left) is not type(right):
        return False
    if type(left) in (list, tuple, Bucket):
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is dict:
        return list(left) == list(right) and all(same(value, right[name]) for name, value in left.items())
    if type(left) in (Cell, UserCell, Event, Item, Timer, Message, Verdict):
        if type(left) in (Message, Verdict):  # what is worked out when first asked
            _ = left.__getstate__(), right.__getstate__()
        return all(same(getattr(left, name), getattr(right, name)) for name in slots_of(left))
    return bool(left == right) or (left != left and right != right)


# ---- values by chance ------------------------------------------------------------------------------------------------------------------

names = st.one_of(st.text(max_size=8), st.sampled_from(("order_id", "A1", "上海", "\0", '"', "a|b", "\ud800", "x" * 700)))
instants = st.integers(-(2**62), 2**62)
json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=6)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=6), json, max_size=4)
maybe_name = st.one_of(st.none(), names)
zones = st.sampled_from(("Asia/Shanghai", "America/New_York", "UTC", "Asia/Kathmandu")).map(zone)


@st.composite
def events(draw: st.DrawFn) -> Event:
    return Event(
        draw(names), draw(names), draw(instants), draw(objects), received=draw(st.one_of(st.none(), instants)),
        source=draw(st.one_of(st.just("api"), names)), user=draw(maybe_name), phone=draw(maybe_name), key=draw(maybe_name),
        profile=draw(st.one_of(st.none(), objects)),
    )  # fmt: skip


counters = st.dictionaries(
    names,
    st.one_of(st.integers(0, 9), st.lists(instants, max_size=3).map(tuple), st.builds(Bucket, instants, st.integers(0, 9))),
    max_size=3,
)
trait_values = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.dates(),
    st.lists(json, max_size=2),
    st.dictionaries(names, json, max_size=2),
)
trait_states = st.one_of(
    st.integers(), st.floats(), st.dates(), st.text(max_size=5), st.booleans(), st.tuples(instants, trait_values),
    st.lists(st.tuples(instants, trait_values), max_size=3).map(tuple), st.lists(trait_values, max_size=3).map(tuple),
)  # fmt: skip


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    shared = draw(st.lists(events(), min_size=1, max_size=3))
    steps = st.tuples(st.integers(0, 3), st.sampled_from(shared))
    joins = st.tuples(instants, st.lists(steps, max_size=4).map(tuple))
    counts = st.tuples(st.lists(instants, max_size=4).map(tuple), st.booleans())
    return draw(st.dictionaries(names, st.one_of(joins, counts), max_size=3))


recent = st.dictionaries(names, st.lists(st.tuples(names, names, st.booleans(), instants, instants), max_size=3).map(tuple), max_size=2)


def fill(draw: st.DrawFn, cell: Cell) -> None:
    cell.counters, cell.windows, cell.recent = draw(counters), draw(windows()), draw(recent)
    cell.sent = draw(st.dictionaries(names, instants, max_size=2))
    cell.suppressed = draw(st.frozensets(st.sampled_from(("marketing", "all", "blocked"))))
    cell.expires = draw(st.integers(0, 1 << 62))


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    cell = Cell()
    fill(draw, cell)
    return cell


@st.composite
def user_cells(draw: st.DrawFn) -> UserCell:
    cell = UserCell(draw(names), draw(zones))
    fill(draw, cell)
    cell.phone, cell.locale, cell.wake = draw(maybe_name), draw(maybe_name), draw(st.one_of(st.none(), instants))
    cell.timezone = draw(st.sampled_from((None, "Europe/London")))
    if cell.timezone is not None:
        cell.zone = zone(cell.timezone)
    cell.attributes = draw(objects)
    cell.traits = draw(st.dictionaries(names, trait_states, max_size=4))
    cell.memberships = draw(st.frozensets(names, max_size=2))
    cell.exposures = draw(st.lists(st.tuples(names, names, instants, instants), max_size=2).map(tuple))
    return cell


@st.composite
def items(draw: st.DrawFn) -> Item:
    happened = draw(st.lists(events(), max_size=3))
    aliases = {f"a{at}": event for at, event in enumerate(happened)} if draw(st.booleans()) else None
    return Item(
        draw(names), draw(names), draw(instants), event=happened[-1] if happened else None, aliases=aliases, user=draw(maybe_name),
        phone=draw(maybe_name), waited=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> Message:
    until = draw(st.one_of(st.none(), instants))
    return Message(
        draw(names), draw(instants), draw(items()), draw(maybe_name), draw(maybe_name), draw(names), draw(names), draw(names), draw(names),
        draw(maybe_name), draw(st.one_of(st.none(), st.text())), draw(json), draw(st.integers(0, 9)), until,
        draw(st.one_of(st.none(), objects)),
        draw(st.lists(names, max_size=2).map(tuple)), draw(st.lists(st.tuples(names, names, instants), max_size=2).map(tuple)),
        draw(st.integers(0, 5)), draw(st.booleans()),
    )  # fmt: skip


@st.composite
def timers(draw: st.DrawFn) -> Timer:
    return Timer(
        draw(names), draw(st.sampled_from(("due", "release", "fallback", "wake"))), draw(instants),
        item=draw(st.one_of(st.none(), items())),
        message=draw(st.one_of(st.none(), messages())), user=draw(maybe_name), recipient=draw(st.tuples(maybe_name, maybe_name)),
        watch=draw(st.lists(names, max_size=2).map(tuple)),
    )  # fmt: skip


# ---- back as it was --------------------------------------------------------------------------------------------------------------------


@FAST
@given(event=events())
def test_an_event(event: Event) -> None:
    assert same(codec.decode_event(codec.encode_event(event)), event)


@FAST
@given(cell=st.one_of(cells(), user_cells()))
def test_a_cell(cell: Cell) -> None:
    assert same(codec.decode_cell(codec.encode_cell(cell)), cell)


@FAST
@given(timer=timers())
def test_a_timer(timer: Timer) -> None:
    assert same(codec.decode_timer(codec.encode_timer(timer)), timer)


@FAST
@given(message=messages())
def test_a_message_in_its_row(message: Message) -> None:
    columns = {name: getattr(message, name) for name in ("id", "at", "user", "phone", "to", "type", "channel", "text", "parts")}

    assert same(codec.decode_message(codec.encode_message(message, columns), columns), message)


@FAST
@given(several=st.lists(items(), max_size=3))
def test_items_of_a_campaign(several: list[Item]) -> None:
    assert same(codec.decode_items(codec.encode_items(several)), several)


@FAST
@given(state=trait_states)
def test_a_state_of_a_trait(state: Any) -> None:
    assert same(codec.unpack(codec.loads(codec.dumps(codec.pack(state)))), state)


def test_verdicts() -> None:
    given = [Verdict(5, "r", "u", "skip", "capped", "o", lambda: {"count": 1}), Verdict(5, "r", None, "send", "ok", "o", None, "+86")]

    found = codec.decode_verdicts(codec.encode_verdicts(given), 5)

    assert all(map(same, found, given))


def test_a_deadline_not_yet_worked_out() -> None:
    """A message may still hold a closure; what is kept is its answer."""
    message = Message("m", 1, Item("r", "o", 1), "u", None, "+86", "t", "sms", "t", None, "x", None, 1, lambda: 77, None, (), ())

    assert codec.decode_message(codec.encode_message(message, {}), {}).send_until == 77


def test_events_are_one_object_again() -> None:
    event = Event("e", "t", 1, {})
    cell = Cell()
    cell.windows = {"r": (1, ((0, event), (1, event))), "s": (1, ((0, event),))}
    timer = Timer("t", "due", 1, item=Item("r", "o", 1, event=event, aliases={"a": event}))

    windows = codec.decode_cell(codec.encode_cell(cell)).windows
    found = codec.decode_timer(codec.encode_timer(timer)).item

    assert len({id(entry[1]) for state in windows.values() for entry in state[1]}) == 1
    assert found is not None
    assert found.aliases is not None
    assert found.event is found.aliases["a"]


# ---- rows of other days ----------------------------------------------------------------------------------------------------------------


def test_rows_that_lack_what_was_added_later() -> None:
    user = codec.decode_cell('{"id":"u"}')

    assert same(user, UserCell("u", UTC))
    assert same(codec.decode_cell("{}"), Cell())
    assert codec.decode_event('{"id":"e","type":"t","time":1,"from":"the future"}').data == {}
    assert codec.decode_timer('{"id":"t","kind":"wake","due":1}').watch == ()


def test_a_book_that_has_moved_takes_its_users_along() -> None:
    """Those without a zone of their own."""
    shanghai, london = zone("Asia/Shanghai"), zone("Europe/London")
    at_home, abroad = UserCell("a", shanghai), UserCell("b", london)
    abroad.timezone = "Europe/London"

    found = [codec.decode_cell(codec.encode_cell(cell), zone("Asia/Tokyo")) for cell in (at_home, abroad)]

    assert [cell.zone for cell in found if isinstance(cell, UserCell)] == [zone("Asia/Tokyo"), london]


def test_a_zone_that_this_machine_does_not_know() -> None:
    cell = codec.decode_cell('{"id":"u","timezone":"Mars/Olympus","zone":"Mars/Olympus"}', zone("Asia/Tokyo"))

    assert isinstance(cell, UserCell)
    assert (cell.zone, cell.timezone) == (zone("Asia/Tokyo"), "Mars/Olympus")


# ---- names -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "A1", "user:上海", "key:order_id#5", "x" * 600, "上" * 200])
def test_a_usual_name_is_kept_as_it_is(name: str) -> None:
    assert key_of(name) == name


@pytest.mark.parametrize("name", ["\0", "a\0b", "\ud800", "x" * 601, "上" * 201, "😀" * 5000, "x" * 119 + "😀" * 200])
def test_a_name_that_no_index_takes_is_shortened(name: str) -> None:
    """And stays itself: the same again gives the same, and others others."""
    kept = key_of(name)

    assert kept != name
    assert len(kept.encode()) <= LONGEST_NAME
    assert "\0" not in kept
    assert key_of(kept) == kept
    assert key_of(name + "x") != kept


@given(text=st.text())
def test_a_text_to_be_shown_can_be_said(text: str) -> None:
    assert clean(text) == text.replace("\0", "\ufffd")
    assert clean(text + "\ud800").encode()
