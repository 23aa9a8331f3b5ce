"""CEL (common-expression-language, in Rust), the compiled programs of the event's type one after another on one context per event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cel

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "CEL (matching)"
PACKAGE = "common-expression-language"


def prepare(rules: Sequence[Rule]) -> dict[str, list[tuple[str, Any]]]:
    return {type: [(rule.id, cel.compile(_text(rule)).execute) for rule in members] for type, members in by_type(rules).items()}


def _text(rule: Rule) -> str:
    tiers = ", ".join(f"'{tier}'" for tier in rule.tiers)
    return f"store == '{rule.store}' && tier in [{tiers}] && amount >= {rule.amount} && weight <= {rule.weight}"


def run(prepared: dict[str, list[tuple[str, Any]]], events: Sequence[Event]) -> list[list[str]]:
    matches = []
    for event in events:
        context = cel.Context(variables=event)
        matches.append(sorted(id for id, execute in prepared[event["type"]] if execute(context)))
    return matches
