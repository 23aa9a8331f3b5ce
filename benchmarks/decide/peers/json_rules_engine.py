"""json-rules-engine on Node.js, one engine per event type. It times itself: what the pipe costs is not counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.decide.workload import Event, Rule, by_type

LABEL = "json-rules-engine (matching)"
PACKAGE = "json-rules-engine (npm)"
NODE = shutil.which("node")
if NODE is None:
    raise ImportError("node is not on the path")

Process = subprocess.Popen[str]


def prepare(rules: Sequence[Rule]) -> Process:
    process = subprocess.Popen(
        [NODE or "node", str(Path(__file__).with_suffix(".js"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _ask(process, {type: [_definition(rule) for rule in members] for type, members in by_type(rules).items()})
    return process


def _definition(rule: Rule) -> dict[str, Any]:
    tests = [
        ("store", "equal", rule.store),
        ("tier", "in", rule.tiers),
        ("amount", "greaterThanInclusive", rule.amount),
        ("weight", "lessThanInclusive", rule.weight),
    ]
    conditions = [{"fact": fact, "operator": operator, "value": value} for fact, operator, value in tests]
    return {"conditions": {"all": conditions}, "event": {"type": rule.id}}


def _ask(process: Process, message: Any) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise ImportError("json-rules-engine is not installed for node (npm install json-rules-engine; NODE_PATH)")
    return json.loads(answer)


def run(prepared: Process, events: Sequence[Event]) -> list[list[str]]:
    matches: list[list[str]] = _ask(prepared, events)["matches"]
    return matches


def timed(prepared: Process, events: Sequence[Event]) -> float:
    seconds: float = _ask(prepared, events)["seconds"]
    return seconds


def version() -> str:
    """As its package.json says."""
    for folder in os.environ.get("NODE_PATH", "").split(os.pathsep):
        file = Path(folder) / "json-rules-engine" / "package.json"
        if folder and file.exists():
            return str(json.loads(file.read_text(encoding="utf-8"))["version"])
    return ""


def close(prepared: Process) -> None:
    prepared.kill()
    prepared.wait()
