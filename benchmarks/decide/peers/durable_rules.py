"""durable_rules, one ruleset per event type. Facts, not events: an event would fire one rule only.

The host is made without its threads, which poll every 0.2 s and would be measured too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable import engine

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "durable_rules (matching)"
PACKAGE = "durable_rules"


class _Host(engine.Host):  # type: ignore[misc]
    def _run(self) -> None:
        pass


def prepare(rules: Sequence[Rule]) -> tuple[_Host, list[str]]:
    found: list[str] = []
    host = _Host()
    for type, members in by_type(rules).items():
        host.set_rulesets({type: {rule.id: _definition(rule, found) for rule in members}})
    return host, found


def _definition(rule: Rule, found: list[str]) -> dict[str, Any]:
    tests = [
        {"store": rule.store},
        {"$or": [{"tier": tier} for tier in rule.tiers]},
        {"$gte": {"amount": rule.amount}},
        {"$lte": {"weight": rule.weight}},
    ]

    def fire(_: Any) -> None:
        found.append(rule.id)

    return {"all": [{"m": {"$and": tests}}], "run": fire}


def run(prepared: tuple[_Host, list[str]], events: Sequence[Event]) -> list[list[str]]:
    host, found = prepared
    matches = []
    for event in events:
        try:
            host.assert_fact(event["type"], event)
            host.retract_fact(event["type"], event)
        except engine.MessageNotHandledException:  # no rule wanted it; it is not kept either
            pass
        matches.append(sorted(found))
        found.clear()
    return matches
