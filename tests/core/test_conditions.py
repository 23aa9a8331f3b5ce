"""Conditions: what each operator means, how a condition explains itself, and when time alone can flip it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import zones
from engine.core.conditions import Compiled, Node, compile_condition, equalities, first_failure, split_event_only
from engine.core.facts import Event, Scope, UserCell
from engine.core.fields import Field, Fields
from engine.core.operators import same
from rules.model import DAY, HOUR, MINUTE, All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Operand, Ref

SHANGHAI = zones.zone("Asia/Shanghai")
MISSING = object()
TYPES = {
    "text": "string", "text2": "string", "number": "number", "integer": "integer", "flag": "boolean", "day": "date", "day2": "date",
    "at": "datetime", "at2": "datetime", "list": "list", "list2": "list", "object": "object", "raw": "any", "raw2": "any",
}  # fmt: skip


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return zones.parse_instant(text, zones.zone(zone))


def days(amount: int) -> Duration:
    return Duration(amount, "d")


def _field(root: str, name: str, kind: str) -> Field:
    def read(scope: Scope) -> Any:
        if root == "event":
            return scope.event.data.get(name) if scope.event else None
        return scope.user.attributes.get(name) if scope.user else None

    return Field(f"{root}.{name}", root, kind, read)


def _change(scope: Scope) -> int | None:
    until = scope.user.attributes.get("window_ends") if scope.user else None
    return until if until is not None and until > scope.now else None


FIELDS = Fields(
    {f"{root}.{name}": _field(root, name, kind) for root in ("event", "user") for name, kind in TYPES.items()}
    | {
        "user.recent": Field(
            "user.recent",
            "user",
            "integer",
            lambda scope: int(scope.now < scope.user.attributes.get("window_ends", 0)),
            _change,  # type: ignore[union-attr]
        )
    }
)
NOW = at("2026-06-03T14:00")


def scope_of(facts: dict[str, Any], now: int = NOW, zone: str = "Asia/Shanghai") -> Scope:
    """`facts` maps full field names to values as fields are read: instants int, dates date."""
    user = UserCell("u1", zones.zone(zone))
    user.attributes = {name[5:]: value for name, value in facts.items() if name.startswith("user.")}
    event = Event("e1", "made", now, {name[6:]: value for name, value in facts.items() if name.startswith("event.")})
    return Scope(now, zones.zone(zone), event, user)


def leaf(field: str, op: str, operand: Operand, *path: str | int) -> Leaf:
    return Leaf((*(path or ("when",)), field), field, op, operand)


def compiled(condition: Condition, segments: dict[str, Compiled] | None = None) -> Compiled:
    return compile_condition(condition, FIELDS, segments or {}, SHANGHAI)


# ---- operators --------------------------------------------------------------------------------------------------------------------------

R2, RN = Ref("event.text2"), Ref("user.number")
OPERATORS: list[tuple[str, str, Operand, Any, bool]] = [
    # field, operator, operand, value, holds
    ("text", "is", "甲", "甲", True),
    ("text", "is", "甲", "甲乙", False),
    ("text", "is", 1, "1", False),
    ("text", "is_not", 1, "1", True),
    ("text", "is", None, MISSING, False),
    ("text", "is_not", None, "甲", True),
    ("number", "is", 1, 1.0, True),
    ("number", "is", 1.0, 1, True),
    ("number", "is", "1", 1, False),
    ("number", "is", True, 1, False),
    ("number", "is_not", True, 1, True),
    ("flag", "is", 1, True, False),
    ("flag", "is", True, True, True),
    ("flag", "is", False, False, True),
    ("flag", "is", False, MISSING, False),
    ("integer", "is", 9007199254740993, 9007199254740993, True),
    ("integer", "is", 9007199254740993, 9007199254740992, False),
    ("text", "in", ("a", "b"), "b", True),
    ("text", "in", ("a", 1), "1", False),
    ("text", "in", (), "a", False),
    ("text", "not_in", (), MISSING, True),
    ("text", "not_in", ("a",), "b", True),
    ("number", "in", (1, 2), 2.0, True),
    ("number", "in", (True,), 1, False),
    ("flag", "in", (1, 0), True, False),
    ("number", "at_least", 5, 5, True),
    ("number", "above", 5, 5, False),
    ("number", "at_most", 5, 5, True),
    ("number", "below", 5, 4.9, True),
    ("number", "above", "4", 5, False),
    ("number", "between", (1, 3), 3, True),
    ("number", "between", (1, "3"), 2, False),
    ("number", "between", (3, 1), 2, False),
    ("text", "above", "z", "é", True),
    ("text", "above", "￥", "𠀀", True),
    ("text", "below", "a", "B", True),
    ("flag", "at_least", False, True, False),
    ("list", "at_least", 1, [2], False),
    ("text", "contains", "b", "abc", True),
    ("text", "contains", 1, "1", False),
    ("text", "contains", "", "abc", True),
    ("list", "contains", "a", ["b", "a"], True),
    ("list", "contains", "a", ["ab"], False),
    ("list", "contains", 1, [True], False),
    ("list", "contains", True, [1], False),
    ("list", "contains", 1, [1.0], True),
    ("number", "contains", 1, 1, False),
    ("text", "starts_with", "ab", "abc", True),
    ("text", "ends_with", "bc", "abc", True),
    ("text", "ends_with", 1, "1", False),
    ("text", "matches", "b+c", "abbc", True),
    ("text", "matches", "^b", "abb", False),
    ("text", "matches", "取.码", "取货码", True),
    ("text", "matches", "x", "\ud800", False),
    ("number", "matches", "1", 1, False),
    ("text", "exists", True, "", True),
    ("flag", "exists", True, False, True),
    ("list", "is", "a", ["a"], False),
    ("list", "in", ("a",), ["a"], False),
    ("raw", "is", 1, 1.0, True),
    ("raw", "is", 1, True, False),
    ("raw", "is", "a", "a", True),
    ("raw", "in", (1, True), True, True),
    ("raw", "in", (1,), True, False),
    ("raw", "not_in", (1,), True, True),
    ("raw", "above", 1, "2", False),
    ("raw", "above", 1, 2, True),
    ("raw", "between", ("a", "c"), "b", True),
    ("raw", "contains", "a", "cab", True),
    ("raw", "contains", 1, [1], True),
    ("raw", "contains", 1, 11, False),
    ("raw", "starts_with", "a", ["a"], False),
    ("raw", "older_than", days(1), "2020-01-01T00:00:00Z", False),
    ("at", "is", "2026-06-01T10:00", at("2026-06-01T02:00Z"), True),
    ("at", "is", "2026-06-01T02:00Z", at("2026-06-01T02:00Z"), True),
    ("at", "at_least", "2026-06-01", at("2026-05-31T16:00Z"), True),
    ("at", "at_least", "2026-06-01", at("2026-05-31T16:00Z") - 1, False),
    ("at", "is", "not a time", at("2026-06-01T02:00Z"), False),
    ("at", "is_not", "not a time", at("2026-06-01T02:00Z"), True),
    ("at", "at_least", 5, at("2026-06-01T02:00Z"), False),
    ("day", "is", "2026-06-01", date(2026, 6, 1), True),
    ("day", "in", ("2026-06-01", "2026-06-02"), date(2026, 6, 2), True),
    ("day", "above", "2026-06-01", date(2026, 6, 1), False),
    ("day", "between", ("2026-06-01", "2026-06-03"), date(2026, 6, 3), True),
    ("day", "is", "2026-06-01T00:00", date(2026, 6, 1), False),
    ("at", "older_than", days(30), NOW - 30 * DAY, True),
    ("at", "older_than", days(30), NOW - 30 * DAY + 1, False),
    ("at", "newer_than", days(30), NOW - 30 * DAY, False),
    ("at", "newer_than", days(30), NOW - 30 * DAY + 1, True),
    ("at", "newer_than", days(30), NOW + DAY, True),
    ("at", "older_than", Duration(90, "m"), NOW - 90 * MINUTE, True),
    ("at", "older_than", Duration(90, "m"), NOW - 90 * MINUTE + 1, False),
    ("at", "older_than", days(1), at("0001-01-01T00:00Z"), True),
    ("at", "newer_than", days(1), at("9999-12-31T23:59Z"), True),
    ("at", "older_than", days(10**12), NOW - DAY, False),
    ("at", "newer_than", days(10**12), NOW - DAY, True),
    ("day", "older_than", days(30), date(2026, 5, 4), True),
    ("day", "older_than", days(30), date(2026, 5, 5), False),
    ("day", "newer_than", days(1), date(2026, 6, 3), True),
    ("day", "older_than", Duration(14, "h"), date(2026, 6, 3), True),
    ("day", "older_than", Duration(15, "h"), date(2026, 6, 3), False),
    ("day", "newer_than", days(30), date(9999, 12, 31), True),
    ("at", "within_next", days(7), NOW, False),
    ("at", "within_next", days(7), NOW + 1, True),
    ("at", "within_next", days(7), NOW + 7 * DAY, True),
    ("at", "within_next", days(7), NOW + 7 * DAY + 1, False),
    ("at", "within_next", Duration(2, "h"), NOW + 2 * HOUR, True),
    ("at", "within_next", days(10**12), NOW + 5 * DAY, True),
    ("at", "within_next", days(7), at("9999-12-31T23:59Z"), False),
    ("day", "within_next", days(7), date(2026, 6, 3), False),
    ("day", "within_next", days(7), date(2026, 6, 4), True),
    ("day", "within_next", days(7), date(2026, 6, 10), True),
    ("day", "within_next", days(7), date(2026, 6, 11), False),
    ("day", "within_next", Duration(10, "h"), date(2026, 6, 4), True),
    ("day", "within_next", Duration(9, "h"), date(2026, 6, 4), False),
    ("day", "on_date", "today", date(2026, 6, 3), True),
    ("day", "on_date", "today", date(2026, 6, 4), False),
    ("at", "on_date", "today", at("2026-06-03T00:00"), True),
    ("at", "on_date", "today", at("2026-06-03T00:00") - 1, False),
    ("at", "on_date", "today", at("9999-12-31T23:59Z"), False),
    ("at", "on_date", "2026-06-01", at("2026-06-01T23:59"), True),
    ("day", "on_date", "2026-06-01", date(2026, 6, 1), True),
    ("text", "on_date", "today", "2026-06-03", False),
    ("at", "same_day_as", "2026-06-01", at("2026-06-01T23:59"), True),
    ("at", "same_day_as", "2026-06-01T08:00", at("2026-06-01T23:59"), True),
    ("day", "same_day_as", "2026-06-01T08:00Z", date(2026, 6, 1), True),
    ("day", "same_day_as", "not a day", date(2026, 6, 1), False),
]


@pytest.mark.parametrize(("field", "op", "operand", "value", "holds"), OPERATORS)
def test_an_operator(field: str, op: str, operand: Operand, value: Any, holds: bool) -> None:
    facts = {} if value is MISSING else {f"event.{field}": value}

    assert compiled(leaf(f"event.{field}", op, operand)).test(scope_of(facts)) is holds


@pytest.mark.parametrize(("field", "op", "operand"), sorted({row[:3] for row in OPERATORS}, key=repr))
def test_a_missing_field_makes_every_operator_false_but_three(field: str, op: str, operand: Operand) -> None:
    holds = compiled(leaf(f"event.{field}", op, operand)).test(scope_of({}))

    assert holds is (op in ("is_not", "not_in"))
    assert compiled(leaf(f"event.{field}", "exists", False)).test(scope_of({})) is True


@pytest.mark.parametrize(
    ("field", "op", "operand", "facts", "holds"),
    [
        ("text", "is", R2, {"event.text": "a", "event.text2": "a"}, True),
        ("text", "is", R2, {"event.text": "a", "event.text2": "b"}, False),
        ("text", "is_not", R2, {"event.text": "a", "event.text2": "b"}, True),
        ("text", "is_not", R2, {"event.text2": "b"}, True),
        ("text", "is_not", R2, {"event.text": "a"}, False),
        ("text", "is_not", R2, {}, False),
        ("text", "is", RN, {"event.text": "1", "user.number": 1}, False),
        ("text", "is_not", RN, {"event.text": "1", "user.number": 1}, True),
        ("text", "is_not", RN, {"event.text": "1"}, False),
        ("integer", "is", RN, {"event.integer": 3, "user.number": 3.0}, True),
        ("number", "at_least", RN, {"event.number": 3, "user.number": 3}, True),
        ("number", "above", RN, {"event.number": 3, "user.number": 3}, False),
        ("number", "below", RN, {"event.number": 3}, False),
        ("flag", "at_least", Ref("user.flag"), {"event.flag": True, "user.flag": False}, False),
        ("number", "between", (RN, 9), {"event.number": 3, "user.number": 2}, True),
        ("number", "between", (RN, 9), {"event.number": 3}, False),
        ("raw", "between", (RN, 9), {"event.raw": 3, "user.number": 2}, True),
        ("text", "in", (R2, "c"), {"event.text": "b", "event.text2": "b"}, True),
        ("text", "in", (R2, "c"), {"event.text": "c", "event.text2": "b"}, True),
        ("text", "in", (R2, "c"), {"event.text": "c"}, False),
        ("text", "not_in", (R2, "c"), {"event.text": "x"}, False),
        ("text", "not_in", (R2, "c"), {"event.text2": "x"}, True),
        ("text", "not_in", (R2, "c"), {"event.text": "x", "event.text2": "y"}, True),
        ("text", "in", Ref("user.list"), {"event.text": "b", "user.list": ["a", "b"]}, True),
        ("text", "not_in", Ref("user.list"), {"event.text": "b", "user.list": ["a", "b"]}, False),
        ("text", "not_in", Ref("user.list"), {"event.text": "b"}, False),
        ("text", "not_in", Ref("user.list"), {"user.list": []}, True),
        ("number", "in", Ref("user.list"), {"event.number": 1, "user.list": [True, "1"]}, False),
        ("day", "in", Ref("user.list"), {"event.day": date(2026, 6, 1), "user.list": ["2026-06-01"]}, True),
        ("at", "in", Ref("user.list"), {"event.at": NOW, "user.list": [NOW]}, True),
        ("text", "contains", R2, {"event.text": "abc", "event.text2": "b"}, True),
        ("list", "contains", R2, {"event.list": ["b"], "event.text2": "b"}, True),
        ("list", "contains", R2, {"event.list": ["b"]}, False),
        ("text", "contains", RN, {"event.text": "1", "user.number": 1}, False),
        ("text", "starts_with", R2, {"event.text": "abc", "event.text2": "ab"}, True),
        ("text", "ends_with", R2, {"event.text": "abc"}, False),
        ("list", "is", Ref("user.list"), {"event.list": [1, {"a": [2]}], "user.list": [1.0, {"a": [2]}]}, True),
        ("list", "is", Ref("user.list"), {"event.list": [1], "user.list": [True]}, False),
        ("raw", "is", Ref("user.raw"), {"event.raw": True, "user.raw": 1}, False),
        ("raw", "is", Ref("user.at"), {"event.raw": NOW, "user.at": NOW}, False),
        ("raw", "above", Ref("user.at"), {"event.raw": NOW + 1, "user.at": NOW}, False),
        ("raw", "above", Ref("user.text"), {"event.raw": "b", "user.text": "a"}, True),
        ("integer", "is", Ref("user.at"), {"event.integer": NOW, "user.at": NOW}, False),
        ("at", "below", Ref("user.at"), {"event.at": NOW, "user.at": NOW + 1}, True),
        ("at", "at_least", Ref("user.day"), {"event.at": NOW, "user.day": date(2026, 6, 1)}, False),
        ("at", "on_date", Ref("user.day"), {"event.at": NOW, "user.day": date(2026, 6, 3)}, True),
        ("at", "on_date", Ref("user.day"), {"event.at": NOW}, False),
        ("at", "same_day_as", Ref("user.at"), {"event.at": at("2026-06-03T00:00"), "user.at": at("2026-06-03T23:59")}, True),
        ("at", "same_day_as", Ref("user.at"), {"event.at": at("2026-06-03T00:00") - 1, "user.at": at("2026-06-03T23:59")}, False),
        ("at", "same_day_as", Ref("user.text"), {"event.at": NOW, "user.text": "2026-06-03"}, False),
    ],
)
def test_a_reference(field: str, op: str, operand: Operand, facts: dict[str, Any], holds: bool) -> None:
    assert compiled(leaf(f"event.{field}", op, operand)).test(scope_of(facts)) is holds


@pytest.mark.parametrize(
    ("op", "operand", "value", "holds"),
    [
        pytest.param("older_than", days(1), "2026-03-07T12:00", True, id="a day is a calendar day"),
        pytest.param("older_than", days(1), "2026-03-07T12:00:01", False, id="not yet a calendar day"),
        pytest.param("older_than", Duration(24, "h"), "2026-03-07T12:00", False, id="24 hours are not over"),
        pytest.param("older_than", Duration(23, "h"), "2026-03-07T12:00", True, id="23 hours are"),
        pytest.param("within_next", days(1), "2026-03-09T12:00", True, id="up to the same wall clock"),
    ],
)
def test_ages_count_calendar_days_in_the_person_s_zone(op: str, operand: Duration, value: str, holds: bool) -> None:
    """New York at noon, on the day when the clock sprang forward."""
    zone = "America/New_York"
    scope = scope_of({"event.at": at(value, zone)}, at("2026-03-08T12:00", zone), zone)

    assert compiled(leaf("event.at", op, operand)).test(scope) is holds


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True), (True, 1, False), ("1", 1, False), ([1], [1.0], True), ({}, [], False), ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False), (None, None, True), (0, False, False),
    ],
)  # fmt: skip
def test_equality_of_json(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal


def test_an_unknown_field_or_operator_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"event\.nothing"):
        compiled(leaf("event.nothing", "is", 1))
    with pytest.raises(ValueError, match="like"):
        compiled(leaf("event.text", "like", "a"))


# ---- the tree ---------------------------------------------------------------------------------------------------------------------------

YES, NO = leaf("event.flag", "is", True, "yes"), leaf("event.flag", "is", False, "no")
TRUE = {"event.flag": True}


@pytest.mark.parametrize(
    ("condition", "holds", "results"),
    [
        (All((), ()), True, []),
        (AnyOf((), ()), False, []),
        (NoneOf((), ()), True, []),
        (All((), (YES, YES)), True, [True, True]),
        (All((), (YES, NO, YES)), False, [True, False, None]),
        (All((), (YES, YES, YES, NO, YES)), False, [True, True, True, False, None]),
        (AnyOf((), (NO, YES, YES)), True, [False, True, None]),
        (AnyOf((), (NO, NO, NO, NO)), False, [False, False, False, False]),
        (NoneOf((), (NO, YES, NO)), False, [False, True, None]),
        (NoneOf((), (NO, NO)), True, [False, False]),
        (Not((), YES), False, [True]),
        (Not((), NO), True, [False]),
    ],
)
def test_groups(condition: Condition, holds: bool, results: list[bool | None]) -> None:
    asked = compiled(condition)
    node = asked.explain(scope_of(TRUE))

    assert asked.test(scope_of(TRUE)) is holds
    assert node.result is holds
    assert [child.result for child in node.children] == results


def test_a_segment_is_asked_by_name() -> None:
    golden = compiled(leaf("user.text", "is", "gold", "segments", "golden", "when"))
    asked = compiled(InSegment(("when", "segment"), "golden"), {"golden": golden})

    node = asked.explain(scope_of({"user.text": "silver"}))

    assert asked.test(scope_of({"user.text": "gold"})) is True
    assert (node.kind, node.operand, node.result, node.path) == ("segment", "golden", False, "when.segment")
    assert node.children[0].path == "segments.golden.when.user.text"
    assert first_failure(node) is node
    assert asked.reads == {"user", "user.text"}
    assert not asked.event_only


@pytest.mark.parametrize(
    ("condition", "path", "kind"),
    [
        pytest.param(NO, "no.event.flag", "leaf", id="a leaf"),
        pytest.param(All(("w",), (YES, NO)), "no.event.flag", "leaf", id="the first false part of an all"),
        pytest.param(All(("w",), (YES, All(("w", 1), (YES, NO)))), "no.event.flag", "leaf", id="of an all within"),
        pytest.param(All(("w",), (AnyOf(("w", "any"), (NO, NO)), NO)), "w.any", "any", id="an any itself"),
        pytest.param(All(("w",), (NoneOf(("w", "none"), (YES,)), NO)), "w.none", "none", id="a none itself"),
        pytest.param(Not(("w", "not"), All(("w", "not", "all"), (YES,))), "w.not", "not", id="a not itself"),
    ],
)
def test_first_failure(condition: Condition, path: str, kind: str) -> None:
    found = first_failure(compiled(condition).explain(scope_of(TRUE)))

    assert (found.path, found.kind, found.result) == (path, kind, False)


@pytest.mark.parametrize(
    ("condition", "facts", "operand", "actual"),
    [
        (leaf("event.number", "at_least", 5), {"event.number": 3}, 5, 3),
        (leaf("event.number", "at_least", 5), {}, 5, None),
        (leaf("event.text", "in", ("a", R2)), {"event.text": "b", "event.text2": "c"}, ["a", {"ref": "event.text2", "value": "c"}], "b"),
        (leaf("event.at", "older_than", days(30)), {"event.at": NOW}, "30d", "2026-06-03T06:00:00Z"),
        (leaf("event.at", "at_least", "2026-06-03T14:00"), {"event.at": NOW}, "2026-06-03T06:00:00Z", "2026-06-03T06:00:00Z"),
        (leaf("event.at", "between", ("2026-06-03", "oops")), {"event.at": NOW}, ["2026-06-02T16:00:00Z", "oops"], "2026-06-03T06:00:00Z"),
        (leaf("event.day", "is", "2026-06-03"), {"event.day": date(2026, 6, 4)}, "2026-06-03", "2026-06-04"),
        (leaf("event.at", "on_date", "2026-06-03"), {"event.at": NOW}, "2026-06-03", "2026-06-03T06:00:00Z"),
        (leaf("event.at", "is", Ref("user.at")), {"user.at": NOW}, {"ref": "user.at", "value": "2026-06-03T06:00:00Z"}, None),
        (leaf("user.list", "contains", 1), {"user.list": [1, date(2026, 6, 3)]}, 1, [1, "2026-06-03"]),
    ],
)
def test_a_leaf_shows_its_values_as_json(condition: Leaf, facts: dict[str, Any], operand: Any, actual: Any) -> None:
    node = compiled(condition).explain(scope_of(facts))

    assert (node.field, node.op, node.operand, node.actual) == (condition.field, condition.op, operand, actual)
    json.dumps([node.operand, node.actual])


def test_what_was_not_evaluated_shows_no_values() -> None:
    asked = compiled(All((), (NO, leaf("event.text", "is", Ref("user.text")), InSegment(("s",), "x"))), {"x": compiled(YES)})

    _, unread, segment = asked.explain(scope_of({**TRUE, "event.text": "a", "user.text": "b"})).children

    assert (unread.result, unread.operand, unread.actual) == (None, {"ref": "user.text"}, None)
    assert (segment.result, segment.children[0].result) == (None, None)


# ---- what a condition asks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "event_only", "timeless"),
    [
        (leaf("event.number", "above", 1), True, True),
        (leaf("event.number", "above", Ref("event.integer")), True, True),
        (leaf("event.number", "above", RN), False, True),
        (leaf("user.number", "above", 1), False, True),
        (leaf("event.at", "older_than", days(1)), False, False),
        (leaf("event.at", "on_date", "today"), False, False),
        (leaf("event.at", "on_date", "2026-06-03"), True, True),
        (leaf("event.at", "same_day_as", Ref("event.at2")), True, True),
        (leaf("user.recent", "at_least", 1), False, False),
        (leaf("event.integer", "at_least", Ref("user.recent")), False, False),
        (Not((), AnyOf((), (YES, leaf("user.flag", "is", True)))), False, True),
        (NoneOf((), (YES, NO)), True, True),
    ],
)
def test_what_a_condition_depends_on(condition: Condition, event_only: bool, timeless: bool) -> None:
    asked = compiled(condition)

    assert (asked.event_only, asked.timeless) == (event_only, timeless)


def test_reads_names_roots_and_fields() -> None:
    asked = compiled(All((), (leaf("event.number", "above", RN), Not((), YES))))

    assert asked.reads == {"event", "user", "event.number", "user.number", "event.flag"}


E1, E2 = leaf("event.flag", "is", True), leaf("event.number", "above", 1)
U1 = leaf("user.flag", "is", True)
CLOCK = leaf("event.at", "older_than", days(1))
BOTH_OPERATORS = All(("when", "event.number"), (leaf("event.number", "above", 1), leaf("event.number", "below", RN)))


@pytest.mark.parametrize(
    ("condition", "at_event", "when_due"),
    [
        pytest.param(E1, [E1], [], id="one entry"),
        pytest.param(U1, [], [U1], id="one entry of the user"),
        pytest.param(All(("when",), (E1, U1, E2)), [E1, E2], [U1], id="top-level entries"),
        pytest.param(All(("when", "all"), (E1, CLOCK)), [E1], [CLOCK], id="members of the all"),
        pytest.param(All(("when",), (E1, All(("when", "all"), (E2, U1)))), [E1, E2], [U1], id="entries and members"),
        pytest.param(
            All(("when", "all"), (All(("when", "all", 0), (E1, U1)), E2)), [E2], [All(("when", "all", 0), (E1, U1))], id="a whole member",
        ),
        pytest.param(AnyOf(("when", "any"), (E1, U1)), [], [AnyOf(("when", "any"), (E1, U1))], id="an any is one part"),
        pytest.param(All(("when",), (BOTH_OPERATORS, E1)), [E1], [BOTH_OPERATORS], id="two operators are one entry"),
        pytest.param(BOTH_OPERATORS, [], [BOTH_OPERATORS], id="two operators are one entry, alone"),
    ],
)  # fmt: skip
def test_the_parts_judged_at_the_event(condition: Condition, at_event: list[Condition], when_due: list[Condition]) -> None:
    def parts(part: Condition | None) -> list[Condition]:
        if part is None or part in (*at_event, *when_due):
            return [] if part is None else [part]
        assert isinstance(part, All)
        flat: list[Condition] = []
        for item in part.items:
            flat += item.items if isinstance(item, All) and item.path[-1] == "all" else [item]
        return flat

    now, later = split_event_only(condition)

    assert (parts(now), parts(later)) == (at_event, when_due)
    assert now is None or compiled(now).event_only


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (leaf("event.text", "is", "a"), {"event.text": {"a"}}),
        (leaf("event.text", "in", ("a", "b", 1)), {"event.text": {"a", "b"}}),
        (All((), (leaf("event.text", "is", "a"), All((), (E1, U1)))), {"event.text": {"a"}, "event.flag": {True}}),
        (All((), (leaf("event.text", "in", ("a", "b")), leaf("event.text", "in", ("b", "c")))), {"event.text": {"b"}}),
        (leaf("event.integer", "in", (1, True)), {"event.integer": {1}}),
        (leaf("event.text", "is", 1), {"event.text": set()}),
        (leaf("event.raw", "is", 1), {}),
        (leaf("event.day", "is", "2026-06-03"), {}),
        (leaf("user.text", "is", "a"), {}),
        (leaf("event.text", "is", R2), {}),
        (leaf("event.text", "in", ("a", R2)), {}),
        (leaf("event.text", "in", Ref("event.list")), {}),
        (leaf("event.text", "is_not", "a"), {}),
        (AnyOf((), (leaf("event.text", "is", "a"),)), {}),
        (Not((), leaf("event.text", "is", "a")), {}),
    ],
)
def test_equalities(condition: Condition, found: dict[str, set[Any]]) -> None:
    assert equalities(condition, FIELDS) == found
    for name, values in equalities(condition, FIELDS).items():
        assert {type(value) for value in values} <= {{"event.text": str, "event.flag": bool, "event.integer": int}[name]}


# ---- properties: any condition, any facts -----------------------------------------------------------------------------------------------

CHANGES = [
    (name, change)
    for name in ("America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Europe/London",
                 "Asia/Shanghai", "Asia/Gaza")
    for year in (1991, 2006, 2011, 2018, 2026)
    for change in zones.changes(at(f"{year}-01-01"), at(f"{year + 1}-01-01"), zones.zone(name))
]  # fmt: skip
AWAY = st.one_of(
    st.integers(-9 * DAY, 9 * DAY),
    st.integers(-9 * 48, 9 * 48).map(lambda half_hours: half_hours * HOUR // 2),
    st.tuples(st.integers(-8, 8), st.sampled_from([0, 0, 1, -1, HOUR, -HOUR, 30 * MINUTE])).map(lambda pair: pair[0] * DAY + pair[1]),
)
LENGTHS = st.builds(Duration, st.integers(0, 8), st.sampled_from(["d", "d", "d", "h", "m", "w"]))
AGES = st.sampled_from(["older_than", "newer_than", "within_next"])
CLOCK_LEAVES = st.one_of(
    st.builds(leaf, st.sampled_from(["user.at", "user.day", "user.at2"]), AGES, LENGTHS),
    st.builds(leaf, st.sampled_from(["user.at", "user.day"]), st.just("on_date"), st.just("today")),
    st.builds(leaf, st.just("user.recent"), st.just("at_least"), st.just(1)),
    st.builds(leaf, st.just("user.integer"), st.just("is_not"), st.just(Ref("user.recent"))),
)
TEXTS = st.sampled_from(["", "a", "b", "ab", "2026-06-03", "2026-06-03T14:00"])
SCALARS = st.one_of(TEXTS, st.integers(-1, 2), st.sampled_from([0.5, 1.0]), st.booleans(), st.none())
OPERANDS = st.one_of(SCALARS, st.sampled_from(sorted(FIELDS.by_name)).map(Ref))
NAMES = st.sampled_from(sorted(FIELDS.by_name))
VALUE_LEAVES = st.one_of(
    st.builds(leaf, NAMES, st.sampled_from(["is", "is_not", "at_least", "at_most", "above", "below", "contains", "starts_with", "ends_with",
                                            "same_day_as", "on_date"]), OPERANDS),
    st.builds(leaf, NAMES, st.sampled_from(["in", "not_in"]), st.one_of(st.lists(OPERANDS, max_size=3).map(tuple), NAMES.map(Ref))),
    st.builds(leaf, NAMES, st.just("between"), st.tuples(OPERANDS, OPERANDS)),
    st.builds(leaf, NAMES, st.just("exists"), st.booleans()),
    st.builds(leaf, NAMES, st.just("matches"), st.sampled_from(["a", "^b$", ""])),
)  # fmt: skip


def trees(leaves: st.SearchStrategy[Leaf]) -> st.SearchStrategy[Condition]:
    def grow(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        path, items = st.just(("w",)), st.lists(inner, max_size=4).map(tuple)
        return st.one_of(*[st.builds(kind, path, items) for kind in (All, AnyOf, NoneOf)], st.builds(Not, path, inner))

    return st.recursive(leaves, grow, max_leaves=6)


def value_of(kind: str) -> st.SearchStrategy[Any]:
    return {
        "string": st.sampled_from(["", "a", "b", "ab"]), "number": st.sampled_from([0, 1, 1.0, 0.5]), "integer": st.integers(-1, 2),
        "boolean": st.booleans(), "date": st.dates(date(2026, 6, 1), date(2026, 6, 5)), "datetime": AWAY.map(lambda away: NOW + away),
        "list": st.lists(st.one_of(SCALARS), max_size=2), "object": st.just({}), "any": SCALARS.filter(lambda value: value is not None),
    }[kind]  # fmt: skip


FACTS = st.fixed_dictionaries({}, optional={f"{root}.{name}": value_of(kind) for root in ("event", "user") for name, kind in TYPES.items()})


def agrees(node: Node, scope: Scope, asked: Compiled) -> None:
    assert node.result is asked.test(scope)
    for child, part in zip(node.children, asked.children, strict=True):
        if child.result is not None:
            agrees(child, scope, part)


@settings(deadline=None)
@given(trees(st.one_of(VALUE_LEAVES, CLOCK_LEAVES)), FACTS)
def test_a_trace_agrees_with_the_test(condition: Condition, facts: dict[str, Any]) -> None:
    asked, scope = compiled(condition), scope_of(facts)

    node = asked.explain(scope)

    agrees(node, scope, asked)
    json.dumps(node.operand)
    if node.result is False:
        assert first_failure(node).result is False


def plainly(condition: Leaf, scope: Scope) -> bool:
    """The clock's operators once more, as the language says them and nothing else."""
    value = FIELDS[condition.field].read(scope)
    if value is None:
        return False
    now, zone = scope.now, scope.zone
    today = zones.local(now, zone).date()
    length = condition.operand
    if condition.op == "on_date":
        return bool((value if isinstance(value, date) else zones.local(value, zone).date()) == today)
    assert isinstance(length, Duration)
    if condition.op == "within_next":
        if isinstance(value, int):
            return now < value <= zones.shift(now, length, 1, zone)
        if length.is_calendar:
            return today < value <= today + timedelta(days=length.days)
        return now < zones.at_time(value, 0, zone) <= now + length.micros
    if isinstance(value, date) and length.is_calendar:
        value, length = value + timedelta(days=length.days), Duration(0, "s")
    if isinstance(value, date):
        value = zones.at_time(value, 0, zone)
    return (now >= zones.shift(value, length, 1, zone)) is (condition.op == "older_than")


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int, dict[str, Any]]:
    """A zone, an instant near a change of its clock, and facts near it."""
    zone, change = draw(st.sampled_from(CHANGES))
    facts: dict[str, Any] = {f"user.{name}": change + draw(AWAY) for name in ("at", "at2", "window_ends")}
    facts["user.day"] = zones.local_date(change + draw(AWAY), zones.zone(zone))
    facts["user.integer"] = 0
    return zone, change + draw(AWAY), facts


@settings(deadline=None)
@given(places(), CLOCK_LEAVES.filter(lambda leaf: leaf.field in ("user.at", "user.day", "user.at2")))
def test_the_clock_s_operators_say_what_the_language_says(place: tuple[str, int, dict[str, Any]], condition: Leaf) -> None:
    zone, now, facts = place
    scope = scope_of(facts, now, zone)

    assert compiled(condition).test(scope) is plainly(condition, scope)


TELLING = [
    ("America/New_York", "2026-03-08T07:00Z"), ("America/New_York", "2026-11-01T06:00Z"), ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"), ("America/Sao_Paulo", "2018-11-04T03:00Z"), ("America/Sao_Paulo", "2018-02-18T02:00Z"),
    ("America/St_Johns", "2006-10-29T02:31Z"), ("America/St_Johns", "2006-04-02T03:31Z"), ("Pacific/Apia", "2011-12-30T10:00Z"),
]  # fmt: skip


@pytest.mark.parametrize("op", ["older_than", "newer_than", "within_next", "on_date"])
@pytest.mark.parametrize(("zone", "text"), TELLING)
def test_no_flip_is_missed_around_a_change_of_the_clock(zone: str, text: str, op: str) -> None:
    """Every value and every instant of a grid: where the answer differs from one instant to the next, a flip lies between."""
    change = at(text)
    assert zones.changes(change - 1, change, zones.zone(zone)) == [change]
    steps = [change + half * HOUR // 2 for half in range(-130, 131)]
    instants = sorted({*steps, *[change + step for step in (-MINUTE, -MINUTE // 2, -1, 1, MINUTE // 2, MINUTE)]})
    values = [("user.at", change + third * 145 * MINUTE) for third in range(-20, 21)]
    values += [("user.at", change + minutes * MINUTE) for minutes in (-50, -20, 10, 20, 50)]
    values += [("user.day", zones.local_date(change + away * DAY, zones.zone(zone))) for away in range(-2, 3)]
    lengths: list[Operand] = ["today"] if op == "on_date" else [days(1), days(2)]
    for field, value in values:
        for length in lengths:
            asked = compiled(leaf(field, op, length))
            scope = scope_of({field: value}, instants[0], zone)
            holds = asked.test(scope)
            flip = asked.next_flip(scope)
            for instant in instants:
                scope.now = instant
                if flip is not None and instant >= flip:
                    holds, flip = asked.test(scope), asked.next_flip(scope)
                assert asked.test(scope) is holds, (zones.format_instant(instant), value, length)


def test_a_value_just_after_a_gap_is_reached_twice() -> None:
    """In New York 02:10 does not exist on 8 March and is 03:10; 200 days earlier the clock is an hour ahead and reads 02:10 and 03:10."""
    zone = "America/New_York"
    asked = compiled(leaf("user.at", "within_next", days(200)))
    facts = {"user.at": at("2026-03-08T03:10", zone)}
    holds = {"02:09": False, "02:10": True, "02:59": True, "03:00": False, "03:09": False, "03:10": True}

    for clock, expected in holds.items():
        assert asked.test(scope_of(facts, at(f"2025-08-20T{clock}", zone), zone)) is expected
    flips: list[int] = []
    flip = asked.next_flip(scope_of(facts, at("2025-08-20T02:00", zone), zone))
    while flip is not None:
        flips.append(flip)
        flip = asked.next_flip(scope_of(facts, flip, zone))
    assert {at(f"2025-08-20T{clock}", zone) for clock in ("02:10", "03:00", "03:10")} <= set(flips)


def check_flips(asked: Compiled, zone: str, start: int, facts: dict[str, Any], data: st.DataObject) -> None:
    """From flip to flip, the answer stays what it was at the first."""
    changes = zones.changes(start - 2 * DAY, start + 24 * DAY, zones.zone(zone))
    now, holds = start, asked.test(scope_of(facts, start, zone))
    for _ in range(30):
        flip = asked.next_flip(scope_of(facts, now, zone))
        assert flip is None or flip > now
        end = flip if flip is not None else now + 20 * DAY
        inside = [now, end - 1, *range(now, end, max((end - now) // 12, 1)), data.draw(st.integers(now, end - 1))]
        inside += [change + step for change in changes for step in (-HOUR, -HOUR // 2, -1, 0, 1, HOUR // 2, HOUR)]
        for moment in (moment for moment in inside if now <= moment < end):
            assert asked.test(scope_of(facts, moment, zone)) is holds, zones.format_instant(moment)
        if flip is None or flip > start + 20 * DAY:
            break
        now, holds = flip, asked.test(scope_of(facts, flip, zone))


@settings(deadline=None, max_examples=200)
@given(places(), CLOCK_LEAVES, st.integers(0, 4 * DAY), st.data())
def test_between_two_flips_nothing_changes(place: tuple[str, int, dict[str, Any]], condition: Leaf, lead: int, data: st.DataObject) -> None:
    zone, _, facts = place
    check_flips(compiled(condition), zone, facts["user.at"] - lead, facts, data)


@settings(deadline=None)
@given(places(), trees(CLOCK_LEAVES), st.data())
def test_between_two_flips_of_a_tree_nothing_changes(place: tuple[str, int, dict[str, Any]], tree: Condition, data: st.DataObject) -> None:
    zone, start, facts = place
    check_flips(compiled(tree), zone, start, facts, data)


@settings(deadline=None)
@given(CLOCK_LEAVES, st.tuples(AWAY, AWAY, AWAY))
def test_flips_are_few(condition: Leaf, away: tuple[int, int, int]) -> None:
    """Each is a timer: away from changes of the clock at most two of an operator, and one of a trait's window."""
    facts = {"user.at": NOW + away[0], "user.at2": NOW, "user.window_ends": NOW + away[1], "user.day": date(2026, 6, 3), "user.integer": 0}
    asked = compiled(condition)
    found = []
    flip = asked.next_flip(scope_of(facts, NOW + away[2]))
    while flip is not None:
        found.append(flip)
        flip = asked.next_flip(scope_of(facts, flip))

    assert len(found) <= 2
