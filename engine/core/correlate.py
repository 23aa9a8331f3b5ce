"""Sequence and together: which events of a short window belong together. The only place that touches durable_rules.

durable_rules is a Rete network: it finds the combinations of events whose fields agree. It sees nothing of the events but small integers:
before each judgement the joined values are replaced by their rank among the values at hand, which keeps equality and order and leaves no
number, string or missing value for it to coerce. Every combination it names is then checked again by the compiled conditions, so that a
doubtful answer costs time and never makes a wrong match. What else is guarded, and why: docs/decisions/correlate.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import combinations, product
from math import prod
from typing import Any

import durable_rules_engine  # type: ignore[import-not-found, import-untyped, unused-ignore]  # the native module ships no types

from engine.core.facts import Event, Scope
from engine.core.fields import Fields, Reader
from rules.model import All, AnyOf, Condition, JoinTrigger, Leaf, NoneOf, Not, Ref

Test = Callable[[Scope], bool]
Identity = tuple[str, str]  # (source, id)

MAX_STEPS = 16  # of one trigger: a match of durable_rules has no room for more
_COMBINATIONS = 150  # that one look at the network may find; where there could be more, several looks are taken
_CONSTRAINTS = 24  # of one step; the network refuses 32. The rest is left to the second check
_MISSING = 0  # the code of a missing value; ranks count from 1

# Operators that the network knows, and the same seen from the other side.
_OPERATORS = {"is": "$eq", "is_not": "$neq", "at_least": "$gte", "at_most": "$lte", "above": "$gt", "below": "$lt"}
_MIRRORED = {"$eq": "$eq", "$neq": "$neq", "$gte": "$lte", "$lte": "$gte", "$gt": "$lt", "$lt": "$gt"}
# Values of one group are ranked together. Other types, and pairs of unlike groups, are left to the compiled conditions.
_GROUPS = {
    "string": "text", "link": "text", "phone": "phone", "integer": "number", "number": "number", "boolean": "boolean", "date": "date",
    "datetime": "datetime",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a step's events that takes part in a join; `name` is what the network calls it."""

    name: str
    step: int
    group: str
    read: Reader


@dataclass(frozen=True, slots=True)
class Join:
    """`left operator right`, the operator in durable_rules' words."""

    left: Column
    operator: str
    right: Column


@dataclass(frozen=True, slots=True)
class _Seen:
    """A candidate and its place among all of them by (time, arrival)."""

    rank: int
    event: Event


@dataclass(frozen=True, slots=True)
class _Match:
    """`preference`: of two matches the one with the greater is taken."""

    preference: tuple[tuple[int, ...], ...]
    events: tuple[Event, ...]


class Joiner:
    """Finds the events that complete one `sequence` or `together`. Built once per trigger; keeps no events between calls.

    `fields` are those that the steps may read (`alias.*`). `tests` has per step the compiled closure of its whole `when` (None: there is
    none), called with a Scope that holds the event of every alias.
    """

    def __init__(self, trigger: JoinTrigger, fields: Fields, tests: Sequence[Test | None] = (), zone: tzinfo = UTC) -> None:
        if len(trigger.steps) > MAX_STEPS:
            raise ValueError(f"{len(trigger.steps)} steps, but at most {MAX_STEPS} can be joined")
        self._ordered = trigger.ordered
        self._within = trigger.within.micros
        self._zone = zone
        self._aliases = tuple(step.alias for step in trigger.steps)
        self._types = tuple(step.event for step in trigger.steps)
        self._tests = tuple(test for test in tests if test is not None)
        self.joins = tuple(_joins(trigger, fields))  # what the network compares
        self._columns = tuple({side.name: side for join in self.joins for side in (join.left, join.right)}.values())
        tied = [aliases for step in trigger.steps if len(aliases := {step.alias, *_aliases_read(step.when)}) > 1]
        self._tied = frozenset(alias for aliases in tied for alias in aliases)
        self._definitions = tuple(_definition(at, self._types, self.joins, self._ordered) for at in range(len(self._types)))

    def match(
        self,
        candidates: Sequence[Sequence[Event]],
        completing: Event,
        disorder: int = 0,
        arrived: Sequence[Event] = (),
        scope: Scope | None = None,
    ) -> tuple[Event, ...] | None:
        """One event per step, the completing one among them; None when nothing fits.

        `candidates`: per step the unused earlier events that pass the step's own test. The completing event is the last to have arrived; it
        is tried in the steps of its type (of a sequence, the last step only). `disorder`, in microseconds: by how much it may have arrived
        after a partner that is later in event time. `arrived`: the candidates in one line, in order of arrival; it says which of two events
        of different steps came first when `time` and `received` are equal (left out: the one of the earlier step). `scope`: what else the
        tests read, that is `now` and the user.
        """
        last = len(self._types) - 1
        scope = scope or Scope(completing.received, self._zone, completing)
        ranks: dict[Identity, int] | None = None
        best: _Match | None = None
        for step in (last,) if self._ordered else range(last + 1):
            if self._types[step] == completing.type and all(events for at, events in enumerate(candidates) if at != step):
                ranks = ranks or _ranks(candidates, completing, arrived)
                found = self._complete(step, self._choices(step, candidates, completing, ranks, disorder), scope)
                if found is not None and (best is None or found.preference > best.preference):
                    best = found
        return None if best is None else best.events

    def _choices(
        self, step: int, candidates: Sequence[Sequence[Event]], completing: Event, ranks: Mapping[Identity, int], disorder: int
    ) -> list[list[_Seen]]:
        """Per step the events that can stand beside the completing one in `step`, the latest first."""

        def fits(event: Event) -> bool:
            if _identity(event) == _identity(completing):
                return False
            if event.time <= completing.time:
                return event.time > completing.time - self._within
            in_reach = completing.time > event.time - self._within and completing.received - event.received <= disorder
            return in_reach and not self._ordered

        choices: list[list[_Seen]] = []
        for at, events in enumerate(candidates):
            fitting = [completing] if at == step else filter(fits, events)
            seen = sorted((_Seen(ranks[_identity(event)], event) for event in fitting), key=_rank, reverse=True)
            if not self._ordered and self._aliases[at] not in self._tied and self._types.count(self._types[at]) == 1:
                # Nothing ties this step to another, so of its events up to the completing one only the latest can be preferred.
                later = sum(one.event.time > completing.time for one in seen)
                seen = seen[: later + 1]
            choices.append(seen)
        return choices

    def _complete(self, step: int, choices: list[list[_Seen]], scope: Scope) -> _Match | None:
        """The preferred match with the completing event in `step`."""
        if not all(choices):
            return None
        facts = self._facts(choices)
        best: _Match | None = None
        for look in _looks(choices, self._ordered):
            for match in sorted(self._found(step, look, facts), key=_preference, reverse=True):
                if best is not None and best.preference >= match.preference:
                    break
                if self._holds(match.events, scope):
                    best = match
                    break
            if best is not None and self._ordered:
                break  # these looks come in order of preference
        return best

    def _found(self, step: int, look: list[list[_Seen]], facts: Mapping[tuple[int, int], str]) -> Iterator[_Match]:
        by_rank = {one.rank: one.event for seen in look for one in seen}
        for ranks in _ask(self._definitions[step], [facts[at, one.rank] for at, seen in enumerate(look) for one in seen]):
            partners = tuple(sorted(ranks[:step] + ranks[step + 1 :], reverse=True))
            preference = (ranks[::-1],) if self._ordered else (partners, ranks[::-1])
            yield _Match(preference, tuple(by_rank[rank] for rank in ranks))

    def _holds(self, events: tuple[Event, ...], scope: Scope) -> bool:
        """The second check, without the network. (The order of a sequence needs none: `_looks` keeps to ranks.)"""
        times = [event.time for event in events]
        if min(times) <= max(times) - self._within or len({_identity(event) for event in events}) < len(events):
            return False
        if not self._tests:
            return True
        aliases = dict(zip(self._aliases, events, strict=True))
        whole = Scope(scope.now, scope.zone, scope.event, scope.user, aliases, scope.locale)
        return all(test(whole) for test in self._tests)

    def _facts(self, choices: list[list[_Seen]]) -> dict[tuple[int, int], str]:
        """Per (step, rank) the fact: `s` its step, `e` its rank, `w` and `v` where its window starts and ends, and the columns' codes."""
        values: dict[tuple[str, int], Any] = {}
        by_group: dict[str, set[Any]] = {}
        for column in self._columns:
            alias = self._aliases[column.step]
            for one in choices[column.step]:
                value = column.read(Scope(one.event.received, self._zone, aliases={alias: one.event}))
                values[column.name, one.rank] = value
                if value is not None:
                    by_group.setdefault(column.group, set()).add(value)
        codes = {group: {value: code for code, value in enumerate(sorted(found), 1)} for group, found in by_group.items()}
        start = min(one.event.time for seen in choices for one in seen)
        facts: dict[tuple[int, int], str] = {}
        for at, seen in enumerate(choices):
            for one in seen:
                since = one.event.time - start
                fact = {"id": str(len(facts)), "s": at, "e": one.rank, "w": since, "v": since + self._within}
                for column in self._columns:
                    if column.step == at and (value := values[column.name, one.rank]) is not None:
                        fact[column.name] = codes[column.group][value]
                    elif column.step == at:
                        fact[column.name] = _MISSING
                facts[at, one.rank] = json.dumps(fact)
        return facts


# ---- what the conditions say of several events -----------------------------------------------------------------------------------------


def _joins(trigger: JoinTrigger, fields: Fields) -> Iterator[Join]:
    """The comparisons that must hold between fields of two steps, as far as the network can make them.

    Only what stands alone or in an `all` must hold. The network may be more generous than the language (a missing value equals a missing
    one there), never stricter: it must not lose a match.
    """
    step_of = {step.alias: at for at, step in enumerate(trigger.steps)}
    columns: dict[str, Column] = {}

    def column(name: str) -> Column | None:
        if name not in columns and name in fields:
            field = fields[name]
            if field.root in step_of and field.type in _GROUPS:
                columns[name] = Column(f"x{len(columns)}", step_of[field.root], _GROUPS[field.type], field.read)
        return columns.get(name)

    for step in trigger.steps:
        for leaf in _leaves(step.when):
            for operator, operand in _comparisons(leaf):
                left, right = column(leaf.field), column(operand.field)
                if left and right and left.step != right.step and left.group == right.group:
                    yield Join(left, operator, right)


def _leaves(condition: Condition | None) -> Iterator[Leaf]:
    if isinstance(condition, Leaf):
        yield condition
    elif isinstance(condition, All):
        for item in condition.items:
            yield from _leaves(item)


def _comparisons(leaf: Leaf) -> Iterator[tuple[str, Ref]]:
    if leaf.op in _OPERATORS and isinstance(leaf.operand, Ref):
        yield _OPERATORS[leaf.op], leaf.operand
    elif leaf.op == "between" and isinstance(leaf.operand, tuple):
        for operator, operand in zip(("$gte", "$lte"), leaf.operand, strict=True):
            if isinstance(operand, Ref):
                yield operator, operand


def _aliases_read(condition: Condition | None) -> Iterator[str]:
    """The first words of all fields that a condition reads."""
    if isinstance(condition, Leaf):
        operands = condition.operand if isinstance(condition.operand, tuple) else (condition.operand,)
        for name in (condition.field, *(operand.field for operand in operands if isinstance(operand, Ref))):
            yield name.partition(".")[0]
    elif isinstance(condition, All | AnyOf | NoneOf):
        for item in condition.items:
            yield from _aliases_read(item)
    elif isinstance(condition, Not):
        yield from _aliases_read(condition.item)


# ---- the order of events -----------------------------------------------------------------------------------------------------------------


def _identity(event: Event) -> Identity:
    return event.source, event.id


def _rank(seen: _Seen) -> int:
    return seen.rank


def _preference(match: _Match) -> tuple[tuple[int, ...], ...]:
    return match.preference


def _ranks(candidates: Sequence[Sequence[Event]], completing: Event, arrived: Sequence[Event]) -> dict[Identity, int]:
    """The place of every event by (time, arrival), the completing event being the last to arrive."""
    line = [event for events in candidates for event in events]
    times = {_identity(event): event.time for event in [*line, completing]}
    arrival = {_identity(event): at for at, event in enumerate(arrived or sorted(line, key=lambda event: event.received))}
    arrival[_identity(completing)] = len(arrival) + len(line)
    return {identity: at for at, identity in enumerate(sorted(times, key=lambda identity: (times[identity], arrival[identity])))}


def _looks(choices: list[list[_Seen]], ordered: bool) -> Iterator[list[list[_Seen]]]:
    """The choices in portions of few combinations, the preferred first: the last steps are held at one event each."""
    held: list[int] = []
    for at in reversed(range(len(choices))):
        if prod(len(seen) for other, seen in enumerate(choices) if other not in held) <= _COMBINATIONS:
            break
        held.append(at)
    for events in product(*(choices[at] for at in held)):
        look = list(choices)
        for at, one in zip(held, events, strict=True):
            look[at] = [one]
        if ordered:
            look = _in_order(look)
        if all(look):
            yield look


def _in_order(look: list[list[_Seen]]) -> list[list[_Seen]]:
    """Without the events that have none before them in the step before, or none after them in the step after."""
    least = -1
    for at, seen in enumerate(look):
        look[at] = seen = [one for one in seen if one.rank > least]
        least = min((one.rank for one in seen), default=least)
    most = max((one.rank for one in look[-1]), default=0) + 1
    for at in reversed(range(len(look))):
        look[at] = seen = [one for one in look[at] if one.rank < most]
        most = max((one.rank for one in seen), default=most)
    return look


# ---- durable_rules -----------------------------------------------------------------------------------------------------------------------

# Native networks by definition, those that are at work taken out. They hold nothing between two questions, so nobody can tell which one
# answers; they are kept because the library does not give back all memory of a network that is deleted.
_idle: dict[str, list[int]] = {}


def _definition(completing: int, types: tuple[str, ...], joins: tuple[Join, ...], ordered: bool) -> str:
    """The network as durable_rules' JSON: the completing step first, then the others from the last to the first."""
    order = [completing, *(at for at in reversed(range(len(types))) if at != completing)]
    wanted: dict[int, list[Any]] = {at: [{"s": at}] for at in order}
    for later, earlier in ((order[j], order[i]) for i, j in combinations(range(len(order)), 2)):
        between = [(join.left, join.operator, join.right) for join in joins if (join.left.step, join.right.step) == (later, earlier)]
        between += [
            (join.right, _MIRRORED[join.operator], join.left) for join in joins if (join.left.step, join.right.step) == (earlier, later)
        ]
        wanted[later] += [_compare(mine.name, operator, earlier, other.name) for mine, operator, other in between]
        if ordered and abs(later - earlier) == 1:
            wanted[later].append(_compare("e", "$lt" if later < earlier else "$gt", earlier, "e"))
        elif not ordered:
            if types[later] == types[earlier]:
                wanted[later].append(_compare("e", "$neq", earlier, "e"))
            if earlier != completing:  # those that can stand beside the completing event were chosen before
                wanted[later] += [_compare("w", "$lt", earlier, "v"), _compare("v", "$gt", earlier, "w")]
    for later in order[1:]:
        # When the last comparison of a step fails, the library reads on past its end; so the last one is one that always holds.
        wanted[later][_CONSTRAINTS:] = [_compare("s", "$neq", completing, "s")]
    patterns = [{f"m{at}": {"$and": wanted[at]}} for at in order]
    return json.dumps({"join": {"all": patterns, "cap": 10 * _COMBINATIONS}, "prime": {"all": [{"m": {"prime": 1}}], "cap": 1}})


def _compare(mine: str, operator: str, step: int, other: str) -> dict[str, Any]:
    comparison = {mine: {f"m{step}": other}}
    return comparison if operator == "$eq" else {operator: comparison}


def _ask(definition: str, facts: list[str]) -> list[tuple[int, ...]]:
    """The combinations of facts that fit, each as the events' ranks by step. The network is empty again afterwards."""
    idle = _idle.setdefault(definition, [])
    try:
        network = idle.pop()
    except IndexError:
        network = _new_network(definition)
    state = 0
    for fact in facts:
        _, state = durable_rules_engine.assert_fact(network, fact)
    started = durable_rules_engine.start_action_for_state(network, state)
    # Facts are not retracted one by one: the library does not unhook them from matches that were read, and then writes astray.
    durable_rules_engine.delete_state(network, None)
    idle.append(network)  # not reached after an error: a network in doubt is not used again
    matches = json.loads(started[1])["join"] if started else []
    return [tuple(match[f"m{at}"]["e"] for at in range(len(match))) for match in matches]


def _new_network(definition: str) -> int:
    network: int = durable_rules_engine.create_ruleset("join", definition)
    # The library frees, with a session, the answer that was read from it, without having looked whether there was one. The first session
    # of a network is therefore one with an answer; later sessions take its place in memory and are clean.
    _, state = durable_rules_engine.assert_fact(network, '{"id": "0", "prime": 1}')
    durable_rules_engine.start_action_for_state(network, state)
    durable_rules_engine.delete_state(network, None)
    return network
