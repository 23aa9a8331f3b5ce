"""Drools through drools_jpy (Java in this process), one session per event type."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if "JAVA_HOME" not in os.environ and (java := shutil.which("java")):
    os.environ["JAVA_HOME"] = str(Path(java).resolve().parents[1])  # where jpy looks for libjvm
os.environ.setdefault("DROOLS_JPY_JVM_MAXMEM", "2G")

from drools import rule as drools_rule
from drools import ruleset as drools_ruleset

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "Drools, drools_jpy (matching)"
PACKAGE = "drools_jpy"


def prepare(rules: Sequence[Rule]) -> tuple[dict[str, Any], list[str]]:
    found: list[str] = []
    sessions = {}
    for type, members in by_type(rules).items():
        definition = {"name": type, "match_multiple_rules": True, "rules": [{"Rule": _definition(rule)} for rule in members]}
        session = drools_ruleset.Ruleset(type, json.dumps(definition))
        for rule in members:
            session.add_rule(drools_rule.Rule(rule.id, lambda _, id=rule.id: found.append(id)))
        sessions[type] = session
    return sessions, found


def _definition(rule: Rule) -> dict[str, Any]:
    tests = [
        _test("EqualsExpression", "store", {"String": rule.store}),
        _test("ItemInListExpression", "tier", [{"String": tier} for tier in rule.tiers]),
        _test("GreaterThanOrEqualToExpression", "amount", {"Integer": rule.amount}),
        _test("LessThanOrEqualToExpression", "weight", {"Integer": rule.weight}),
    ]
    condition = tests[0]
    for test in tests[1:]:
        condition = {"AndExpression": {"lhs": condition, "rhs": test}}
    action = {"Action": {"action": "none", "action_args": {}}}
    return {"name": rule.id, "condition": {"AllCondition": [condition]}, "actions": [action], "enabled": True}


def _test(operator: str, field: str, value: Any) -> dict[str, Any]:
    return {operator: {"lhs": {"Event": field}, "rhs": value}}


def run(prepared: tuple[dict[str, Any], list[str]], events: Sequence[Event]) -> list[list[str]]:
    sessions, found = prepared
    matches = []
    for event in events:
        sessions[event["type"]].assert_event(json.dumps(event))
        matches.append(sorted(found))
        found.clear()
    return matches


def close(_: Any) -> None:
    drools_ruleset.RulesetCollection.shutdown()
