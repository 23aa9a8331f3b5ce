"""An audience as SQL leaves out nobody whom the closure accepts, and lets through few others where it can tell."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.compile import compile_book
from engine.core.conditions import compile_condition
from engine.core.facts import Event, Scope, UserCell
from engine.core.fields import Fields
from engine.core.operators import kind_of
from engine.core.plan import BookPlan
from engine.core.scopes import event_fields, merged, user_fields
from engine.core.traits import CompiledTrait, trait_type
from engine.core.zones import format_instant, zone
from engine.store import audience, people, schema
from engine.store.store import Store
from rules.checking import load_book
from rules.model import DAY, All, AnyOf, Condition, Duration, InSegment, Leaf, NoneOf, Not, Ref

from .conftest import KINDS, database

NOW = 1_781_000_000_000_000  # June 2026
BOOK = """
book: {id: b, timezone: Asia/Shanghai}
events:
  paid: {data: {amount: number, city: string, day: date, when: datetime, ok: boolean, tags: list}}
  opened:
    broadcast: true
    data:
      city: {type: string, optional: true}
      limit: {type: number, optional: true}
      cities: {type: list, optional: true}
      day: {type: date, optional: true}
user:
  attributes:
    city: string
    usual: string
    tier: {type: string, enum: [basic, gold]}
    score: number
    level: integer
    member: boolean
    birthday: date
    seen: datetime
    tags: list
    城市: string
    home: {type: object, properties: {city: string, floor: integer}}
  traits:
    last_at: {on: paid, take: latest, of: event.time}
    first_city: {on: paid, take: first, of: event.city}
    last_day: {on: paid, take: latest, of: event.day}
    last_ok: {on: paid, take: latest, of: event.ok}
    last_tags: {on: paid, take: latest, of: event.tags}
    paid: {on: paid, take: count}
    paid_7d: {on: paid, take: count, within: 7d}
    spent: {on: paid, take: sum, of: event.amount}
    spent_7d: {on: paid, take: sum, of: event.amount, within: 7d}
    most: {on: paid, take: max, of: event.amount}
    first_day: {on: paid, take: min, of: event.day}
    cities: {on: paid, take: distinct, of: event.city}
    days: {on: paid, take: distinct, of: event.day}
segments:
  big: {name: 大, when: {user.spent: {at_least: 100}}}
  home: {name: 家, when: {user.city: {ref: user.usual}}}
"""


@cache
def plan() -> BookPlan:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "book.yaml").write_text(BOOK, encoding="utf-8")
        checked = load_book(Path(folder))
    assert checked.book is not None, checked
    return compile_book(checked.book)


@cache
def fields() -> Fields:
    book = plan().book
    traits = {}
    for name, trait in book.traits.items():
        events = event_fields([book.events[one] for one in trait.events], plan().zone)
        of = events[trait.of] if trait.of is not None else None
        value = of.read if of is not None and trait.take != "count" else None
        compiled = CompiledTrait(name, trait.take, trait.within.micros if trait.within else None, None, value)
        traits[name] = (compiled, trait_type(trait, of.type if of is not None else "number"))
    return merged(user_fields(book.attributes, traits, plan().zone), event_fields([book.events["opened"]], plan().zone))


# ---- people and conditions by chance ---------------------------------------------------------------------------------------------------

CITIES = ("上海", "北京", "上", "", "Z", "a", "😀", "\uffff", "\0", "5", "true", "null", "2026-06-01", "it's", '"', "\\", "%", "x" * 700)
NUMBERS = (
    0, 1, 5, -1, 5.0, 0.1, 0.30000000000000004, 99.99, 100, 100.00000000000001, 1e308, -1e308, 5e-324, 1e-200, 2**53, 2**53 + 1, 2**63 - 1,
    -(2**63), 1e16, 123456789.123456789,
)  # fmt: skip
DAYS = tuple(date(2026, 6, 9) + timedelta(days=days) for days in (-400, -30, -7, -3, -2, -1, 0, 1, 2, 3, 7, 30))
INSTANTS = tuple(NOW + days * DAY + off for days in (-31, -30, -29, -7, -1, 0, 1, 6, 7, 8) for off in (-1, 0, 1, 3_600_000_000))

texts = st.sampled_from(CITIES)
values = st.one_of(
    st.none(), texts, st.sampled_from(NUMBERS), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1),
    st.booleans(), st.sampled_from(DAYS).map(str), st.sampled_from(("2026-06-01T10:00+08:00", "2026-02-30", "2026-6-1")),
    st.lists(st.one_of(texts, st.sampled_from(NUMBERS), st.booleans(), st.none()), max_size=3), st.fixed_dictionaries({"city": texts}),
    st.fixed_dictionaries({"city": st.integers(0, 3), "floor": st.sampled_from(NUMBERS)}), st.just([{"city": "上海"}]), st.just({}),
)  # fmt: skip
numbers = st.one_of(st.sampled_from(NUMBERS), st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-1000, 1000))
instants = st.sampled_from(INSTANTS)
written = instants.map(format_instant)
homes = st.fixed_dictionaries({"city": texts, "floor": numbers})
TYPED: dict[str, st.SearchStrategy[Any]] = {
    "city": texts, "usual": texts, "tier": texts, "城市": texts, "score": numbers, "level": st.integers(-5, 5), "member": st.booleans(),
    "birthday": st.sampled_from(DAYS).map(str), "tags": st.lists(texts, max_size=3), "seen": written, "home": homes,
}  # fmt: skip
STATES: dict[str, st.SearchStrategy[Any]] = {
    "last_at": st.tuples(instants, instants),
    "first_city": st.tuples(instants, texts),
    "last_day": st.tuples(instants, st.sampled_from(DAYS)),
    "last_ok": st.tuples(instants, st.booleans()),
    "last_tags": st.tuples(instants, st.lists(texts, max_size=3)),
    "paid": st.integers(0, 5),
    "paid_7d": st.lists(instants, max_size=4).map(lambda times: tuple((time, True) for time in sorted(times))),
    "spent": st.one_of(numbers, st.sampled_from((float("inf"), 2**70))),
    "spent_7d": st.lists(st.tuples(instants, numbers), max_size=3).map(lambda pairs: tuple(sorted(pairs))),
    "most": numbers,
    "first_day": st.sampled_from(DAYS),
    "cities": st.lists(texts, max_size=3, unique=True).map(tuple),
    "days": st.lists(st.sampled_from(DAYS), max_size=3, unique=True).map(tuple),
}


@st.composite
def users(draw: st.DrawFn, asked: frozenset[str] = frozenset()) -> UserCell:
    """Somebody of whom most of what is `asked` is known, mostly of the declared type."""
    timezone = draw(st.sampled_from((None, "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York")))
    cell = UserCell("u", zone(timezone) if timezone is not None else plan().zone)
    cell.timezone = timezone
    cell.phone = draw(st.sampled_from((None, "+8613800138000", "+12025550123")))
    cell.locale = draw(st.sampled_from((None, "zh_CN", "", "x" * 700)))
    named = {name.split(".")[1] for name in asked if name.startswith("user.")}
    chosen = sorted(name for name in named if draw(st.integers(0, 7)))
    cell.attributes = {name: draw(TYPED[name] if draw(st.integers(0, 3)) else values) for name in chosen if name in plan().book.attributes}
    cell.traits = {name: draw(STATES[name]) for name in chosen if name in STATES}
    return cell


OF_KIND: dict[str, st.SearchStrategy[Any]] = {
    "text": texts, "number": numbers, "boolean": st.booleans(), "date": st.sampled_from(DAYS).map(str), "list": st.one_of(texts, numbers),
    "instant": instants.map(format_instant), "object": texts,
}  # fmt: skip
ANY_VALUE = st.one_of(texts, st.sampled_from(NUMBERS), st.booleans(), st.sampled_from(DAYS).map(str), st.just("2026-05-10T00:00Z"))
REFERENCES = (
    "user.usual",
    "user.city",
    "user.score",
    "user.first_city",
    "user.phone",
    "event.city",
    "event.limit",
    "event.cities",
    "event.day",
)
LENGTHS = st.sampled_from([Duration(*one) for one in ((30, "d"), (720, "h"), (1, "w"), (0, "s"), (7, "d"), (1, "d"), (9_999_999, "d"))])
ORDERS = ("at_least", "at_most", "above", "below", "between")
SAME = ("is", "is_not", "in", "not_in")
OPERATORS = {
    "text": (*SAME, *ORDERS, "contains", "starts_with", "ends_with", "matches"), "number": (*SAME, *ORDERS), "boolean": SAME,
    "date": (*SAME, *ORDERS, "older_than", "newer_than", "within_next", "on_date"), "list": ("contains",), "object": ("exists",),
    "instant": (*ORDERS, "older_than", "newer_than", "within_next", "same_day_as"),
}  # fmt: skip
EVERY_OPERATOR = sorted({"exists"}.union(*OPERATORS.values()))
NAMES = [f"user.{name}" for name in sorted({*plan().book.traits, *plan().book.attributes})]
NAMES += [
    "user.id",
    "user.phone",
    "user.timezone",
    "user.locale",
    "user.home.city",
    "user.home.floor",
    "event.city",
    "event.limit",
    "event.day",
]


@st.composite
def leaves(draw: st.DrawFn) -> Condition:
    """A leaf as people write it, mostly; sometimes any operator and any operand on any field."""
    name = draw(st.sampled_from(NAMES))
    kind = kind_of(fields()[name])
    sensible = draw(st.integers(0, 4)) > 0
    op = draw(st.sampled_from((*OPERATORS[kind], "exists") if sensible else EVERY_OPERATOR))
    value = OF_KIND[kind] if sensible else ANY_VALUE
    reference = st.sampled_from(REFERENCES).map(Ref)
    one = st.one_of(value, value, value, reference)
    if op in ("older_than", "newer_than", "within_next"):
        operand = draw(LENGTHS)
    elif op == "exists":
        operand = draw(st.booleans())
    elif op == "matches":
        operand = draw(st.sampled_from(("上", "^a", "5|Z", "")))
    elif op in ("on_date", "same_day_as"):
        operand = draw(st.sampled_from(("today", "2026-06-09") if op == "on_date" else ("2026-06-09", "2026-06-08T20:00+08:00")))
    elif op in ("in", "not_in"):
        operand = draw(st.one_of(st.lists(one, min_size=1, max_size=3).map(tuple), st.just(Ref("event.cities"))))
    elif op == "between":
        operand = draw(st.tuples(one, one))
    else:
        operand = draw(one)
    return Leaf((), name, op, operand)


def asked_by(condition: Condition) -> frozenset[str]:
    """The fields that a condition reads."""
    return compile_condition(condition, fields(), plan().segments, plan().zone).reads


conditions = st.recursive(
    st.one_of(leaves(), leaves(), st.sampled_from(("big", "home")).map(lambda name: InSegment((), name))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: All((), tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: AnyOf((), tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: NoneOf((), tuple(items))),
        inner.map(lambda item: Not((), item)),
    ),
    max_leaves=5,
)
broadcasts = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {}, optional={"city": texts, "limit": numbers, "cities": st.lists(texts, max_size=3), "day": st.sampled_from(DAYS).map(str)}
    ).map(lambda data: Event("e", "opened", NOW, data)),
)


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store of each kind for many trials, each of which is taken back."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with database(request.param, tmp_path_factory.mktemp("audience"), server) as address:
        made = Store(address)
        made.migrate()
        yield made
        made.close()


class TakeBack(Exception):
    """Ends a transaction without a trace."""


def selected(store: Store, condition: Condition, crowd: list[UserCell], event: Event | None = None) -> set[str]:
    """Whom SQL lets through."""
    found: set[str] = set()
    for number, cell in enumerate(crowd):
        cell.id = f"u{number}"
    try:
        with store.write() as tx:
            people.save(tx, "live", crowd)
            where = audience.where(condition, plan(), fields(), NOW, event)
            found = {user for _, user in people.page(tx, "live", where)}
            raise TakeBack
    except TakeBack:
        return found


def accepted(condition: Condition, crowd: list[UserCell], event: Event | None = None) -> set[str]:
    """Whom the closure accepts."""
    test = compile_condition(condition, fields(), plan().segments, plan().zone).test
    found = set()
    for number, cell in enumerate(crowd):
        cell.id = f"u{number}"
        if test(Scope(NOW, cell.zone, event, cell)):
            found.add(cell.id)
    return found


@st.composite
def trials(draw: st.DrawFn, asked: st.SearchStrategy[Condition]) -> tuple[Condition, list[UserCell], Event | None]:
    condition = draw(asked)
    crowd = draw(st.lists(users(asked_by(condition)), min_size=1, max_size=8))
    return condition, crowd, draw(broadcasts)


def lost(store: Store, trial: tuple[Condition, list[UserCell], Event | None]) -> set[str]:
    """Who is accepted and not selected."""
    condition, crowd, event = trial
    if event is None and any(name.startswith("event.") for name in asked_by(condition)):
        event = Event("e", "opened", NOW, {})  # such a rule is never asked without an event
        assert accepted(condition, crowd, event) <= selected(store, condition, crowd, None)
    return accepted(condition, crowd, event) - selected(store, condition, crowd, event)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(trial=trials(conditions))
def test_sql_never_loses_a_user_whom_the_closure_accepts(shared: Store, trial: Any) -> None:
    assert not lost(shared, trial)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(trial=trials(leaves()))
def test_nor_by_a_single_leaf_or_its_opposite(shared: Store, trial: Any) -> None:
    leaf, crowd, event = trial

    assert not lost(shared, trial)
    assert not lost(shared, (Not((), leaf), crowd, event))


# ---- every operator on every field, at the edges ---------------------------------------------------------------------------------------

EDGES: dict[str, list[Any]] = {
    "text": ["上海", "上", "", "a", "\0", "x" * 700, "海", "5", "Z", "\uffff"],
    "number": [0, 5, 0.30000000000000004, 100, 2**53 + 1, 1e308, 5e-324],
    "boolean": [True, False],
    "date": [str(day) for day in DAYS[1:11:2]],
    "instant": [format_instant(instant) for instant in INSTANTS[::7]],
    "list": ["上海", "5", 5, True, "2026-06-09"],
    "object": ["a"],
}
SPANS = [Duration(*one) for one in ((30, "d"), (720, "h"), (7, "d"), (2, "d"), (0, "s"), (9_999_999, "d"))]


def every_operand(kind: str, op: str) -> list[Any]:
    if op in ("older_than", "newer_than", "within_next"):
        return list(SPANS)
    if op == "between":
        return [(low, high) for low in EDGES[kind][:3] for high in EDGES[kind][:3]]
    if op in ("in", "not_in"):
        return [(edge,) for edge in EDGES[kind]] + [tuple(EDGES[kind][:3])]
    fixed = {"exists": [True, False], "matches": ["上", "^a"], "on_date": ["today", "2026-06-09"], "same_day_as": ["2026-06-09"]}
    return fixed.get(op, EDGES[kind])


def everybody(name: str) -> list[UserCell]:
    """Somebody with each value that the field might have, and somebody without one."""
    _, _, inner = name.partition(".")
    outer, *deeper = inner.split(".")
    crowd = [person()]
    if outer in STATES:
        at = plan().book.traits[outer]
        kind = kind_of(fields()[name])
        some: tuple[Any, ...] = {"text": CITIES, "number": NUMBERS, "date": DAYS, "instant": INSTANTS, "boolean": (True, False)}.get(
            kind, ()
        )
        if outer == "last_tags":
            some = tuple((NOW, [one]) for one in (*CITIES, *NUMBERS))
        elif at.within is not None:
            some = tuple(tuple((instant, 5) for instant in sorted(INSTANTS[:number])) for number in range(0, len(INSTANTS), 6))
        elif kind == "list":
            some = tuple((one,) for one in (*CITIES, *NUMBERS)) if outer != "days" else tuple((day,) for day in DAYS)
        elif at.take in ("latest", "first"):
            some = tuple((NOW, one) for one in some)
        crowd += [person(**{outer: state}) for state in some]
    else:
        raw = (
            *CITIES,
            *NUMBERS,
            *map(str, DAYS),
            *map(format_instant, INSTANTS[::4]),
            True,
            False,
            None,
            ["上海"],
            [5],
            {"city": "a"},
            "2026-02-30",
        )
        crowd += [person({outer: {deeper[0]: one} if deeper else one}) for one in raw]
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai")
    for number, cell in enumerate(crowd):
        cell.zone = zone(zones[number % 3])
    return crowd


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        if name.split(".")[1] not in ("id", "phone", "timezone", "locale", "limit", "day") and name.startswith("user.")
    ],
)
def test_every_operator_at_the_edges(shared: Store, name: str) -> None:
    """What chance would rarely meet: each value against each operand, and the opposite."""
    kind = kind_of(fields()[name])
    leaves = [Leaf((), name, op, operand) for op in (*OPERATORS[kind], "exists") for operand in every_operand(kind, op)]
    asked = [condition for leaf in leaves for condition in (leaf, Not((), leaf))]
    crowd = everybody(name)
    cells = {}
    for number, cell in enumerate(crowd):
        cell.id = f"u{number}"
        cells[cell.id] = cell

    with shared.write() as tx:
        people.save(tx, "live", crowd)
        for condition in asked:
            test = compile_condition(condition, fields(), plan().segments, plan().zone).test
            wanted = {id for id, cell in cells.items() if test(Scope(NOW, cell.zone, None, cell))}
            found = {id for _, id in people.page(tx, "live", audience.where(condition, plan(), fields(), NOW), limit=10_000)}
            assert wanted <= found, (condition, [cells[id].attributes or cells[id].traits for id in wanted - found])
        tx.execute(sa.delete(schema.people))


# ---- what SQL can tell -----------------------------------------------------------------------------------------------------------------


def person(attributes: dict[str, Any] | None = None, **traits: Any) -> UserCell:
    cell = UserCell("u", UTC)
    cell.phone = "+8613800138000"
    cell.attributes = attributes or {}
    cell.traits = traits
    return cell


EXACT: tuple[tuple[str, Condition, list[UserCell]], ...] = (
    ("five is no text", Leaf((), "user.score", "is", 5), [person({"score": value}) for value in (5, 5.0, "5", True, [5], None, 4.99)]),
    ("true is not 1", Leaf((), "user.member", "is", True), [person({"member": value}) for value in (True, 1, "true", False, [True])]),
    ("false", Leaf((), "user.member", "is", False), [person({"member": value}) for value in (False, 0, None, "", [])] + [person()]),
    ("not 5", Leaf((), "user.level", "is_not", 5), [person({"level": value}) for value in (5, 4, "5", None)] + [person()]),
    ("text", Leaf((), "user.city", "is", "上海"), [person({"city": value}) for value in ("上海", "上海市", ["上海"], None, 1)]),
    ("one of", Leaf((), "user.tier", "in", ("gold", "basic")), [person({"tier": value}) for value in ("gold", "basic", "x", 1)]),
    ("none of", Leaf((), "user.tier", "not_in", ("gold",)), [person({"tier": value}) for value in ("gold", "x", 1)] + [person()]),
    ("code points", Leaf((), "user.city", "above", "Z"), [person({"city": value}) for value in ("a", "Z", "A", "上", "😀", 9)]),
    ("at least", Leaf((), "user.score", "at_least", 100), [person({"score": value}) for value in (100, 99.5, 101, "100", None)]),
    ("between", Leaf((), "user.score", "between", (1, 5)), [person({"score": value}) for value in (0, 1, 3, 5, 6, "3")]),
    ("no orders", Leaf((), "user.paid", "is", 0), [person(), person(paid=0), person(paid=1)]),
    ("spent nothing", Leaf((), "user.spent", "below", 10), [person(), person(spent=9.5), person(spent=10.5)]),
    ("old", Leaf((), "user.last_at", "older_than", Duration(48, "h")), [person(last_at=(0, NOW - d * DAY)) for d in (1, 3)] + [person()]),
    ("bought", Leaf((), "user.cities", "contains", "上海"), [person(cities=("上海", "a")), person(cities=("上",)), person()]),
    ("tag", Leaf((), "user.tags", "contains", "5"), [person({"tags": value}) for value in (["5"], [5], "5", [["5"]], {"5": 1})]),
    ("part", Leaf((), "user.city", "contains", "%"), [person({"city": value}) for value in ("100%", "100", ["%"])]),
    ("begins", Leaf((), "user.city", "starts_with", "上海"), [person({"city": city}) for city in ("上海市", "在上海", "上", 1)]),
    ("ends", Leaf((), "user.city", "ends_with", "海"), [person({"city": value}) for value in ("上海", "海上", "", "海")]),
    ("same", Leaf((), "user.city", "is", Ref("user.usual")), [person({"city": a, "usual": b}) for a, b in ("aa", "ab", (1, 1))]),
    ("moved", Leaf((), "user.city", "is_not", Ref("user.usual")), [person({"city": "a", "usual": u}) for u in ("a", "b", None)]),
    ("known", Leaf((), "user.city", "exists", True), [person({"city": city}) for city in ("a", "", 1, None)] + [person()]),
    ("unknown", Leaf((), "user.city", "exists", False), [person({"city": value}) for value in ("a", 1, None)] + [person()]),
    ("deep", Leaf((), "user.home.city", "is", "a"), [person({"home": value}) for value in ({"city": "a"}, {"city": 1}, ["a"], "a")]),
    ("born", Leaf((), "user.birthday", "is", "2000-01-01"), [person({"birthday": value}) for value in ("2000-01-01", "2000-1-1", 1)]),
    ("segment", InSegment((), "big"), [person(spent=value) for value in (99, 100, 100.5)] + [person()]),
    ("neither", NoneOf((), (Leaf((), "user.city", "is", "a"), Leaf((), "user.member", "is", True))), [person({"city": "a"}), person()]),
    ("number", Leaf((), "user.phone", "is", "+8613800138000"), [person()]),
)  # fmt: skip


@pytest.mark.parametrize(("condition", "crowd"), [row[1:] for row in EXACT], ids=[row[0] for row in EXACT])
def test_what_sql_can_say_is_exact(shared: Store, condition: Condition, crowd: list[UserCell]) -> None:
    """So that a campaign does not read a million people to find a thousand."""
    wanted = accepted(condition, crowd)

    assert selected(shared, condition, crowd) == wanted


@pytest.mark.parametrize("column", ["city", "tags"])
def test_a_broadcast_is_compared_with_its_own_values(shared: Store, column: str) -> None:
    event = Event("e", "opened", NOW, {"city": "上海"})
    crowd = [person({"city": "上海", "tags": ["上海"]}), person({"city": "北京", "tags": []}), person()]
    leaf = Leaf((), f"user.{column}", "is" if column == "city" else "contains", Ref("event.city"))

    assert selected(shared, leaf, crowd, event) == {"u0"}


def test_what_no_database_can_say_is_let_through(shared: Store) -> None:
    crowd = [person({"city": "\0"}), person(spent=float("inf")), person(spent=2**70), person({"city": "b"})]

    assert selected(shared, Leaf((), "user.city", "is", "a"), crowd) == {"u0", "u1", "u2"}
