"""The gate before a draft goes live: what must hold, what must be known, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.core.judge import still_begins
from engine.runtime import adopting
from engine.runtime.drafts import Draft
from engine.runtime.gates import TestsRun, TestsTooLong
from engine.store import timers
from engine.store.schema import timers as timer_rows
from rules.checking import Checked
from rules.findings import Severity
from rules.model import Rulebook
from webapp.console import frame

SHORTEST_NOTE = 10  # characters
LONGEST_NOTE = 500
WANTED_COVERAGE = 90.0  # percent: shown, and no reason to refuse
_LOOKED_AT = 1000  # timers of a rule


@dataclass(frozen=True, slots=True)
class Touched:
    """A rule with pending timers that two versions see differently. `ends`: those whose event would not begin the rule any more."""

    rule: str
    name: str
    pending: int
    ends: int


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything that is asked before publishing."""

    draft: Draft
    checked: Checked
    tests: TestsRun | None
    tests_too_long: bool
    touched: tuple[Touched, ...]
    adopts: tuple[str, ...]  # traits that will be built from recorded events
    note: str
    acknowledged: bool

    @property
    def errors(self) -> int:
        """Findings that make the book unusable."""
        return len(self.checked.errors)

    @property
    def warnings(self) -> int:
        """Findings that do not."""
        return len(self.checked.of_severity(Severity.WARNING))

    @property
    def tests_pass(self) -> bool:
        """Whether all tests do."""
        return self.tests is not None and self.tests.passed == len(self.tests.results)

    @property
    def ending(self) -> int:
        """Pending timers that will end."""
        return sum(one.ends for one in self.touched)

    @property
    def conditions(self) -> dict[str, bool]:
        """What must hold, each with whether it does, in the order in which the page shows it."""
        return {
            "changed": bool(self.draft.changed),
            "errors": self.errors == 0,
            "tests": self.tests_pass,
            "base": not self.draft.is_behind,
            "timers": self.ending == 0 or self.acknowledged,
            "note": SHORTEST_NOTE <= len(self.note) <= LONGEST_NOTE,
        }

    @property
    def is_open(self) -> bool:
        """Whether the draft may go live."""
        return all(self.conditions.values())


def of_draft(note: str = "", acknowledged: bool = False) -> Gate:
    """The gate as it stands for the draft. Runs its tests, unless they were run for this very text."""
    service = frame.house().service
    draft = service.drafts.read()
    checked = service.gates.checked(draft.texts)
    try:
        tests, too_long = service.gates.tests(draft.texts), False
    except TestsTooLong:
        tests, too_long = None, True
    active = service.book()
    old = active.plan.book if active is not None else None
    adopts = adopting.built_anew(old, checked.book) if checked.book is not None else ()
    return Gate(draft, checked, tests, too_long, timers_touched(old, checked.book), adopts, note, acknowledged)


def timers_touched(old: Rulebook | None, new: Rulebook | None) -> tuple[Touched, ...]:
    """Rules with pending timers in the visitor's environment that differ between the books, those that end first."""
    if old is None or new is None:
        return ()
    service, env = frame.house().service, frame.visitor().env
    with service.store.read() as tx:
        statement = sa.select(timer_rows.c.rule, sa.func.count()).where(timer_rows.c.env == env, timer_rows.c.rule.is_not(None))
        pending = {row[0]: row[1] for row in tx.execute(statement.group_by(timer_rows.c.rule))}
        found = []
        for id, count in pending.items():
            before, after = old.rules.get(id), new.rules.get(id)
            if before == after and not _other_key(old, new):
                continue
            events = [item.event for timer in timers.of_rule(tx, env, id, limit=_LOOKED_AT) if (item := timers.item_of(timer)) is not None]
            ends = sum(after is None or (event is not None and not still_begins(new, after, event)) for event in events)
            if before != after or ends:
                whole = round(ends * count / len(events)) if events else 0  # where there are more than were looked at
                named = after or before
                found.append(Touched(id, named.name if named is not None else "", count, whole))
    return tuple(sorted(found, key=lambda one: (-one.ends, -one.pending, one.rule)))


def _other_key(old: Rulebook, new: Rulebook) -> bool:
    return any(type in new.events and new.events[type].key != declared.key for type, declared in old.events.items())
