"""A story run up to an instant: every verdict with its trace, its message, what led to it and what came of it.

Judging is `engine.simulate`'s; here its results are only tied together. What comes after the instant is not known to a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import Event, UserCell
from engine.core.outcomes import Message, Verdict
from engine.core.plan import BookPlan
from engine.core.trace import Trace
from engine.core.zones import parse_instant
from engine.people import ReceiptReader, UserLine, UserReader
from engine.simulate.simulation import ScriptedReceipt
from rules.model import DAY
from webapp.console.simulator.story import BadStory, Story
from webapp.problems import Problem
from webapp.trying import BoundedSimulation, Deadline, Input

OUTCOMES = ("sent", "scheduled", "deferred", "skipped", "cancelled", "failed")
UNSENT = ("skipped", "cancelled", "failed")  # what "did not fire" shows
_OUTCOME = {"send": "sent", "schedule": "scheduled", "defer": "deferred", "skip": "skipped", "cancel": "cancelled"}
MAX_SPAN = 800 * DAY
MAX_VERDICTS = 20_000

Person = tuple[str | None, str | None]  # (user, None), (None, phone of somebody who is only that), (None, None) for nobody


@dataclass(slots=True, eq=False)
class Judged:
    """One verdict. `id` names it in addresses: the same in every run in which the same is decided."""

    id: str
    number: int  # its place in the run, from 0
    verdict: Verdict
    trace: Trace | None  # None: a verdict that an event gave in passing, by cancelling
    event: Event | None  # that started the occurrence
    messages: list[Message] = field(default_factory=list)  # several where a chain went on
    receipts: list[tuple[int, str]] = field(default_factory=list)  # (instant, status) of the latest message
    before: Judged | None = None  # what was decided for this occurrence earlier: scheduled, deferred
    after: list[Judged] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        if self.receipts and self.receipts[-1][1] in ("rejected", "undelivered"):
            return "failed"
        return _OUTCOME[self.verdict.outcome]

    @property
    def person(self) -> Person:
        """Whom it is about."""
        return self.verdict.user, self.verdict.phone

    @property
    def chain(self) -> tuple[Judged, ...]:
        """The occurrence's verdicts up to this one, earliest first."""
        earlier = []
        one = self.before
        while one is not None:
            earlier.append(one)
            one = one.before
        return (*reversed(earlier), self)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that is still to come: a timer, a release from quiet hours, a chain that waits for a receipt.

    A `wake` is a look at a person whose date is due or who may cross into a segment; it is no rule's yet.
    """

    kind: str  # due | release | fallback | wake
    due: int
    rule: str
    occurrence: str
    person: Person


@dataclass(slots=True)
class Run:
    """What a story has come to at `now`."""

    plan: BookPlan
    start: int
    now: int
    events: list[Event]  # all of the story that can be read, in order of arrival, also those after `now`
    users: list[UserLine]
    people: Mapping[str, UserCell]  # as they are now
    judged: list[Judged]
    messages: list[Message]  # all of them, in order
    waiting: list[Waiting]
    refused: list[dict[str, Any]]
    next_tick: int | None
    by_id: dict[str, Judged] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Verdicts by outcome."""
        found = dict.fromkeys(OUTCOMES, 0)
        for one in self.judged:
            found[one.outcome] += 1
        return found

    @property
    def happened(self) -> list[Event]:
        """The events that have come by now."""
        return [event for event in self.events if event.received <= self.now]


class _Listening(BoundedSimulation):
    """Also notes what providers said of which message, and when."""

    heard: list[tuple[Message, str, int]]

    def _hear(self, message: Message, status: str) -> None:
        self.heard.append((message, status, self.now or 0))
        super()._hear(message, status)


@dataclass(frozen=True, slots=True)
class Read:
    """A story as a book reads it. `refused`: lines that it cannot use, each with its list, index and reason."""

    users: list[UserLine]
    events: list[Event]
    receipts: list[ScriptedReceipt]
    since: int | None
    until: int | None
    refused: list[dict[str, Any]]

    @property
    def start(self) -> int | None:
        """Where the clock starts; None for a story without anything."""
        first = min([event.received for event in self.events], default=None)
        return self.since if self.since is not None else first


def read(story: Story, plan: BookPlan) -> Read:
    """The story's lines, read with the book. Raises BadStory for an instant of its own that is none."""
    book, source = plan.book, Input()
    users = source.read("users", story.users, UserReader(book))
    receipts = source.read("receipts", story.receipts, ReceiptReader(book))
    events = source.events(story.events, book)
    since, until = (_instant(text, plan, name) for text, name in ((story.since, "from"), (story.until, "until")))
    script = [ScriptedReceipt(one.rule, one.status, one.at, one.user) for one in receipts]
    return Read(users, events, script, since, until, source.refused)


def run(given: Read, plan: BookPlan, until: int) -> Run:
    """Everything up to and including an instant. Raises BadStory for what would take too long."""
    start = given.start if given.start is not None else until
    now = max(until, start)
    if now - min(start, given.events[0].received if given.events else start) > MAX_SPAN:
        raise BadStory("a story lasts at most 800 days")
    traces: list[Trace] = []
    simulation = _Listening(plan, start=given.since, until=now, receipts=given.receipts, traces=traces)
    simulation.deadline, simulation.heard = Deadline(), []
    for user in given.users:
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    happenings: list[Verdict | Message] = []
    try:
        for page in simulation.run(given.events):
            happenings += page
            if len(happenings) > MAX_VERDICTS:
                raise BadStory(f"more than {MAX_VERDICTS:,} verdicts; hongyan simulate takes larger ones")
    except Problem as problem:
        raise BadStory(problem.detail) from None
    judged = list(_tied(happenings, {id(trace.verdict): trace for trace in traces}, given.events))
    _note_receipts(judged, simulation.heard)
    memory = simulation.memory
    people = {cell.id: cell for cell in memory.cells.values() if isinstance(cell, UserCell)}
    ticks = [tick for tick in simulation.ticks() if tick > now]
    messages = [one for one in happenings if isinstance(one, Message)]
    waiting = sorted(_waiting(memory.timers.values()), key=lambda one: one.due)
    by_id = {one.id: one for one in judged}
    next_tick = min(ticks, default=None)
    return Run(plan, start, now, given.events, given.users, people, judged, messages, waiting, given.refused, next_tick, by_id)


def _instant(text: str | None, plan: BookPlan, name: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text, plan.zone)
    except ValueError:
        raise BadStory(f"{name} must be an instant like 2026-06-01T10:00+08:00") from None


# ---- tying together ---------------------------------------------------------------------------------------------------------------------


def _tied(happenings: Iterable[Verdict | Message], traces: Mapping[int, Trace], events: Iterable[Event]) -> Iterator[Judged]:
    by_name: dict[tuple[str, str], Event] = {(event.type, event.id): event for event in events}
    threads: dict[tuple[str, str], list[Judged]] = {}
    sent: dict[tuple[str, str, str | None], Judged] = {}
    number = 0
    for happening in happenings:
        key = (happening.rule, happening.occurrence)
        if isinstance(happening, Message):
            # A later channel of a message from before `since` has no verdict here.
            if (its := sent.get((*key, happening.user or happening.phone))) is not None:
                its.messages.append(happening)
            continue
        thread = threads.setdefault(key, [])
        before = _before(happening, thread)
        trace = traces.get(id(happening))
        event = trace.event if trace is not None else before.event if before is not None else _cause(happening, by_name)
        one = Judged(_name(happening, thread), number, happening, trace, event, before=before)
        if before is not None:
            before.after.append(one)
        thread.append(one)
        if happening.outcome == "send":
            sent[(*key, happening.user or happening.phone)] = one
        number += 1
        yield one


def _before(verdict: Verdict, thread: list[Judged]) -> Judged | None:
    """The latest promise of this occurrence that this verdict keeps or ends: to the same person, or to nobody in particular."""
    promises = [one for one in thread if one.verdict.outcome in ("schedule", "defer") and one.verdict.at <= verdict.at]
    own = [one for one in promises if one.person == (verdict.user, verdict.phone)]
    if own:
        return own[-1]
    # A broadcast's timer is nobody's; one with `send.to` is the trigger's user's until the recipient is known.
    others = [one for one in promises if one.verdict.outcome == "schedule"]
    return others[-1] if others else None


def _cause(verdict: Verdict, events: Mapping[tuple[str, str], Event]) -> Event | None:
    return next((event for (_, id_), event in events.items() if id_ == verdict.occurrence.rpartition("/")[2]), None)


def _name(verdict: Verdict, thread: list[Judged]) -> str:
    """Ten characters that stay the same when the clock, or another rule of the book, moves."""
    about = "|".join((verdict.rule, verdict.occurrence, verdict.user or verdict.phone or "", str(verdict.at), verdict.outcome))
    again = sum(1 for one in thread if one.verdict.at == verdict.at and one.person == (verdict.user, verdict.phone))
    return hashlib.sha256(f"{about}|{again}".encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _note_receipts(judged: Iterable[Judged], heard: Iterable[tuple[Message, str, int]]) -> None:
    of_message = {id(message): one for one in judged for message in one.messages}
    for message, status, at in heard:
        one = of_message.get(id(message))
        if one is not None and message is one.messages[-1]:
            one.receipts.append((at, status))


def _waiting(timers: Iterable[Any]) -> Iterator[Waiting]:
    for timer in timers:
        if timer.kind == "fallback":
            yield Waiting("fallback", timer.due, timer.message.rule, timer.message.occurrence, (timer.message.user, timer.message.phone))
        elif timer.kind == "wake":
            yield Waiting("wake", timer.due, "", "", (timer.user, None))
        elif timer.item is not None:
            person = timer.recipient if timer.kind == "release" else (timer.item.user, timer.item.phone)
            yield Waiting(timer.kind, timer.due, timer.item.rule, timer.item.occurrence, person)
