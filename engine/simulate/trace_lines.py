"""Traces as JSON: `simulate --trace`, and later the console's inspector."""

from __future__ import annotations

from typing import Any

from engine.core.conditions import Node
from engine.core.trace import Trace


def trace_dict(trace: Trace) -> dict[str, Any]:
    """A judgement stage by stage, with its condition trees."""
    return {
        "stages": [{"stage": name, "result": result} for name, result in trace.stages],
        "when": node_dict(trace.when) if trace.when is not None else None,
        "audience": node_dict(trace.audience) if trace.audience is not None else None,
        "text": trace.text,
    }


def node_dict(node: Node) -> dict[str, Any]:
    """A node of a condition tree. `result` null: not evaluated."""
    found: dict[str, Any] = {"path": node.path, "kind": node.kind, "result": node.result}
    if node.kind == "leaf":
        found |= {"field": node.field, "op": node.op, "operand": node.operand, "actual": node.actual}
    if node.kind == "segment":
        found["segment"] = node.operand
    if node.children:
        found["children"] = [node_dict(child) for child in node.children]
    return found
