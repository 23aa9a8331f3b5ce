"""Hongyan: the whole decision (match, gates, caps, the rendered text, the changed cells), not the matching alone."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Sequence

from benchmarks.decide.workload import TIERS, TYPES, USERS, Event, Rule
from engine.core import facts
from engine.core.compile import compile_book
from engine.core.judge import decide
from engine.core.occurrences import UserChange
from engine.core.outcomes import Decision
from engine.core.plan import BookPlan
from engine.core.trace import Trace
from engine.simulate.memory import Memory
from rules.build import build
from rules.loader import parse

LABEL = "**Hongyan, whole decision**"
PACKAGE = "hongyan"
RULES_A_FILE = 1_000
SECOND = 1_000_000
START = 1_780_000_000 * SECOND

SHARED = """
book: {id: bench, timezone: Asia/Shanghai, signature: 秒信通, caps: [{max: 200, per: 7d, by: user}]}
user:
  attributes:
    city: string
message_types:
  notification:
    valid_for: 1h
    caps: [{max: 30, per: day, by: user}]
templates:
  note:
    sms: 您在{{ event.store }}的订单共{{ event.amount | money }}元,已安排配送。
events:
""" + "\n".join(
    f"""  type.t{number:02}:
    data:
      store: string
      tier: {{type: string, enum: {json.dumps(TIERS)}}}
      amount: {{type: integer, minimum: 0}}
      weight: {{type: integer, minimum: 0}}"""
    for number in range(TYPES)
)


class Bench:
    """A compiled book, its cells, and a clock that goes on from run to run, so that caps by day see days go by."""

    def __init__(self, plan: BookPlan, *, traced: bool = False, verdicts: bool = False) -> None:
        self.plan = plan
        self.traced = traced
        self.verdicts = verdicts
        self.memory = Memory()
        self.clock = START
        for number in range(USERS):
            profile = {"phone": f"+86138{number:08}", "attributes": {"city": "上海"}}
            self.memory.apply(decide(plan, self.memory, UserChange(f"u{number}", profile), START))

    def events(self, given: Sequence[Event]) -> list[facts.Event]:
        """As the intake hands them over: checked and parsed."""
        made = []
        for event in given:
            self.clock += SECOND
            data = {name: event[name] for name in ("store", "tier", "amount", "weight")}
            made.append(facts.Event(f"{event['id']}-{self.clock}", event["type"], self.clock, data, user=event["user"], key=event["user"]))
        return made

    def judge(self, event: facts.Event) -> Decision:
        """What is timed."""
        trace: list[Trace] | None = [] if self.traced else None
        decision = decide(self.plan, self.memory, event, event.received, trace)
        self.memory.apply(decision)
        if self.verdicts:
            for _ in decision.verdicts():
                pass
        return decision


def load_plan(rules: Sequence[Rule]) -> BookPlan:
    """The rules as a rulebook in YAML, read and compiled like any other.

    Without the checks, which a test makes once for a book of this kind: what they cost is not what is measured here.
    """
    parsed = parse(book_files(rules))
    return compile_book(build(parsed.tree, parsed.positions, sources=parsed.sources).book)


def book_files(rules: Sequence[Rule]) -> dict[str, bytes | str]:
    """The rulebook's text, in files small enough to be accepted."""
    files: dict[str, bytes | str] = {"shared.yaml": SHARED}
    for start in range(0, len(rules), RULES_A_FILE):
        files[f"rules-{start}.yaml"] = "\n".join(["rules:", *map(_entry, rules[start : start + RULES_A_FILE])])
    return files


def _entry(rule: Rule) -> str:
    when = {
        "event.store": rule.store,
        "event.tier": rule.tiers,
        "event.amount": {"at_least": rule.amount},
        "event.weight": {"at_most": rule.weight},
    }
    send = "{type: notification, channel: sms, template: note}"
    return f"  {rule.id}:\n    on: {rule.type}\n    when: {json.dumps(when)}\n    send: {send}"


def prepare(rules: Sequence[Rule]) -> Bench:
    return Bench(load_plan(rules))


def run(prepared: Bench, events: Sequence[Event]) -> list[list[str]]:
    return [sorted(message.rule for message in prepared.judge(event).messages) for event in prepared.events(events)]


def timed(prepared: Bench, events: Sequence[Event]) -> float:
    made, judge = prepared.events(events), prepared.judge
    gc.collect()
    began = time.process_time()
    for event in made:
        judge(event)
    return time.process_time() - began
