"""What a sequence or a together costs: one decision that completes it, with so many earlier events waiting per step.

Prints one line of JSON: {"sequence of 2": {"1": [microseconds of each repeat], ...}, ...}.
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median

from benchmarks.decide.peers.hongyan import SECOND, START
from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.judge import decide
from engine.core.occurrences import UserChange
from engine.simulate.memory import Memory
from rules.checking import check

ALIASES = "abcd"
WAITING = (1, 4, 12)
REPEATS = 7
DECISIONS = 200


def book(kind: str, steps: int) -> str:
    """One rule whose steps must name the same city as the first one."""
    types = "\n".join(f"  step.{alias}: {{data: {{city: string}}}}" for alias in ALIASES[:steps])
    same = ", when: {{{alias}.city: {{ref: a.city}}}}"
    entries = ", ".join(f"{{event: step.{a}, as: {a}{same.format(alias=a) if a != 'a' else ''}}}" for a in ALIASES[:steps])
    return f"""
book: {{id: joins, timezone: Asia/Shanghai, signature: 秒信通}}
message_types: {{notification: {{}}}}
events:
{types}
rules:
  join:
    on: {{{kind}: [{entries}], within: 1h}}
    send: {{type: notification, sms: "您在{{{{ a.city }}}}的订单已更新。"}}
"""


def measure(kind: str, steps: int, waiting: int) -> list[float]:
    """Microseconds per completing event; half of the waiting events are of its city."""
    checked = check({"book.yaml": book(kind, steps)})
    if checked.book is None:
        raise ValueError(checked.findings[0].message)
    plan, memory, now = compile_book(checked.book), Memory(), START
    memory.apply(decide(plan, memory, UserChange("u1", {"phone": "+8613800138000"}), now))
    for number in range(waiting):
        for alias in ALIASES[: steps - 1]:
            now += SECOND
            event = Event(f"{alias}{number}", f"step.{alias}", now, {"city": f"city {number % 2}"}, user="u1", key="u1")
            memory.apply(decide(plan, memory, event, now))
    last = Event("last", f"step.{ALIASES[steps - 1]}", now + SECOND, {"city": "city 0"}, user="u1", key="u1")
    if len(decide(plan, memory, last, last.time).messages) != 1:
        raise AssertionError(f"{kind} of {steps} with {waiting} waiting: no message")
    results = []
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(DECISIONS):
            decide(plan, memory, last, last.time)  # not applied: the events stay unused
        results.append((time.process_time() - began) / DECISIONS * 1e6)
    return results


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """Medians, in Markdown."""
    lines = [f"| join, events waiting per step | {' | '.join(map(str, WAITING))} |", "|---" * (len(WAITING) + 1) + "|"]
    for name, by_waiting in results.items():
        cells = " | ".join(f"{median(by_waiting[str(waiting)]):,.0f}" for waiting in WAITING)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = {
        f"{kind} of {steps}": {str(waiting): measure(kind, steps, waiting) for waiting in WAITING}
        for kind in ("sequence", "together")
        for steps in (2, 3, 4)
    }
    sys.stdout.write(json.dumps(found) + "\n")
