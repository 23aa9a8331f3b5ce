"""Sequence and together against a join by brute force: every combination of a small window, judged by the words of the language."""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import durable_rules_engine  # type: ignore[import-not-found, import-untyped, unused-ignore]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import correlate
from engine.core.correlate import MAX_STEPS, Joiner
from engine.core.facts import Event, Scope
from engine.core.fields import Field, Fields
from rules.model import SECOND, All, AnyOf, Condition, Duration, JoinTrigger, Leaf, Ref, Step

ALIASES = "abcd"
TYPES = {"city": "string", "shop": "string", "n": "number", "i": "integer", "day": "date", "at": "datetime", "ok": "boolean"}
HOUR = 3600 * SECOND


def field(alias: str, name: str) -> Field:
    def read(scope: Scope) -> Any:
        assert scope.aliases is not None
        return scope.aliases[alias].data.get(name)

    return Field(f"{alias}.{name}", alias, TYPES[name], read)


FIELDS = Fields({f.name: f for alias in ALIASES for f in (field(alias, name) for name in TYPES)})
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "is": operator.eq, "is_not": operator.ne, "at_least": operator.ge, "at_most": operator.le, "above": operator.gt, "below": operator.lt,
}  # fmt: skip


def value(name: str, events: Mapping[str, Event]) -> Any:
    alias, _, key = name.partition(".")
    return events[alias].data.get(key)


def comparable(left: Any, right: Any) -> bool:
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    return type(left) is type(right) or (isinstance(left, numbers) and isinstance(right, numbers))


def holds(condition: Condition | None, events: Mapping[str, Event]) -> bool:
    """The language's words: no coercion, a missing field makes all but is_not false, a missing ref everything."""
    match condition:
        case None:
            return True
        case All(items=items):
            return all(holds(item, events) for item in items)
        case AnyOf(items=items):
            return any(holds(item, events) for item in items)
        case Leaf(field=name, op=op, operand=Ref(field=ref)):
            left, right = value(name, events), value(ref, events)
            if right is None:
                return False
            if left is None or not comparable(left, right):
                return op == "is_not"
            return bool(COMPARE[op](left, right))
    raise AssertionError(condition)


def joiner(whens: Sequence[Condition | None], *, ordered: bool = True, within: str = "1h", types: Sequence[str] | None = None) -> Joiner:
    types = types or [f"type.{alias}" for alias in ALIASES]
    steps = tuple(Step((), types[at], ALIASES[at], when) for at, when in enumerate(whens))
    trigger = JoinTrigger((), steps, Duration(int(within[:-1]), within[-1]), ordered)  # type: ignore[arg-type]
    tests = [None if when is None else (lambda scope, when=when: holds(when, scope.aliases)) for when in whens]
    return Joiner(trigger, FIELDS, tests)


def event(id: str, time: int, received: int | None = None, step: str = "b", **data: Any) -> Event:
    return Event(id, f"type.{step}", time, data, received=received)


def brute_force(
    whens: Sequence[Condition | None], ordered: bool, within: int, candidates: Sequence[Sequence[Event]], completing: Event, disorder: int,
    line: Sequence[Event],
) -> tuple[str, ...] | None:  # fmt: skip
    place = {one.id: (one.time, at) for at, one in enumerate(line)}
    found = []
    for events in itertools.product(*candidates):
        ids = [one.id for one in events]
        times = [one.time for one in events]
        partners = [one for one in events if one is not completing]
        if completing.id not in ids or len(set(ids)) < len(ids) or min(times) <= max(times) - within:
            continue
        if ordered and (events[-1] is not completing or [place[id] for id in ids] != sorted(place[id] for id in ids)):
            continue
        if any(one.time > completing.time and completing.received - one.received > disorder for one in partners):
            continue
        named = dict(zip(ALIASES, events, strict=False))
        if all(holds(when, named) for when in whens):
            latest = sorted((place[one.id] for one in partners), reverse=True)
            by_step = [place[id] for id in reversed(ids)]
            found.append((by_step if ordered else latest + by_step, tuple(ids)))
    return max(found)[1] if found else None


# ---- the window -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "fits"),
    [(0, True), (HOUR - 1, True), (HOUR, False), (HOUR + 1, False), (-1, False)],
    ids=["same", "in", "edge", "out", "later"],
)
def test_a_sequence_reaches_back_less_than_within(age: int, fits: bool) -> None:
    first, last = event("1", 10 * HOUR - age), event("2", 10 * HOUR)

    match = joiner([None, None]).match([[first], []], last)

    assert match == ((first, last) if fits else None)


@pytest.mark.parametrize(("lead", "gap", "fits"), [(1, HOUR, True), (1, HOUR + 1, False), (HOUR, 0, False), (HOUR - 1, 0, True)])
def test_together_looks_ahead_within_the_window_and_the_disorder(lead: int, gap: int, fits: bool) -> None:
    """A completing event that is older than its partner must have arrived at most `disorder` after it."""
    late = event("late", 10 * HOUR, received=20 * HOUR, step="a")
    early = event("early", 10 * HOUR + lead, received=20 * HOUR - gap)

    match = joiner([None, None], ordered=False).match([[], [early]], late, HOUR)

    assert match == ((late, early) if fits else None)


def test_the_window_of_together_spans_all_its_events() -> None:
    """Two partners may each lie near the completing event and yet too far from one another."""
    a, b, c = event("a", 0), event("b", HOUR + 10), event("c", HOUR - 1, received=HOUR + 20, step="c")

    three = joiner([None, None, None], ordered=False)

    assert three.match([[a], [b], []], c, HOUR) is None
    assert three.match([[event("a", 11)], [b], [c]], c, HOUR) is not None


# ---- which events -------------------------------------------------------------------------------------------------------------------


def test_the_latest_earlier_events_that_fit_are_taken() -> None:
    same_city = Leaf((), "b.city", "is", Ref("a.city"))
    first = [event("1", 1, city="上海"), event("2", 2, city="北京"), event("3", 3, city="上海"), event("4", 4, city="北京")]
    last = event("5", 5, city="上海")

    match = joiner([None, same_city]).match([first, []], last)

    assert match is not None
    assert [one.id for one in match] == ["3", "5"]


def test_a_sequence_prefers_the_latest_of_its_later_steps_first() -> None:
    steps = [[event("a1", 1), event("a5", 5)], [event("b2", 2), event("b4", 4)], [event("c9", 9, step="c")]]

    match = joiner([None] * 3).match(steps, steps[2][0])

    assert match is not None
    assert [one.id for one in match] == ["a1", "b4", "c9"]


def test_equal_times_are_ordered_by_arrival() -> None:
    a, b, c = event("a", 5), event("b", 5), event("c", 5, step="c")
    three = joiner([None] * 3)

    assert three.match([[a], [b], []], c, arrived=[a, b, c]) == (a, b, c)
    assert three.match([[a], [b], []], c, arrived=[b, a, c]) is None


def test_one_event_fills_one_step_only() -> None:
    only, other = event("1", 1), event("2", 2)
    twice = joiner([None, None], ordered=False, types=["type.b", "type.b"])

    assert twice.match([[only], [only]], only) is None
    assert twice.match([[only, other], [only, other]], other) == (only, other)


def test_a_step_without_candidates_is_no_match_and_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate, "_ask", lambda *_: pytest.fail("the network was asked"))
    last = event("2", 2)

    assert joiner([None, None]).match([[], [event("1", 1)]], last) is None


def test_a_sequence_is_completed_by_its_last_step_only() -> None:
    a, b = event("a", 1, step="a"), event("b", 2)

    assert joiner([None, None]).match([[a], [b]], a) is None
    assert joiner([None, None], ordered=False).match([[a], [b]], a, HOUR) == (a, b)


def test_more_steps_than_the_library_has_room_for_are_refused() -> None:
    steps = tuple(Step((), "t", f"s{at}", None) for at in range(MAX_STEPS + 1))

    with pytest.raises(ValueError, match="17 steps"):
        Joiner(JoinTrigger((), steps, Duration(1, "h"), True), Fields({}))


def test_the_most_steps_and_full_windows_are_answered() -> None:
    """A window of 12 events a step, where every combination would be 12 ** 15."""
    steps = tuple(Step((), f"t{at}", f"s{at}", None) for at in range(MAX_STEPS))
    last = Event("last", f"t{MAX_STEPS - 1}", 10_000, {})
    window = [[event(f"{at}.{n}", 100 * n + at) for n in range(12)] for at in range(MAX_STEPS - 1)]

    for ordered in (True, False):
        match = Joiner(JoinTrigger((), steps, Duration(1, "h"), ordered), Fields({})).match([*window, []], last, HOUR)

        assert match is not None
        assert [one.time for one in match] == [1100 + at for at in range(MAX_STEPS - 1)] + [10_000]


# ---- what the network is told --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("a", "a", True), ("5", "5", True), ("5", "05", False), ("", "", True), ('"', '"', True), ('\\"}', '\\"}', True), ("'", '"', False),
        ("\x00", "", False), ("\x00a", "\x00b", False), ("a ", "a", False), ("é", "e\u0301", False), ("👍", "👍", True),
        ("\ud7ff", "\ue000", False),
        ("true", "true", True), ("null", None, False), (None, None, False), ("$nex", "$nex", True), ("x" * 70_000, "x" * 70_000, True),
        ("x" * 70_000, "x" * 69_999 + "y", False), ("{sid}", "{sid}", True),
    ],
)  # fmt: skip
def test_hostile_strings_are_compared_as_they_are(left: str | None, right: str | None, equal: bool) -> None:
    first, last = event("1", 1, city=left), event("2", 2, city=right)

    match = joiner([None, Leaf((), "b.city", "is", Ref("a.city"))]).match([[first], []], last)

    assert (match is not None) is equal


@pytest.mark.parametrize(
    ("left", "op", "right", "true"),
    [
        (1, "is", 1.0, True), (1e300, "is", 1e300, True), (1e300, "above", -1e300, True), (0.1 + 0.2, "is", 0.3, False),
        (2**63, "above", 2**63 - 1, True), (2**64 + 1, "is", 2**64, False), (2**53 + 1, "is", float(2**53), False), (-0.0, "is", 0, True),
        (1e-7, "above", 0, True), (-5, "below", -4.5, True), (3, "at_least", 3, True), (3, "at_most", 2, False), (None, "is_not", 1, True),
        (1, "is_not", None, False), (None, "is_not", None, False), (None, "at_most", 5, False),
    ],
)  # fmt: skip
def test_numbers_keep_their_exact_value(left: Any, op: str, right: Any, true: bool) -> None:
    first, last = event("1", 1, n=right), event("2", 2, n=left)

    match = joiner([None, Leaf((), "b.n", op, Ref("a.n"))]).match([[first], []], last)

    assert (match is not None) is true


@pytest.mark.parametrize(("name", "left", "right"), [("day", date(2026, 6, 2), date(2026, 6, 1)), ("at", 2, 1), ("ok", True, False)])
def test_dates_instants_and_booleans_join(name: str, left: Any, right: Any) -> None:
    first, last = event("1", 1, **{name: right}), event("2", 2, **{name: left})

    for op, true in {"is": False, "is_not": True, "above": True, "below": False}.items():
        match = joiner([None, Leaf((), f"b.{name}", op, Ref(f"a.{name}"))]).match([[first], []], last)

        assert (match is not None) is true


def test_only_what_must_hold_and_compares_is_asked_of_the_network() -> None:
    """Alternatives, unlike types and constants are left to the compiled conditions."""
    same = Leaf((), "b.city", "is", Ref("a.city"))
    kinds = Leaf((), "b.n", "is", Ref("a.city"))
    constant = Leaf((), "b.n", "above", 5)

    assert len(joiner([None, All((), (same, kinds, constant))]).joins) == 1
    assert joiner([None, AnyOf((), (same, constant))]).joins == ()


def test_a_step_may_be_tested_by_a_later_step() -> None:
    early = Leaf((), "a.city", "is", Ref("b.city"))
    first = [event("1", 1, city="x"), event("2", 2, city="y")]
    last = event("3", 3, city="x")

    match = joiner([early, None]).match([first, []], last)

    assert match == (first[0], last)


# ---- against brute force ---------------------------------------------------------------------------------------------------------------

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "city": st.sampled_from(["1", "01", "1.0", "true", '"', "\\", "", "上海", None]),
    "shop": st.sampled_from(["1", "2", None]),
    "n": st.sampled_from([0, 1, 1.0, -1, 1.5, 1e300, 2**70, None]),
    "i": st.integers(0, 3),
    "day": st.sampled_from([date(2026, 6, 1), date(2026, 6, 2), None]),
}


@st.composite
def leaves(draw: st.DrawFn, steps: int) -> Leaf:
    left, right = draw(st.permutations(ALIASES[:steps]))[:2]
    names = draw(st.sampled_from([("city", "city"), ("city", "shop"), ("n", "n"), ("n", "i"), ("day", "day"), ("city", "n")]))
    return Leaf((), f"{left}.{names[0]}", draw(st.sampled_from(sorted(COMPARE))), Ref(f"{right}.{names[1]}"))


@st.composite
def conditions(draw: st.DrawFn, steps: int) -> Condition | None:
    items = tuple(draw(st.lists(leaves(steps), max_size=3)))
    if not items:
        return None
    choices: list[Condition] = [items[0], All((), items), All((), (AnyOf((), items), items[0]))]
    return draw(st.sampled_from(choices))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Any, ...]:
    steps = draw(st.integers(2, 4))
    ordered = draw(st.booleans())
    types = draw(st.lists(st.sampled_from("pq"), min_size=steps, max_size=steps))
    whens = [draw(conditions(steps)) for _ in range(steps)]
    line: list[Event] = []
    for at in range(draw(st.integers(steps, 8 if steps < 4 else 6))):
        data = {name: draw(strategy) for name, strategy in VALUES.items()}
        time = draw(st.integers(0, 8)) * SECOND
        line.append(Event(str(at), draw(st.sampled_from("pq")), time, data, received=max(time, at * SECOND)))
    line.sort(key=lambda one: one.received)
    candidates = [[one for one in line if one.type == type] for type in types]
    return whens, ordered, types, candidates, line, draw(st.integers(1, 8)), draw(st.integers(0, 8)) * SECOND


@settings(max_examples=400, deadline=None)
@given(windows())
def test_the_network_agrees_with_brute_force(window: tuple[Any, ...]) -> None:
    whens, ordered, types, candidates, line, within, disorder = window
    expected = brute_force(whens, ordered, within * SECOND, candidates, line[-1], disorder, line)

    match = joiner(whens, ordered=ordered, within=f"{within}s", types=types).match(candidates, line[-1], disorder, line)

    assert (None if match is None else tuple(one.id for one in match)) == expected


@settings(max_examples=60, deadline=None)
@given(windows())
def test_several_looks_find_what_one_look_finds(window: tuple[Any, ...]) -> None:
    """Splitting a large window into portions changes nothing."""
    whens, ordered, types, candidates, line, within, disorder = window
    whole = joiner(whens, ordered=ordered, within=f"{within}s", types=types)
    expected = whole.match(candidates, line[-1], disorder, line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlate, "_COMBINATIONS", 1)

        assert whole.match(candidates, line[-1], disorder, line) == expected


# ---- what it keeps -----------------------------------------------------------------------------------------------------------------------


def resident_kib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_judgements_leave_nothing_behind() -> None:
    same_city = Leaf((), "b.city", "is", Ref("a.city"))
    pair = joiner([None, same_city])
    first = [event(str(n), n, city=f"city {n % 3}") for n in range(4)]

    def judge(times: int) -> None:
        for n in range(times):
            last = event(f"last {n}", 10, city=f"city {n % 4}")
            pair.match([first, []], last)

    judge(2_000)
    before, networks = resident_kib(), sum(map(len, correlate._idle.values()))
    judge(10_000)

    assert resident_kib() - before < 512
    assert sum(map(len, correlate._idle.values())) == networks


def test_triggers_of_one_shape_share_a_network() -> None:
    """A reload of the book makes new joiners, not new networks: the library would keep part of the old ones."""

    def ask() -> None:
        last = event("2", 2, city="x")
        assert joiner([None, Leaf((), "b.city", "is", Ref("a.city"))]).match([[event("1", 1, city="x")], []], last)

    ask()
    networks = sum(map(len, correlate._idle.values()))
    for _ in range(50):
        ask()

    assert sum(map(len, correlate._idle.values())) == networks


def test_a_network_that_failed_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    last = event("2", 2)
    pair = joiner([None, None], within="7s")
    pair.match([[event("1", 1)], []], last)

    asked = durable_rules_engine.start_action_for_state
    with monkeypatch.context() as patch:
        patch.setattr(durable_rules_engine, "start_action_for_state", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pair.match([[event("1", 1)], []], last)

    assert durable_rules_engine.start_action_for_state is asked
    assert pair.match([[event("1", 1)], []], last) is not None
