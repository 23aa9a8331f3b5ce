"""rule-engine, the compiled rules of the event's type one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rule_engine

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "rule-engine (matching)"
PACKAGE = "rule-engine"


def prepare(rules: Sequence[Rule]) -> dict[str, list[tuple[str, Any]]]:
    return {type: [(rule.id, rule_engine.Rule(_text(rule))) for rule in members] for type, members in by_type(rules).items()}


def _text(rule: Rule) -> str:
    tiers = ", ".join(f"'{tier}'" for tier in rule.tiers)
    return f"store == '{rule.store}' and tier in [{tiers}] and amount >= {rule.amount} and weight <= {rule.weight}"


def run(prepared: dict[str, list[tuple[str, Any]]], events: Sequence[Event]) -> list[list[str]]:
    return [sorted(id for id, rule in prepared[event["type"]] if rule.matches(event)) for event in events]
