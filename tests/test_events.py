"""Input lines become events, users and receipts, or refusals that say exactly why not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Event
from engine.core.zones import parse_instant
from engine.events import EventReader
from engine.people import ReceiptLine, ReceiptReader, UserLine, UserReader
from engine.refusals import Problem, Refusal, parse_json
from engine.values import field_check, instant
from rules.model import EventType, FieldDef, Rulebook

TIME = "2026-06-01T10:00:00+08:00"
INSTANT = 1_780_279_200_000_000


def field(name: str, kind: str = "string", **more: Any) -> FieldDef:
    """A declared field."""
    return FieldDef((), name, kind, **more)


def event_type(name: str, *fields: FieldDef, **more: Any) -> EventType:
    """A declared event."""
    return EventType((), name, {one.name: one for one in fields}, **more)


def book(**more: Any) -> Rulebook:
    """A small book."""
    types = (
        event_type("order.created", field("order_id"), field("amount", "number"), field("store", optional=True), key="order_id"),
        event_type("points.changed", field("delta", "integer")),
        event_type("seat.taken", field("seat", "integer"), key="seat"),
        event_type("pickup.ready", field("code", secret=True, schema={"minLength": 4})),
        event_type("sale.announced", field("sale_id"), key="sale_id", broadcast=True),
    )
    attributes = {"city": field("city", optional=True), "birthday": field("birthday", "date", optional=True)}
    return Rulebook(events={one.type: one for one in types}, attributes=attributes, **more)


def line(**more: Any) -> dict[str, Any]:
    """A good event line with some parts replaced; a part that is `...` is left out."""
    whole = {"id": "e1", "type": "order.created", "time": TIME, "user": "u1", "data": {"order_id": "A1", "amount": 12.5}, **more}
    return {name: value for name, value in whole.items() if value is not ...}


def read(given: object) -> Event:
    """The event of a line that must be good."""
    event = EventReader(book()).read(given)
    assert isinstance(event, Event), event
    return event


def reason(given: object, of: Rulebook | None = None) -> str:
    """Why a line is refused."""
    refused = EventReader(of or book()).read(given)
    assert isinstance(refused, Refusal)
    return refused.reason


def test_a_whole_line_becomes_an_event() -> None:
    """Every part of the line is in the event."""
    event = read(line(received="2026-06-01T02:00:01.5Z", source="till"))

    assert (event.id, event.type, event.source, event.user, event.phone, event.key) == ("e1", "order.created", "till", "u1", None, "A1")
    assert (event.time, event.received) == (INSTANT, INSTANT + 1_500_000)
    assert event.data == {"order_id": "A1", "amount": 12.5}


def test_received_and_source_have_defaults() -> None:
    """An event is received at its own time, from `api`."""
    event = read(line())

    assert (event.received, event.source) == (event.time, "api")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"id": ...}, "id: is missing"),
        ({"id": ""}, "id: must not be empty"),
        ({"id": 7}, "id: must be a text, got 7"),
        ({"time": ...}, "time: is missing"),
        ({"time": "2026-06-01T10:00:00"}, 'time: must have an offset (Z or +08:00), got "2026-06-01T10:00:00"'),
        ({"time": "2026-06-01"}, 'time: must have an offset (Z or +08:00), got "2026-06-01"'),
        ({"time": "yesterday"}, 'time: must be a time like 2026-06-01T10:00:00+08:00, got "yesterday"'),
        ({"time": 1780279200}, "time: must be a time with offset, got 1780279200"),
        ({"time": "0001-01-01T00:00:00Z"}, 'time: must lie between 1970 and 3000, got "0001-01-01T00:00:00Z"'),
        ({"received": "soon"}, 'received: must be a time like 2026-06-01T10:00:00+08:00, got "soon"'),
        ({"source": ""}, "source: must not be empty"),
        ({"user": 7}, "user: must be an id or an object, got a number"),
        ({"user": ""}, "user: must not be empty"),
        ({"user": {}}, "user: needs an id or a phone"),
        ({"user": {"id": 7}}, "user.id: must be a text, got 7"),
        ({"user": {"id": "u1", "phone": 138}}, "user.phone: must be a text, got a number"),
        ({"user": {"id": "u1", "timezone": "Asia/Shangai"}}, 'user.timezone: no time zone "Asia/Shangai" (a name like Asia/Shanghai)'),
        (
            {"user": {"id": "u1", "attributes": {"birthday": "1.6.1990"}}},
            'user.attributes.birthday: must be a date like 2026-06-01, got "1.6.1990"',
        ),
        ({"data": []}, "data: must be an object, got []; data.order_id: is missing; data.amount: is missing"),
        ({"data": {"orderId": "A1", "amount": 1}}, 'data.order_id: is missing (there is "orderId")'),
        ({"data": {"order_id": None, "amount": 1}}, "data.order_id: must not be null"),
        ({"data": {"order_id": "", "amount": 1}}, "data.order_id: is the key and must not be empty"),
        ({"data": {"order_id": "A1", "amount": "12"}}, 'data.amount: must be a number, got "12"'),
        ({"data": {"order_id": "A1", "amount": True}}, "data.amount: must be a number, got true"),
    ],
)
def test_a_refusal_names_place_and_value(parts: dict[str, Any], expected: str) -> None:
    """The reason starts with the event's type, then the path, then what was expected and found."""
    assert reason(line(**parts)) == f"order.created: {expected}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "must be a JSON object, got a list"),
        ("text", "must be a JSON object, got a text"),
        ({}, "type: is missing"),
        (line(type=7), "type: must be a text, got 7"),
        (line(type="order.creatd"), 'type: no event "order.creatd" in the book; did you mean "order.created"?'),
        (line(type="sale.announced", data={"sale_id": "S1"}), "sale.announced: user: a broadcast has no user"),
    ],
)
def test_what_is_no_event_of_the_book_is_refused(given: object, expected: str) -> None:
    """Without a known type, nothing else is looked at."""
    assert reason(given) == expected


def test_all_problems_are_reported_at_once() -> None:
    """A refusal holds each problem with its JSON pointer."""
    refused = EventReader(book()).read(line(id="", data={"order_id": "A1", "amount": "x"}))

    assert isinstance(refused, Refusal)
    assert [problem.pointer for problem in refused.problems] == ["/id", "/data/amount"]


def test_pointers_escape_slash_and_tilde() -> None:
    """RFC 6901: ~ is ~0 and / is ~1."""
    assert Problem(("data", "a/b~c", 0), "").pointer == "/data/a~1b~0c/0"


def test_secret_values_stay_out_of_reasons() -> None:
    """A code for pick-up is not written to a log because it was too short, or a number."""
    data = line(type="pickup.ready", data={"code": 7788})

    assert reason(data) == "pickup.ready: data.code: must be a text, got a number"
    assert "778" not in reason(line(type="pickup.ready", data={"code": "778"}))


def test_unknown_events_may_be_accepted() -> None:
    """`unknown_events: accept`: no data is looked at, and the user is the key."""
    event = EventReader(book(refuse_unknown_events=False)).read(line(type="page.viewed", data={"x": 1}))

    assert isinstance(event, Event)
    assert (event.type, event.key, event.data) == ("page.viewed", "u1", {"x": 1})


def test_undeclared_data_is_allowed() -> None:
    """Real systems send more than a book declares."""
    assert read(line(data={"order_id": "A1", "amount": 1, "extra": [1]})).data["extra"] == [1]


# ---- persons and keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("u1", ("u1", None, None)),
        (None, (None, None, None)),
        ({"id": "u1"}, ("u1", None, {})),
        ({"id": "u1", "phone": "13800138000", "nick": "x"}, ("u1", None, {"phone": "13800138000"})),
        ({"id": "u1", "attributes": {"city": "上海", "shoe": 43}}, ("u1", None, {"attributes": {"city": "上海"}})),
        ({"phone": "138 0013 8000"}, (None, "+8613800138000", None)),
        ({"phone": "12"}, (None, "12", None)),  # as given: it will be `no_recipient`, and stays recognisable
    ],
)
def test_a_user_is_an_id_an_object_or_a_phone(user: object, expected: tuple[object, ...]) -> None:
    """(id, phone of somebody who is only a phone, profile)."""
    event = read(line(user=user))

    assert (event.user, event.phone, event.profile) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "A1"),
        ({"type": "points.changed", "data": {"delta": 1}}, "u1"),
        ({"type": "points.changed", "data": {"delta": 1}, "user": {"phone": "13800138000"}}, "+8613800138000"),
        ({"type": "points.changed", "data": {"delta": 1}, "user": None}, None),
        ({"type": "seat.taken", "data": {"seat": 5}}, "5"),
        ({"type": "seat.taken", "data": {"seat": 5.0}}, "5"),
        ({"type": "sale.announced", "data": {"sale_id": "S1"}, "user": None}, "S1"),
    ],
)
def test_the_key_is_text(parts: dict[str, Any], expected: str | None) -> None:
    """The key field's value, or the person where the type has none."""
    assert read(line(**parts)).key == expected


def test_whole_floats_become_integers() -> None:
    """5.0 in an integer field is 5, in texts too; the line itself is not changed."""
    given = line(type="points.changed", data={"delta": 5.0})
    event = read(given)

    assert repr(event.data["delta"]) == "5"
    assert repr(given["data"]["delta"]) == "5.0"


# ---- CloudEvents ----------------------------------------------------------------------------------------------------------------


def cloud(**more: Any) -> dict[str, Any]:
    """A good CloudEvent with some attributes replaced."""
    data = {"order_id": "A1", "amount": 1}
    whole = {
        "specversion": "1.0",
        "id": "c1",
        "source": "/till",
        "type": "order.created",
        "subject": "u1",
        "time": TIME,
        "data": data,
        **more,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def test_a_cloud_event_has_its_user_in_subject() -> None:
    """Extensions are ignored, but `received` is read."""
    event = read(cloud(received="2026-06-01T10:00:01+08:00", datacontenttype="application/json; charset=utf-8", traceparent="00-1"))

    assert (event.id, event.source, event.user, event.key, event.received - event.time) == ("c1", "/till", "u1", "A1", 1_000_000)


def test_the_subject_of_a_broadcast_is_no_user() -> None:
    """CloudEvents use `subject` for any thing; for a broadcast it says nothing."""
    assert read(cloud(type="sale.announced", subject="sale-1", data={"sale_id": "S1"})).user is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"specversion": "0.3"}, 'specversion: must be "1.0", got "0.3"'),
        ({"source": ...}, "source: is missing"),
        ({"data_base64": "e30="}, "data_base64: binary data cannot be used; send JSON in data"),
        ({"datacontenttype": "text/xml"}, 'datacontenttype: must be JSON, got "text/xml"'),
        ({"time": ...}, "order.created: time: is missing"),
    ],
)
def test_cloud_events_that_cannot_be_used(parts: dict[str, Any], expected: str) -> None:
    """CloudEvents leave more open than we can use."""
    assert reason(cloud(**parts)) == expected


# ---- values of fields -----------------------------------------------------------------------------------------------------------

TAGS = field("tags", "list", items=field("", "string"))
BOX = field("box", "object", properties={"width": field("width", "number"), "note": field("note", optional=True)})
TIER = field("tier", enum={"gold": "金卡", "silver": "银卡"})


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (field("x"), ""),
        (field("x", "integer"), 5),
        (field("x", "integer"), 5.0),
        (field("x", "integer"), -(2**63)),
        (field("x", "number"), 5),
        (field("x", "number", schema={"minimum": 0, "maximum": 1}), 0.5),
        (field("x", "boolean"), False),
        (field("x", "date"), "2024-02-29"),
        (field("x", "datetime"), "2026-06-03T22:00+08:00"),
        (field("x", "datetime"), "2026-06-03 22:00:00.123Z"),
        (field("x", "datetime"), "9999-12-31T23:59:59Z"),
        (field("x", "phone"), "anything that people type"),
        (field("x", "link"), "HTTPS://m.example.com/路径?q=1"),
        (field("x", "link"), "http://localhost:8000"),
        (field("x", schema={"pattern": "^A[0-9]+"}), "A17 and more"),
        (field("x", schema={"minLength": 2, "maxLength": 2}), "保洁"),
        (field("x", "integer", enum={1: "one"}), 1.0),
        (TIER, "gold"),
        (TAGS, []),
        (TAGS, ["a", "b"]),
        (BOX, {"width": 1, "note": None, "more": True}),
    ],
)
def test_values_that_fit(declared: FieldDef, value: object) -> None:
    """A fitting value has no fault."""
    assert field_check(declared)(value) is None


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        (field("x"), 5, "must be a text, got 5"),
        (field("x", "integer"), 5.5, "must be a whole number, got 5.5"),
        (field("x", "integer"), 1e300, "must be a whole number, got 1e+300"),
        (field("x", "integer"), True, "must be a whole number, got true"),
        (field("x", "integer", schema={"minimum": 1}), 0, "must be at least 1, got 0"),
        (field("x", "number"), float("nan"), "must be finite, got NaN"),
        (field("x", "number"), float("inf"), "must be finite, got Infinity"),
        (field("x", "number", schema={"minimum": 1, "maximum": 2}), 3, "must be between 1 and 2, got 3"),
        (field("x", "boolean"), 1, "must be true or false, got 1"),
        (field("x", "date"), "20260601", 'must be a date like 2026-06-01, got "20260601"'),
        (field("x", "date"), "2026-02-30", 'must be a date like 2026-06-01, got "2026-02-30"'),
        (field("x", "date"), 20260601, "must be a date like 2026-06-01, got 20260601"),
        (field("x", "datetime"), "2026-06-03T22:00", 'must have an offset (Z or +08:00), got "2026-06-03T22:00"'),
        (field("x", "datetime"), "2026-06-03T22+08:00", 'must be a time like 2026-06-01T10:00:00+08:00, got "2026-06-03T22+08:00"'),
        (field("x", "link"), "ftp://example.com", 'must be a link that starts with http:// or https://, got "ftp://example.com"'),
        (field("x", "link"), "https://a b", 'must be a link that starts with http:// or https://, got "https://a b"'),
        (field("x", "link"), "https://", 'must be a link that starts with http:// or https://, got "https://"'),
        (field("x", schema={"pattern": "^A"}), "B", 'must match ^A, got "B"'),
        (field("x", schema={"maxLength": 1}), "保洁", "must have at most 1 characters, has 2"),
        (TIER, "glod", 'must be one of "gold", "silver", got "glod"; did you mean "gold"?'),
        (field("x", "phone"), 138, "must be a text, got a number"),
    ],
)
def test_values_that_do_not_fit(declared: FieldDef, value: object, expected: str) -> None:
    """The fault says what was expected and what was found."""
    assert field_check(declared)(value) == ((), expected)


@pytest.mark.parametrize(
    ("declared", "value", "path"),
    [
        (TAGS, ["a", 1], (1,)),
        (TAGS, ["a", None], (1,)),
        (BOX, {}, ("width",)),
        (BOX, {"width": 1, "note": 2}, ("note",)),
    ],
)
def test_faults_inside_a_value_have_their_place(declared: FieldDef, value: object, path: tuple[object, ...]) -> None:
    """Lists and objects say which member is wrong."""
    fault = field_check(declared)(value)

    assert fault is not None
    assert fault[0] == path


@given(st.text("0123456789-+:TZ. W", max_size=30) | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()))
def test_a_datetime_field_takes_exactly_what_the_core_can_read(text: str) -> None:
    """Else a condition would meet a value that passed the schema and is no instant."""
    try:
        expected = parse_instant(text, None)
    except ValueError:
        expected = None

    assert instant(text) == expected
    assert (field_check(field("x", "datetime"))(text) is None) == (expected is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "phone", "order_id", "amount", "x"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["id", "type", "time", "received", "source", "user", "data", "specversion", "subject"]), JSON))
def test_no_line_breaks_the_reader(parts: dict[str, Any]) -> None:
    """Whatever is sent, the answer is an event or a refusal with a reason."""
    found = EventReader(book()).read({"type": "order.created", "time": TIME, **parts})

    assert isinstance(found, Event) or found.reason


# ---- JSON -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{", "is not JSON"),
        (b'{"a": NaN}', "is not JSON"),
        (b'{"a": 1e999}', "is not JSON"),
        (b'{"a": "\xff"}', "is not UTF-8: byte 0xff at position 8"),
        (b'{"a": "\\ud800"}', "is not JSON"),
    ],
)
def test_what_is_no_json_is_named(text: bytes, expected: str) -> None:
    """Numbers out of range and half surrogates are no JSON that anybody could give back."""
    refused = parse_json(text)

    assert isinstance(refused, Refusal)
    assert refused.reason.startswith(expected)


def test_bytes_of_a_line_are_read_at_once() -> None:
    """`read_json` is `read` of the parsed bytes."""
    event = EventReader(book()).read_json(json.dumps(line()).encode())

    assert isinstance(event, Event)
    assert isinstance(EventReader(book()).read_json(b"["), Refusal)


# ---- users and receipts ---------------------------------------------------------------------------------------------------------


def test_a_user_line() -> None:
    """Undeclared attributes are left out, missing parts are None."""
    given = {"id": "u1", "phone": "138", "attributes": {"city": "上海", "birthday": None, "shoe": 43}, "suppressed": ["marketing", "all"]}

    assert UserReader(book()).read(given) == UserLine("u1", "138", None, None, {"city": "上海", "birthday": None}, ("marketing", "all"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "must be a JSON object, got a list"),
        ({"phone": "138"}, "id: is missing"),
        ({"id": "u1", "suppressed": "all"}, 'user "u1": suppressed: must be a list, got a text'),
        (
            {"id": "u1", "suppressed": ["marketting"]},
            'user "u1": suppressed[0]: must be a message type or all, got "marketting"; did you mean "marketing"?',
        ),
        ({"id": "u1", "attributes": {"city": 5}}, 'user "u1": attributes.city: must be a text, got 5'),
        ({"id": "u1", "timezone": "../etc"}, 'user "u1": timezone: no time zone "../etc" (a name like Asia/Shanghai)'),
    ],
)
def test_users_that_cannot_be_used(given: object, expected: str) -> None:
    """The reason names the user where there is an id."""
    refused = UserReader(book()).read(given)

    assert isinstance(refused, Refusal)
    assert refused.reason == expected


@pytest.fixture
def receipts() -> ReceiptReader:
    """A reader of receipts of a book with one rule."""
    return ReceiptReader(Rulebook(rules={"pickup-ready": None}))  # type: ignore[dict-item]  # only names are looked at


def test_a_receipt_line(receipts: ReceiptReader) -> None:
    """User and instant may be left out."""
    whole = {"rule": "pickup-ready", "user": "u1", "at": TIME, "status": "delivered"}

    assert receipts.read(whole) == ReceiptLine("pickup-ready", "delivered", "u1", INSTANT)
    assert receipts.read({"rule": "pickup-ready", "status": "none"}) == ReceiptLine("pickup-ready", "none", None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rule": "pickup-redy", "status": "none"}, 'rule: no rule "pickup-redy" in the book; did you mean "pickup-ready"?'),
        (
            {"rule": "pickup-ready", "status": "deliverd"},
            'status: must be one of delivered, undelivered, rejected, none, got "deliverd"; did you mean "delivered"?',
        ),
        ({"rule": "pickup-ready", "status": "none", "at": "10:00"}, 'at: must be a time like 2026-06-01T10:00:00+08:00, got "10:00"'),
    ],
)
def test_receipts_that_cannot_be_used(receipts: ReceiptReader, given: object, expected: str) -> None:
    """A receipt names a rule of the book and a known status."""
    refused = receipts.read(given)

    assert isinstance(refused, Refusal)
    assert refused.reason == expected
