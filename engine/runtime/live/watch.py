"""All that the Live page asks, each answer from one state of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.core.plan import BookPlan
from engine.runtime.books import Books
from engine.runtime.clock import Clock
from engine.runtime.live import campaigns, funnel, person, queues, rates
from engine.runtime.live.campaigns import Progress
from engine.runtime.live.funnel import Funnel
from engine.runtime.live.person import Entry, Profile, Who
from engine.runtime.live.queues import Strip
from engine.runtime.live.rates import Rate
from engine.runtime.way_out import WayOut
from engine.store import attempts, events, figures, looking, messages, networks, suppressions, switches
from engine.store import queues as depths
from engine.store.attempts import Attempt, Receipt
from engine.store.events import Received
from engine.store.looking import Asked
from engine.store.messages import Stored
from engine.store.networks import Blocked
from engine.store.paging import Page
from engine.store.queues import Count
from engine.store.store import Store, Tx
from engine.store.suppressions import Suppression
from engine.store.switches import Switch

T = TypeVar("T")
DAY = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """A message with what providers said of it."""

    stored: Stored
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]


class Watch:
    """Reads, and changes nothing."""

    def __init__(self, store: Store, books: Books, clock: Clock, way_out: WayOut) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._way_out = way_out

    # ---- the whole ----------------------------------------------------------------------------------------------------------------------

    def strip(self, env: str) -> Strip:
        """Queues, now."""
        return self._read(lambda tx: queues.strip(tx, env, self._clock.now()))

    def campaigns(self, env: str) -> list[Progress]:
        """Campaigns that run or are paused."""
        return self._read(lambda tx: campaigns.current(tx, env, self._clock.now()))

    def every_campaign(self, env: str, cursor: str | None = None, limit: int = 20) -> Page[Progress]:
        """All campaigns, newest first."""
        return self._read(lambda tx: campaigns.newest(tx, env, self._clock.now(), cursor=cursor, limit=limit))

    def funnel(self, env: str, rule: str, days: int = 7) -> tuple[Funnel, Count]:
        """The funnel of a rule over the last days, and how many of its timers stand."""

        def ask(tx: Tx) -> tuple[Funnel, Count]:
            plan = self._plan(tx, env)
            known = plan.rules.get(rule) if plan is not None else None
            found = funnel.funnel(tx, env, rule, self._clock.now() - days * DAY, has_goal=known is not None and known.goal is not None)
            return found, depths.timers_of(tx, env, [rule])[rule]

        return self._read(ask)

    def busiest_rule(self, env: str, hours: int = 24) -> str | None:
        """The rule of the book that sent most in the last hours; the first one by name where none did."""

        def ask(tx: Tx) -> str | None:
            plan = self._plan(tx, env)
            rules = sorted(plan.rules) if plan is not None else []
            since = figures.hour(self._clock.now() - hours * DAY // 24)
            found = figures.busiest(tx, env, [f"rule:{rule}" for rule in rules], "send ok", since)
            return found.removeprefix("rule:") if found is not None else next(iter(rules), None)

        return self._read(ask)

    def rates(self, env: str, hours: int = 24) -> Sequence[Rate]:
        """Delivery by provider over the last hours."""
        now = self._clock.now()
        health = self._way_out.routing.health(now)
        since = now - hours * DAY // 24
        return self._read(lambda tx: rates.rates(tx, env, self._way_out.providers, since, health))

    def switches(self, env: str) -> Sequence[Switch]:
        """What is stopped."""
        return self._read(lambda tx: switches.in_force(tx, env))

    @property
    def providers(self) -> Sequence[str]:
        """The names of all providers."""
        return sorted(self._way_out.providers)

    # ---- lists --------------------------------------------------------------------------------------------------------------------------

    def events(
        self, env: str, asked: Asked, cursor: str | None = None, limit: int = 50
    ) -> tuple[Page[Received], Mapping[tuple[str, str], list[tuple[str, str]]]]:
        """Events, newest first, and (outcome, reason) of the verdicts that each got when it came."""

        def ask(tx: Tx) -> tuple[Page[Received], Mapping[tuple[str, str], list[tuple[str, str]]]]:
            found = looking.event_page(tx, env, asked, cursor=cursor, limit=limit)
            return found, looking.outcomes_of(tx, env, found.items)

        return self._read(ask)

    def newer_events(self, env: str, asked: Asked) -> int:
        """How many there are after `asked.after`, at most 100."""
        return self._read(lambda tx: len(looking.event_page(tx, env, asked, limit=100).items))

    def messages(self, env: str, asked: Asked, cursor: str | None = None, limit: int = 50) -> Page[Told]:
        """Messages, newest first."""

        def ask(tx: Tx) -> Page[Told]:
            found = looking.message_page(tx, env, asked, cursor=cursor, limit=limit)
            return Page(_told(tx, found.items), found.next)

        return self._read(ask)

    def newer_messages(self, env: str, asked: Asked) -> int:
        """How many there are after `asked.after`, at most 100."""
        return self._read(lambda tx: looking.message_seqs_after(tx, env, asked))

    def message(self, env: str, seq: int) -> Told | None:
        """One message by its serial number."""

        def ask(tx: Tx) -> Told | None:
            stored = messages.by_seq(tx, [seq]).get(seq)
            return _told(tx, [stored])[0] if stored is not None and stored.env == env else None

        return self._read(ask)

    def event(self, env: str, source: str, id: str) -> Received | None:
        """One event."""
        return self._read(lambda tx: events.get(tx, env, source, id))

    def suppressions(self, env: str, phone: str | None = None, cursor: str | None = None, limit: int = 50) -> Page[Suppression]:
        """Suppressed numbers, in order."""
        return self._read(lambda tx: suppressions.listed(tx, env, phone=phone, cursor=cursor, limit=limit))

    def codes(self, env: str, hours: int = 24) -> tuple[Counter[str], Sequence[Blocked]]:
        """Verification codes of the last hours (asked, checked, approved), and the networks that get none."""
        since = figures.hour(self._clock.now() - hours * DAY // 24)
        return self._read(lambda tx: (figures.of(tx, env, "verifications", since), networks.listed(tx, env, limit=200).items))

    # ---- a person -----------------------------------------------------------------------------------------------------------------------

    def find(self, env: str, asked: str) -> list[Who]:
        """Whom a question means: a user's id, a number, `#<message>`."""
        return self._read(lambda tx: person.find(tx, env, asked))

    def profile(self, env: str, who: Who) -> Profile:
        """The person now."""
        return self._read(lambda tx: person.profile(tx, env, who, self._plan(tx, env), self._clock.now()))

    def timeline(
        self, env: str, who: Who, asked: person.Asked, *, cursor: str | None = None, upto: int | None = None, limit: int = 40
    ) -> Page[Entry]:
        """What was sent to the person, and not."""
        return self._read(lambda tx: person.timeline(tx, env, who, self._plan(tx, env), asked, cursor=cursor, upto=upto, limit=limit))

    def tally(self, env: str, who: Who, asked: person.Asked) -> person.Tally:
        """How many of both."""
        return self._read(lambda tx: person.tally(tx, env, who, self._plan(tx, env), asked))

    def newer(self, env: str, who: Who, after: int) -> int:
        """How many decisions about the person there are after one."""
        return self._read(lambda tx: person.newer(tx, env, who, after))

    # ---- inside -------------------------------------------------------------------------------------------------------------------------

    def _read(self, ask: Callable[[Tx], T]) -> T:
        with self._store.read() as tx:
            return ask(tx)

    def _plan(self, tx: Tx, env: str) -> BookPlan | None:
        active = self._books.active(tx, env)
        return active.plan if active is not None else None


def _told(tx: Tx, found: Sequence[Stored]) -> list[Told]:
    seqs = [stored.seq for stored in found]
    tries: Mapping[int, Any] = attempts.of_messages(tx, seqs)
    receipts: Mapping[int, Any] = attempts.receipts_of(tx, seqs)
    return [Told(stored, tries.get(stored.seq, ()), receipts.get(stored.seq, ())) for stored in found]
