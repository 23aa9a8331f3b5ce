"""What the shorthand of the language means, as model objects."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rules.build import build
from rules.checking import check, load_book
from rules.loader import parse
from rules.model import (
    All,
    AnyOf,
    Cap,
    CodeSpec,
    Condition,
    Content,
    CountTrigger,
    CronSchedule,
    Crossing,
    DateSchedule,
    Duration,
    EventTrigger,
    Everybody,
    Expectation,
    FestivalSchedule,
    Goal,
    InSegment,
    JoinTrigger,
    Leaf,
    NoneOf,
    Not,
    OnceSchedule,
    QuietHours,
    Ref,
    Rule,
    Rulebook,
    RuleTest,
    Send,
    Step,
    StoryEvent,
    StoryReceipt,
    Template,
    To,
    Trigger,
    Unless,
    Variant,
    Window,
)
from rules.structure import examine

WHEN = ("segments", "s", "when")
ON = ("rules", "r", "on")
SEND = ("rules", "r", "send")


def built(text: str) -> Rulebook:
    """The model of a text without errors of structure."""
    parsed = parse({"a.yaml": text})
    structure = examine(parsed.tree, parsed.positions)
    assert (parsed.findings, structure.findings) == ((), ())
    return build(parsed.tree, parsed.positions).book


def condition(text: str) -> Condition:
    """A condition, as the `when` of a segment."""
    return built(f"segments: {{s: {{when: {text}}}}}").segments["s"].when


def rule(text: str) -> Rule:
    """A rule from its lines."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    plain = "" if text.startswith("send:") else "    send: {type: notification, sms: x}\n"
    trigger = "" if text.startswith("on:") else "    on: a\n"
    return built(f"book: {{timezone: Asia/Shanghai}}\nrules:\n  r:\n{trigger}{plain}{lines}").rules["r"]


def leaf(field: str, op: str, operand: Any, *path: str | int) -> Leaf:
    """A leaf of the segment's condition."""
    return Leaf((*WHEN, *path, field), field, op, operand)


CONDITIONS = [
    ("{user.a: 1}", leaf("user.a", "is", 1)),
    ("{user.a: x}", leaf("user.a", "is", "x")),
    ("{user.a: true}", leaf("user.a", "is", True)),
    ("{user.a: {ref: user.b}}", leaf("user.a", "is", Ref("user.b"))),
    ("{user.a: [1, x, {ref: user.b}]}", leaf("user.a", "in", (1, "x", Ref("user.b")))),
    ("{user.a: []}", leaf("user.a", "in", ())),
    ("{user.a: {above: 1.5}}", leaf("user.a", "above", 1.5)),
    ("{user.a: {between: [1, {ref: user.b}]}}", leaf("user.a", "between", (1, Ref("user.b")))),
    ("{user.a: {not_in: {ref: user.b}}}", leaf("user.a", "not_in", Ref("user.b"))),
    ("{user.a: {exists: false}}", leaf("user.a", "exists", False)),
    ("{user.a: {older_than: 30d}}", leaf("user.a", "older_than", Duration(30, "d"))),
    ("{user.a: {on_date: today}}", leaf("user.a", "on_date", "today")),
    ('{user.a: {at_least: "2026-06-01"}}', leaf("user.a", "at_least", "2026-06-01")),
    (
        "{user.a: {at_least: 1, below: 5}}",
        All((*WHEN, "user.a"), (leaf("user.a", "at_least", 1), leaf("user.a", "below", 5))),
    ),
    ("{user.a: 1, user.b: 2}", All(WHEN, (leaf("user.a", "is", 1), leaf("user.b", "is", 2)))),
    ("{}", All(WHEN, ())),
    ("{any: [{user.a: 1}]}", AnyOf((*WHEN, "any"), (leaf("user.a", "is", 1, "any", 0),))),
    ("{all: [{user.a: 1}]}", All((*WHEN, "all"), (leaf("user.a", "is", 1, "all", 0),))),
    ("{none: [{user.a: 1}]}", NoneOf((*WHEN, "none"), (leaf("user.a", "is", 1, "none", 0),))),
    (
        "{not: {user.a: 1, user.b: 2}}",
        Not(
            (*WHEN, "not"),
            All((*WHEN, "not"), (leaf("user.a", "is", 1, "not"), leaf("user.b", "is", 2, "not"))),
        ),
    ),
    ("{segment: vip}", InSegment((*WHEN, "segment"), "vip")),
]


@pytest.mark.parametrize(("text", "expected"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_conditions(text: str, expected: Condition) -> None:
    """A scalar is `is`, a list `in`, a mapping of operators all of them; one entry stands for itself."""
    assert condition(text) == expected


TRIGGERS: list[tuple[str, Trigger]] = [
    ("a", EventTrigger(ON, ("a",))),
    ("[a, b]", EventTrigger(ON, ("a", "b"))),
    ("{event: a}", EventTrigger(ON, ("a",))),
    ("{event: [a, b], after: 24h}", EventTrigger(ON, ("a", "b"), after=Duration(24, "h"))),
    ("{event: a, before: 3d, of: event.x}", EventTrigger(ON, ("a",), before=(Duration(3, "d"),), of="event.x")),
    ("{event: a, before: [7d, 0s], of: event.x}", EventTrigger(ON, ("a",), before=(Duration(7, "d"), Duration(0, "s")), of="event.x")),
    ('{event: a, after: 3d, at: "10:30"}', EventTrigger(ON, ("a",), after=Duration(3, "d"), at=630)),
    (
        "{event: a, after: 1h, late: skip, late_by: 1m}",
        EventTrigger(ON, ("a",), after=Duration(1, "h"), late="skip", late_by=Duration(1, "m")),
    ),
    ("{event: a, unless: b}", EventTrigger(ON, ("a",), unless=(Unless((*ON, "unless"), "b"),))),
    (
        "{event: a, unless: [b, {event: c, by: user, when: {event.x: 1}}]}",
        EventTrigger(
            ON,
            ("a",),
            unless=(
                Unless((*ON, "unless", 0), "b"),
                Unless((*ON, "unless", 1), "c", Leaf((*ON, "unless", 1, "when", "event.x"), "event.x", "is", 1), by_user=True),
            ),
        ),
    ),
    (
        "{sequence: [{event: a, as: x}, {event: b, as: y, when: {y.c: {is_not: {ref: x.c}}}}], within: 1h}",
        JoinTrigger(
            ON,
            (
                Step((*ON, "sequence", 0), "a", "x"),
                Step((*ON, "sequence", 1), "b", "y", Leaf((*ON, "sequence", 1, "when", "y.c"), "y.c", "is_not", Ref("x.c"))),
            ),
            Duration(1, "h"),
            ordered=True,
        ),
    ),
    (
        "{together: [a, {event: b}], within: 2d, by: event.order_id}",
        JoinTrigger(
            ON,
            (Step((*ON, "together", 0), "a", "step1"), Step((*ON, "together", 1), "b", "step2")),
            Duration(2, "d"),
            ordered=False,
            by="event.order_id",
        ),
    ),
    ("{count: a, at_least: 3, within: 1h}", CountTrigger(ON, "a", 3, Duration(1, "h"))),
    (
        "{count: {event: a, when: {event.x: 1}}, at_least: 3, within: 1h, by: event.k}",
        CountTrigger(ON, "a", 3, Duration(1, "h"), "event.k", Leaf((*ON, "count", "when", "event.x"), "event.x", "is", 1)),
    ),
    ('{schedule: {cron: "0 10 * * 1"}}', CronSchedule((*ON, "schedule"), "0 10 * * 1")),
    ('{schedule: {festival: 端午节, before: 3d, at: "10:00"}}', FestivalSchedule((*ON, "schedule"), ("端午",), (Duration(3, "d"),), 600)),
    ("{schedule: {festival: [春节, 中秋]}}", FestivalSchedule((*ON, "schedule"), ("春节", "中秋"))),
    (
        '{schedule: {date: user.birthday, every: year, before: 0d, at: "09:00"}}',
        DateSchedule((*ON, "schedule"), "user.birthday", (Duration(0, "d"),), 540, yearly=True),
    ),
    (
        "{schedule: {date: user.x, before: [7d, 1w]}}",
        DateSchedule((*ON, "schedule"), "user.x", (Duration(7, "d"), Duration(1, "w"))),
    ),
    ("{enter: vip}", Crossing(ON, "vip", enters=True)),
    ("{leave: vip}", Crossing(ON, "vip", enters=False)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TRIGGERS, ids=[text for text, _ in TRIGGERS])
def test_triggers(text: str, expected: Trigger) -> None:
    """Short and long forms."""
    assert rule(f"on: {text}").on == expected


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "written", "instant"),
    [
        ("Asia/Shanghai", "2026-06-01", "2026-05-31T16:00:00+00:00"),
        ("Asia/Shanghai", "2026-06-01T10:00", "2026-06-01T02:00:00+00:00"),
        ("Asia/Shanghai", "2026-06-01 10:00:30", "2026-06-01T02:00:30+00:00"),
        ("Asia/Shanghai", "2026-06-01T10:00Z", "2026-06-01T10:00:00+00:00"),
        ("Asia/Shanghai", "2026-06-01T10:00-05:00", "2026-06-01T15:00:00+00:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30:00+00:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00+00:00"),
    ],
    ids=["bare date", "local", "space", "UTC", "offset", "in the gap: moved forward", "twice: the first"],
)
def test_instants_without_an_offset_are_in_the_books_zone(zone: str, written: str, instant: str) -> None:
    """The zone of the book, whatever file states it."""
    text = f"book: {{timezone: {zone}}}\nrules: {{r: {{on: {{schedule: {{at: {written}}}}}, send: {{type: marketing, sms: x}}}}}}"

    assert built(text).rules["r"].on == OnceSchedule((*ON, "schedule"), micros(instant))


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("60s", Window("sliding", 60_000_000, text="60s")),
        ("7d", Window("sliding", 7 * 86_400_000_000, text="7d")),
        ("day", Window("aligned", unit="day", text="day")),
        ("month", Window("aligned", unit="month", text="month")),
        ("ever", Window("ever", text="ever")),
    ],
)
def test_windows(text: str, window: Window) -> None:
    """Lengths slide, words are aligned."""
    assert rule(f"caps: [{{max: 1, per: {text}}}]").caps == (Cap(("rules", "r", "caps", 0), 1, window),)


def test_a_cap_counts_by_one_or_several() -> None:
    """The user unless said otherwise."""
    caps = rule("caps: [{max: 1, per: day}, {max: 1, per: day, by: event.ip}, {max: 1, per: day, by: [user, event.ip]}]").caps

    assert [cap.by for cap in caps] == [("user",), ("event.ip",), ("user", "event.ip")]


def test_a_rule_with_everything() -> None:
    """Every key of a rule arrives."""
    got = rule(
        "name: 名\ndescription: 说明\ntags: [x, y]\nenabled: false\nactive: {from: 2026-06-01T00:00Z, until: 2026-07-01T00:00Z}\n"
        "audience: all\npriority: 5\nholdout: 12.5%\nvariants: {b: {weight: 1}, a: {weight: 2, template: t}}\n"
        "goal: {event: g, within: 7d, when: {event.x: 1}}\nwhen: {event.y: 1}"
    )

    expected = Rule(
        ("rules", "r"), "r", EventTrigger(ON, ("a",)),
        Send(SEND, "notification", Template(SEND, "", {"sms": Content((*SEND, "sms"), "sms", {"": "x"})})),
        name="名", description="说明", tags=("x", "y"), enabled=False,
        active_from=micros("2026-06-01T00:00:00+00:00"), active_until=micros("2026-07-01T00:00:00+00:00"),
        when=Leaf(("rules", "r", "when", "event.y"), "event.y", "is", 1),
        audience=Everybody(("rules", "r", "audience")), priority=5, holdout=0.125,
        variants=(Variant(("rules", "r", "variants", "a"), "a", 2, "t"), Variant(("rules", "r", "variants", "b"), "b", 1)),
        goal=Goal(("rules", "r", "goal"), "g", Duration(7, "d"), Leaf(("rules", "r", "goal", "when", "event.x"), "event.x", "is", 1)),
    )  # fmt: skip
    assert got == expected


def test_a_message_with_everything() -> None:
    """Every key of `send` arrives."""
    got = rule(
        "send: {type: verification, template: t, channel: [video_sms, sms], to: {phone: event.old}, valid_for: 1h, fallback_after: 30s, "
        'purpose: {ref: event.p}, quiet_hours: {from: "22:30", to: "24:00", then: drop}, code: {digits: 4, valid_for: 5m}}'
    ).send

    assert got == Send(
        SEND, "verification", "t", ("video_sms", "sms"), To((*SEND, "to"), phone="event.old"), Duration(1, "h"), Duration(30, "s"),
        Ref("event.p"), QuietHours((*SEND, "quiet_hours"), 1350, 0, "drop"), CodeSpec(4, Duration(5, "m")),
    )  # fmt: skip


def test_audiences() -> None:
    """A segment by name, everybody, or a condition."""
    path = ("rules", "r", "audience")

    assert rule("audience: vip").audience == InSegment(path, "vip")
    assert rule("audience: all").audience == Everybody(path)
    assert rule("audience: {user.city: 上海}").audience == Leaf((*path, "user.city"), "user.city", "is", "上海")


def test_contents() -> None:
    """Texts by locale; other channels keep their tree."""
    contents = built(
        "templates:\n  t:\n    sms: {zh_CN: 你好, en: Hello}\n    caller_card: {number: '{{ event.n }}', lines: [a, b], ttl: 10m}\n"
    ).templates["t"].contents  # fmt: skip

    assert list(contents) == ["caller_card", "sms"]
    assert contents["sms"].texts == {"en": "Hello", "zh_CN": "你好"}
    assert contents["caller_card"].data == {"number": "{{ event.n }}", "lines": ("a", "b"), "ttl": "10m"}


def test_fields() -> None:
    """A type name, or a small JSON Schema with flags; the labels of numbers are found by number."""
    data = built(
        "events:\n  e:\n    data:\n      a: string\n      b: {type: integer, enum: {1: 一, 2: 二}, optional: true, minimum: 1}\n"
        "      c: {type: list, items: {type: string, secret: true}}\n      d: {type: object, properties: {x: date}}\n"
        "      e: {type: string, enum: [x, y], pattern: '^x'}\n"
    ).events["e"].data  # fmt: skip

    assert data["a"].type == "string"
    assert (data["b"].enum, data["b"].optional, data["b"].schema) == ({1: "一", 2: "二"}, True, {"minimum": 1})
    assert data["c"].items is not None
    assert data["c"].items.secret
    assert data["d"].properties is not None
    assert data["d"].properties["x"].path == ("events", "e", "data", "d", "properties", "x")
    assert (data["e"].enum, data["e"].schema) == ({"x": "x", "y": "y"}, {"pattern": "^x"})


def test_rule_tests() -> None:
    """Instants and offsets, messages and verdicts; no `expect` is not an empty one."""
    tests = built(
        "book: {timezone: Asia/Shanghai}\ntests:\n  a:\n    users: {u: {phone: '+8613800138000', attributes: {x: 1}}}\n    events:\n"
        "      - {at: 2026-06-01T10:00, type: e, user: u, data: {d: 2026-06-02}}\n      - {at: +25h, type: e, received: +26h, id: x}\n"
        "    until: +3d\n    expect: [{at: +0s, rule: r, text: {contains: x}}]\n    receipts: [{rule: r, status: none, at: +1m}]\n  b: {}\n"
    ).tests  # fmt: skip
    path = ("tests", "a")

    assert tests["b"] == RuleTest(("tests", "b"), "b", {}, ())
    assert tests["a"] == RuleTest(
        path, "a", {"u": {"phone": "+8613800138000", "attributes": {"x": 1}}},
        (
            StoryEvent((*path, "events", 0), micros("2026-06-01T02:00:00+00:00"), "e", "u", {"d": "2026-06-02"}),
            StoryEvent((*path, "events", 1), Duration(25, "h"), "e", None, {}, id="x", received=Duration(26, "h")),
        ),
        Duration(3, "d"),
        (Expectation((*path, "expect", 0), {"rule": "r", "text": {"contains": "x"}}, Duration(0, "s")),),
        (),
        (StoryReceipt((*path, "receipts", 0), "r", "none", Duration(1, "m")),),
    )  # fmt: skip


def test_the_settings_of_the_book() -> None:
    """Defaults where nothing is said."""
    book = built("book: {id: o2o, name: O2O, timezone: Asia/Shanghai, locale: en, signature: x, unknown_events: accept, disorder: 2h}")

    assert built("rules: {}") == Rulebook()
    assert book == Rulebook("o2o", "O2O", "Asia/Shanghai", "en", "x", refuse_unknown_events=False, disorder=Duration(2, "h"))


def test_sections_are_in_order_of_name() -> None:
    """Whatever the order in the files."""
    there, back = built("segments: {b: {when: {}}, a: {when: {}}}"), built("segments: {a: {when: {}}, b: {when: {}}}")

    assert list(there.segments) == ["a", "b"]
    assert there == back


def test_the_example_of_the_language_is_built() -> None:
    """Verbatim, apart from its unknown names."""
    book = load_book(Path(__file__).parent / "language_book").draft.book

    assert list(book.rules) == ["pickup-overdue", "pickup-ready"]
    assert book.traits["spent"].when == Leaf(("user", "traits", "spent", "when", "event.amount"), "event.amount", "above", 0)
    assert book.message_types["marketing"].quiet_hours == QuietHours(("message_types", "marketing", "quiet_hours"), 1260, 480)
    assert [expected.at for expected in book.tests["overdue-reminder"].expect or ()] == [Duration(0, "s"), Duration(24, "h")]


def test_a_setting_that_is_wrong_leaves_the_default() -> None:
    """So that the rest can be checked."""
    draft = check({"a.yaml": "book: {timezone: Mars/Base, id: x}\n"}).draft

    assert (draft.book.id, draft.book.timezone) == ("x", "UTC")
