"""ZEN (GoRules), one decision table per event type that collects all its hits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import zen

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "ZEN decision table (matching)"
PACKAGE = "zen-engine"
FIELDS = ("store", "tier", "amount", "weight")


def prepare(rules: Sequence[Rule]) -> dict[str, Any]:
    engine = zen.ZenEngine()
    return {type: engine.create_decision(json.dumps(_graph(members))) for type, members in by_type(rules).items()}


def _graph(rules: Sequence[Rule]) -> dict[str, Any]:
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": field, "name": field, "field": field} for field in FIELDS],
        "outputs": [{"id": "rule", "name": "rule", "field": "rule"}],
        "rules": [
            {
                "_id": rule.id,
                "store": json.dumps(rule.store),
                "tier": ", ".join(map(json.dumps, rule.tiers)),
                "amount": f">= {rule.amount}",
                "weight": f"<= {rule.weight}",
                "rule": json.dumps(rule.id),
            }
            for rule in rules
        ],
    }
    return {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in"},
            {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
            {"id": "out", "type": "outputNode", "name": "out"},
        ],
        "edges": [
            {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
            {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
        ],
    }


def run(prepared: dict[str, Any], events: Sequence[Event]) -> list[list[str]]:
    matches = []
    for event in events:
        result = prepared[event["type"]].evaluate(event)["result"]
        matches.append(sorted(row["rule"] for row in result))
    return matches
