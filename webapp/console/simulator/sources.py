"""Stories to begin with: those that ship, for the O2O book, and the rule tests of the book at hand, whichever it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.core.plan import BookPlan
from engine.core.zones import format_instant, shift
from engine.simulate.story import thawed
from rules.model import At, Duration, Rulebook, RuleTest
from webapp.console.simulator.story import Story, from_body

_FOLDER = Path(__file__).parent / "samples"


@cache
def _shipped() -> Mapping[str, Story]:
    return {path.stem: from_body(json.loads(path.read_text("utf-8"))) for path in sorted(_FOLDER.glob("*.json"))}


def samples(book: Rulebook) -> dict[str, Story]:
    """The shipped stories that this book can read: it declares all of their events."""
    return {name: story for name, story in _shipped().items() if {line["type"] for line in story.events} <= book.events.keys()}


def tests(book: Rulebook) -> list[str]:
    """The rule tests that can be looked at as stories."""
    return [name for name, test in book.tests.items() if _begin(test) is not None]


def of_test(plan: BookPlan, name: str) -> Story | None:
    """A rule test as a story; None when there is none of this name, or it names no instant to begin at."""
    test = plan.book.tests.get(name)
    begin = _begin(test) if test is not None else None
    if test is None or begin is None:
        return None

    def told(at: At | None) -> str | None:
        return None if at is None else format_instant(shift(begin, at, 1, plan.zone) if isinstance(at, Duration) else at)

    events = []
    for number, event in enumerate(test.events, 1):
        line: dict[str, Any] = {"id": event.id or f"e{number}", "type": event.type, "time": told(event.at)}
        optional = {
            "source": event.source if event.source != "api" else None, "received": told(event.received), "user": thawed(event.user)
        }  # fmt: skip
        line |= {key: value for key, value in optional.items() if value is not None}
        events.append(line | {"data": thawed(event.data)})
    receipts = []
    for receipt in test.receipts:
        said = {"rule": receipt.rule, "user": receipt.user, "at": told(receipt.at), "status": receipt.status}
        receipts.append({key: value for key, value in said.items() if value is not None})
    users = tuple({"id": user} | thawed(profile) for user, profile in test.users.items())
    return Story(name, users, tuple(events), tuple(receipts), until=told(test.until))


def _begin(test: RuleTest | None) -> int | None:
    first = None if test is None else test.events[0].at if test.events else test.until
    return first if isinstance(first, int) else None
