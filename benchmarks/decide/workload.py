"""The workload that every engine gets: 50 event types, four tests a rule, the same matches per event however many rules there are.

The rules of a type come in pairs that ask for the same store. An event names one store, so it meets one pair by that equality and none of
the others; whether the pair's other three tests hold depends on draws that do not know the number of rules. Thresholds differ from rule to
rule, between the values that events can have, so that no engine can share a test which in life would be different.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

TYPES = 50
SIZES = (100, 1_000, 10_000)
TIERS = ("basic", "silver", "gold", "platinum")
USERS = 10_000


@dataclass(frozen=True, slots=True)
class Rule:
    """`store` is, `tier` is one of, `amount` is at least, `weight` is at most."""

    id: str
    type: str
    store: str
    tiers: tuple[str, ...]
    amount: int
    weight: int


Event = dict[str, Any]


def make_rules(count: int) -> list[Rule]:
    """`count` rules, evenly over the types; a multiple of 2 * TYPES."""
    if count % (2 * TYPES):
        raise ValueError(f"{count} is no multiple of {2 * TYPES}")
    rules = []
    for number in range(count):
        type, place = number % TYPES, number // TYPES
        missing = TIERS[place % 2]
        rules.append(
            Rule(
                id=f"rule-{number:05}",
                type=f"type.t{type:02}",
                store=f"store {place // 2}",
                tiers=tuple(tier for tier in TIERS if tier != missing),
                amount=2_000 - place % 90,  # amounts are whole hundreds, so all of these mean "2,000 at least"
                weight=9_000 + place % 900,  # weights are whole thousands
            )
        )
    return rules


def make_events(rules: int, count: int, seed: int = 1) -> list[Event]:
    """Events for so many rules. The same seed gives the same draws at every size."""
    draw = random.Random(seed)
    stores = rules // TYPES // 2
    events = []
    for number in range(count):
        events.append(
            {
                "type": f"type.t{draw.randrange(TYPES):02}",
                "store": f"store {int(draw.random() * stores)}",
                "tier": draw.choice(TIERS),
                "amount": draw.randrange(100) * 100,
                "weight": draw.randrange(1, 11) * 1_000,
                "id": f"e{number}",
                "user": f"u{draw.randrange(USERS)}",
            }
        )
    return events


def in_one_set(rules: Sequence[Rule], events: Sequence[Event]) -> tuple[list[Rule], list[Event]]:
    """The same with nothing chosen by event type beforehand: one type for all, the store's name says which it was. The same rules match,
    by as many tests.
    """
    return (
        [replace(rule, type="all", store=f"{rule.type} {rule.store}") for rule in rules],
        [{**event, "type": "all", "store": f"{event['type']} {event['store']}"} for event in events],
    )


def by_type(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    """The rules of each event type: every engine is asked about those of the event's type only."""
    types: dict[str, list[Rule]] = {}
    for rule in rules:
        types.setdefault(rule.type, []).append(rule)
    return types


def expected(rules: Sequence[Rule], events: Sequence[Event]) -> list[list[str]]:
    """Which rules match each event, in order of id, in plain Python."""
    places: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        places.setdefault((rule.type, rule.store), []).append(rule)
    return [
        sorted(
            rule.id
            for rule in places.get((event["type"], event["store"]), ())
            if event["tier"] in rule.tiers and event["amount"] >= rule.amount and event["weight"] <= rule.weight
        )
        for event in events
    ]
