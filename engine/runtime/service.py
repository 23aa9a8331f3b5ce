"""The service as one object: what the API, the command and the tests ask for. It wires the parts; each part is a file of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from engine.core.facts import Event, Json, UserCell
from engine.core.occurrences import Cancellation, OptOut, Receipt, UserChange
from engine.core.phones import mask, normalise
from engine.core.plan import BookPlan
from engine.core.zones import format_instant
from engine.people import UserLine
from engine.refusals import Refusal
from engine.runtime import adopting, samples, tracing, views
from engine.runtime.accounts import Accounts
from engine.runtime.alarm import Alarm
from engine.runtime.blocks import listed_blocks
from engine.runtime.books import ENVIRONMENTS, ActiveBook, Books
from engine.runtime.campaigns import Campaigns, CampaignSettings
from engine.runtime.clock import Clock
from engine.runtime.comparing import Comparisons
from engine.runtime.deciding import Cause, Deciding
from engine.runtime.deliverer import Deliverer
from engine.runtime.drafts import Drafts
from engine.runtime.errors import NoBook, ServiceError
from engine.runtime.gates import Gates
from engine.runtime.housekeeping import Housekeeper
from engine.runtime.intake import Intake
from engine.runtime.keyring import Keyring
from engine.runtime.live.queues import Keeper
from engine.runtime.live.watch import Watch
from engine.runtime.meters import Meters
from engine.runtime.stories import Stories
from engine.runtime.tombstones import Tombstones
from engine.runtime.verification import Verifications
from engine.runtime.waiting import RETRY, leaving, retry_id
from engine.runtime.way_out import WayOut
from engine.runtime.webhooks import Webhooks
from engine.runtime.worker import Worker
from engine.settings import Retention
from engine.store import audit, books, cells, decisions, erasure, events, messages, networks, reports, suppressions, switches, timers
from engine.store import campaigns as campaign_rows
from engine.store.inbox import Look
from engine.store.keys import Key
from engine.store.paging import Page
from engine.store.states import State
from engine.store.store import Store, Tx, is_unavailable
from engine.traces import trace_number
from providers.webhook import Sender

log = logging.getLogger(__name__)

MAX_REST_SECONDS = 0.02
MAX_STEPS = 1_000_000  # of one `settle`: a defect would otherwise never end


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one posted line. `pointer` leads to what was wrong in it (RFC 6901)."""

    index: int
    id: str | None
    source: str | None
    status: str  # accepted | duplicate | refused
    reason: str | None = None
    pointer: str | None = None


class Service:
    """An installation over one database. With `start`, a thread judges what comes in and what falls due; without, `settle` does."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        secret: bytes,
        prices: Mapping[str, Mapping[str, float]] | None = None,
        providers: Sequence[Mapping[str, Any]] = (),
        routes: Sequence[Mapping[str, Any]] = (),
        retention: Retention | None = None,
        campaigns: CampaignSettings | None = None,
        webhooks: Sender | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.tombstones = Tombstones(secret)
        steady = campaigns or CampaignSettings()
        self.books = Books(self.tombstones, steady.inline)
        self.deciding = Deciding(self.books)
        self.accounts = Accounts(store, clock)
        self.comparisons = Comparisons(store, prices or {})
        self.gates = Gates()
        self.drafts = Drafts(store, clock)
        self.keyring = Keyring(store, clock)
        self.stories = Stories(store, clock)
        self._campaigns = Campaigns(store, self.books, clock, steady)
        self.worker = Worker(store, self.books, clock, self._campaigns)
        self._housekeeper = Housekeeper(store, clock, retention)
        self.figures = Keeper(store, clock)
        self.prices = prices or {}
        self._alarm = Alarm()
        self._intake = Intake(store, clock.now, self._alarm.ring)
        self._decided = threading.Condition()
        self.metrics = CollectorRegistry()
        meters = Meters(self.metrics)
        self.way_out = WayOut(
            store, self.books, self.deciding, clock, providers=providers, routes=routes, pepper=secret, meters=meters,
            decided=self._alarm.ring,
        )  # fmt: skip
        sender = webhooks or Sender()
        self.deliverer = Deliverer(store, clock, secret=secret, sender=sender, meters=meters)
        self.webhooks = Webhooks(store, clock, secret=secret, sender=sender, ring=self.deliverer.ring)
        self.watch = Watch(store, self.books, clock, self.way_out)
        self._verifications = Verifications(
            store, self.books, clock, pepper=secret, accept=self._accept_one, await_decision=self._decision_of, meters=meters
        )
        self._thread: threading.Thread | None = None
        self._stopping = False

    # ---- running ------------------------------------------------------------------------------------------------------------------------

    def start(self, *, judging: bool = True, sending: bool = True) -> None:
        """Judge and send in threads of their own from now on; a process may do one of the two."""
        if sending:
            # SQLite has one process; on PostgreSQL others may be sending, whose attempts are theirs.
            self.way_out.start(alone=judging and not self.store.is_postgresql)
            self.deliverer.start()
        if judging:
            self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Finish the batches in hand and stop."""
        self._stopping = True
        self._alarm.ring()
        if self._thread is not None:
            self._thread.join()
        self.way_out.close()
        self.comparisons.close()
        self.deliverer.close()
        self._alarm.close()
        self.store.close()

    def settle(self, *, sending: bool = False) -> None:
        """Judge, in this thread, all that has come in and fallen due; and send it, if wanted."""
        for _ in range(MAX_STEPS):
            if not self._steps(self.worker.look()) and not (sending and (self.way_out.step() or self.deliverer.step())):
                return
        raise ServiceError("the work does not end")

    def _run(self) -> None:
        while not self._stopping:
            due: list[int] = []
            try:
                self._housekeeper.turn()
                self.figures.turn()
                began, seen = time.monotonic(), self.worker.look()
                if self._steps(seen):
                    self._rest(time.monotonic() - began)
                    continue
                due = [instant for env in ENVIRONMENTS if (instant := self.worker.next_due(env, seen[env])) is not None]
            except SQLAlchemyError as error:  # away, or full: what was not committed is done again
                log.error("the database fails: %s", type(error).__name__)
            self._alarm.wait(min(due, default=None), self.clock.now())

    def _rest(self, worked_seconds: float) -> None:
        """As long as the round took, at most MAX_REST_SECONDS: a round costs much the same however few events it decides, so under load it
        is better to let some gather. Not where more waits already than one round may take."""
        if not self.worker.more_waits:
            time.sleep(min(worked_seconds, MAX_REST_SECONDS))

    def _steps(self, seen: Mapping[str, Look]) -> bool:
        """One batch of each environment, so that neither waits for the other."""
        worked = [env for env in ENVIRONMENTS if self.worker.step(env, seen[env])]
        if worked:
            with self._decided:
                self._decided.notify_all()
            self.way_out.ring()
        return bool(worked)

    # ---- events -------------------------------------------------------------------------------------------------------------------------

    def accept(self, env: str, lines: Sequence[Json]) -> list[Accepted]:
        """Keep events; the good ones also where others are refused. Committed when it returns. Raises NoBook."""
        read = self._read(env, lines)
        answers: list[Accepted | None] = []
        good: list[tuple[int, Event]] = []
        for index, (line, event) in enumerate(zip(lines, read, strict=True)):
            if isinstance(event, Refusal):
                id_, source = (line.get("id"), line.get("source", "api")) if isinstance(line, dict) else (None, None)
                answers.append(Accepted(index, id_, source, "refused", event.reason, views.pointer(event)))
            else:
                good.append((index, event))
                answers.append(None)
        kept = self._intake.keep(env, [event for _, event in good]) if good else ()
        for (index, event), status in zip(good, kept, strict=True):
            answers[index] = Accepted(index, event.id, event.source, status)
        return [answer for answer in answers if answer is not None]

    def _read(self, env: str, lines: Sequence[Json]) -> list[Event | Refusal]:
        """By the book in force; what a book refuses that was in force a moment ago is read again by the one that is now."""
        active = self.books.recent(self.store, env)
        read = [active.events.read(line) for line in lines] if active is not None else []
        if active is None or any(isinstance(event, Refusal) for event in read):
            now = self._active(env)
            if active is None or now.version != active.version:
                read = [now.events.read(line) for line in lines]
        return read

    def await_decision(self, env: str, source: str, id: str, timeout_seconds: float) -> bool:
        """Whether the event has been judged, at the latest after the time-out."""

        def judged() -> bool:
            with self.store.read() as tx:
                found = events.get(tx, env, source, id)
                return found is not None and found.done

        with self._decided:
            return self._decided.wait_for(judged, timeout_seconds)

    def event(self, env: str, source: str, id: str) -> dict[str, Any] | None:
        """The event, its verdicts, its messages."""
        with self.store.read() as tx:
            found = events.get(tx, env, source, id)
            return None if found is None else views.event_view(tx, env, found, self.prices)

    def trace(self, env: str, id: str) -> dict[str, Any] | None:
        """All that happened under a trace id, in order of time; its shape is in engine/runtime/tracing.py. None: nothing is known of it."""
        with self.store.read() as tx:
            return tracing.trace(tx, env, id, self.prices)

    # ---- users --------------------------------------------------------------------------------------------------------------------------

    def put_users(self, env: str, lines: Sequence[Json]) -> list[Accepted]:
        """Import or change users."""
        reader = self._active(env).users
        answers = []
        changes: list[Cause] = []
        for index, line in enumerate(lines):
            user = reader.read(line)
            if isinstance(user, Refusal):
                answers.append(
                    Accepted(index, line.get("id") if isinstance(line, dict) else None, None, "refused", user.reason, views.pointer(user))
                )
            else:
                changes += _changes_of(user, line)
                answers.append(Accepted(index, user.id, None, "accepted"))
        self._judge(env, changes)
        return answers

    def erase_user(self, env: str, id: str) -> bool:
        """Remove what identifies a person, everywhere; False when there is nobody of this id. An opt-out of the number stays in force."""

        def work(tx: Tx) -> bool:
            tx.judge(env)
            campaign_rows.forget(tx, env, id)
            adopting.forget(tx, env, id)
            erased = erasure.erase(tx, env, id)
            if erased is None:
                return False
            phone, scopes = erased
            if phone is not None and scopes:
                self.tombstones.put(tx, env, phone, scopes)
            audit.add(tx, env, audit.Entry(self.clock.now(), "api", "user.erase", {}))
            return True

        done = self.store.transact(work)
        if done:
            self.store.truncate_log()
        return done

    def user(self, env: str, id: str) -> dict[str, Any] | None:
        """A user's record with traits, memberships and what the number is suppressed for."""
        active = self._active(env)
        with self.store.read() as tx:
            cell = cells.load(tx, env, [f"user:{id}"], active.plan.zone)[f"user:{id}"]
            if not isinstance(cell, UserCell):
                return None
            adoption = adopting.standing(tx, env)
            if adoption is not None and not adopting.is_renewed(cell, adoption):
                cell.traits = adopting.without_stale(cell.traits, adoption)  # not built yet: better none than another book's
            phone = cells.load(tx, env, [f"phone:{cell.phone}"])[f"phone:{cell.phone}"] if cell.phone else None
            return views.user_view(cell, phone, active.plan, self.clock.now())

    # ---- what was decided ---------------------------------------------------------------------------------------------------------------

    def messages(
        self,
        env: str,
        *,
        user: str | None = None,
        rule: str | None = None,
        event: str | None = None,
        state: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[dict[str, Any]]:
        """Messages, newest first. `event`: the name of an occurrence (an event's id, `source/id`), with what its timers sent."""
        states = (State(state),) if state is not None else ()
        with self.store.read() as tx:
            trace = trace_number(env, event) if event is not None else None
            found = messages.newest(tx, env, user=user, rule=rule, trace=trace, states=states, cursor=cursor, limit=limit)
            return Page(views.message_views(tx, found.items, self.prices), found.next)

    def message(self, env: str, id: str) -> dict[str, Any] | None:
        """One message with its attempts and receipts."""
        with self.store.read() as tx:
            found = messages.get(tx, env, [id]).get(id)
            return views.message_views(tx, [found], self.prices)[0] if found is not None else None

    def verdicts(
        self,
        env: str,
        *,
        user: str | None = None,
        phone: str | None = None,
        rule: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[dict[str, Any]]:
        """Verdicts, newest first."""
        with self.store.read() as tx:
            found = decisions.newest_verdicts(tx, env, user=user, phone=phone, rule=rule, cursor=cursor, limit=limit)
            return Page([views.verdict_view(id, verdict) for id, verdict in found.items], found.next)

    # ---- verification -------------------------------------------------------------------------------------------------------------------

    def start_verification(
        self, env: str, *, phone: str, purpose: str, user: str | None = None, ip: str | None = None, device_id: str | None = None
    ) -> dict[str, Any]:
        """Ask for a code. Raises Throttled, and VerificationRefused for what is no number or purpose."""
        return self._verifications.start(env, phone, purpose, user, ip, device_id)

    def check_verification(
        self,
        env: str,
        *,
        id: str | None = None,
        phone: str | None = None,
        user: str | None = None,
        purpose: str | None = None,
        code: str,
    ) -> dict[str, Any] | None:
        """Whether a code is right: by the verification's id, else the latest of a phone or user for a purpose. None: there is none."""
        return self._verifications.check(env, code=code, id=id, phone=phone, user=user, purpose=purpose)

    def verification_abuse(self, env: str, limit: int = 50) -> dict[str, Any]:
        """Verified to sent by block of numbers and by network lately, the worst first; the shape is that of Verifications.abuse."""
        return self._verifications.abuse(env, limit)

    def _accept_one(self, env: str, line: Mapping[str, Any]) -> Accepted:
        return self.accept(env, [line])[0]

    def _decision_of(self, env: str, source: str, id: str, timeout_seconds: float) -> bool:
        if self._thread is None:  # nobody else judges
            self.settle()
        return self.await_decision(env, source, id, timeout_seconds)

    # ---- stopping things ----------------------------------------------------------------------------------------------------------------

    def cancel(self, env: str, rule: str, key: str) -> dict[str, int]:
        """Cancel a rule's pending timers, and its messages that have not left, for a business key."""

        def work(tx: Tx) -> dict[str, int]:
            found = timers.of_rule(tx, env, rule, key)
            held = messages.hold(tx, env, [one.message.id for one in messages.waiting_of(tx, env, rule, key=key)])
            waiting = [one for one in held.values() if one.state in (State.QUEUED, State.WAITING)]
            here = {retry_id(one.message) for one in waiting}  # the others a provider has: not tried again, and no verdict
            found = [leaving(timer) if timer.kind == RETRY and timer.id not in here else timer for timer in found]
            causes: list[Cause] = [(Cancellation(found), "cancellation", f"{rule}|{key}")]
            # No provider has taken them, so their cap slots come back.
            causes += [(Receipt(one.message, "rejected", in_time=False), "receipt", one.message.id) for one in waiting]
            self.deciding.judge(tx, env, causes, self.clock.now())
            messages.apply(tx, [messages.Move(one.seq, State.CANCELLED, "requested") for one in waiting], self.clock.now())
            return {"timers": len([timer for timer in found if timer.kind not in (RETRY, "leaving")]), "messages": len(waiting)}

        return self.store.transact(work)

    def suppress(self, env: str, phone: str, scopes: Sequence[str], reason: str, by: str) -> None:
        """Send nothing of these message types (or `all`, or `blocked`) to a number."""
        self._opt_out(env, phone, scopes, f"{reason} ({by})" if by else reason, by, released=False)

    def release(self, env: str, phone: str, scopes: Sequence[str], by: str) -> None:
        """Lift suppressions."""
        self._opt_out(env, phone, scopes, "", by, released=True)

    def suppressions(self, env: str, limit: int = 100, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Blocked networks, then suppressed numbers, each in order."""
        with self.store.read() as tx:
            return listed_blocks(tx, env, limit, cursor)

    def block_network(self, env: str, network: str, reason: str, by: str) -> bool:
        """Send no verification code to anybody who asks for it from this network, in canonical form; False when it is blocked already."""
        return self._block(env, network, by, reason, lambda tx, now: networks.block(tx, env, networks.Blocked(network, reason, now, by)))

    def release_network(self, env: str, network: str, by: str) -> bool:
        """Take a network off the block list; False when it is not on it."""
        return self._block(env, network, by, None, lambda tx, now: networks.release(tx, env, network))

    def _block(self, env: str, network: str, by: str, reason: str | None, change: Callable[[Tx, int], bool]) -> bool:
        def work(tx: Tx) -> bool:
            now = self.clock.now()
            changed = change(tx, now)
            if changed:
                what = "network.release" if reason is None else "network.block"
                audit.add(tx, env, audit.Entry(now, by, what, {"network": network, "reason": reason or ""}))
            return changed

        return self.store.transact(work)

    def _opt_out(self, env: str, phone: str, scopes: Sequence[str], reason: str, by: str, *, released: bool) -> None:
        number = normalise(phone) or phone
        what = "suppression.release" if released else "suppression.add"

        def work(tx: Tx) -> None:
            now = self.clock.now()
            if not released:
                suppressions.note(tx, env, [suppressions.Suppression(number, scope, reason, now) for scope in scopes])
            self.deciding.judge(tx, env, [(OptOut(number, frozenset(scopes), released), "opt_out", number)], now)
            audit.add(tx, env, audit.Entry(now, by, what, {"phone": mask(number), "scopes": sorted(scopes), "reason": reason}))

        self.store.transact(work)

    def switch(self, env: str, kind: str, name: str, stopped: bool, reason: str, by: str) -> bool:
        """Stop or resume a rule, a message type, a channel or a provider at once; False when it was so already."""
        what = f"{kind}:{name}"
        with self.store.write() as tx:
            now = self.clock.now()
            changed = switches.stop(tx, env, switches.Switch(what, now, by, reason)) if stopped else switches.resume(tx, env, what)
            if changed:
                verb = "stop" if stopped else "resume"
                audit.add(tx, env, audit.Entry(now, by, f"switch.{verb}", {"what": what, "reason": reason}))
            return changed

    def switches(self, env: str) -> list[dict[str, Any]]:
        """What is stopped."""
        with self.store.read() as tx:
            found = switches.in_force(tx, env)
        return [{"what": one.what, "at": format_instant(one.at), "by": one.who, "reason": one.reason} for one in found]

    def sample(
        self,
        env: str,
        template: str,
        locale: str | None,
        values: Mapping[str, Json],
        to: str,
        by: str = "api",
        draft: BookPlan | None = None,
    ) -> dict[str, Any]:
        """Send a template of the active book (or of a draft), with made-up values, to one's own number.

        Raises NoBook, NotFound and CannotBeMade.
        """
        plan = draft or self._active(env).plan

        def work(tx: Tx) -> dict[str, Any]:
            return samples.send(tx, env, plan, template, locale, values, to, by=by, now=self.clock.now(), prices=self.prices)

        sent = self.store.transact(work)
        self.way_out.ring()
        return sent

    def campaigns(self, env: str, limit: int = 100, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Campaigns with their progress, newest first."""
        return self._campaigns.listed(env, limit, cursor)

    def steer_campaign(self, env: str, id: str, action: str, reason: str, by: str) -> None:
        """Pause, resume or stop a campaign. Raises NotFound, and Conflict for one that has ended."""
        self._campaigns.steer(env, id, action, reason, by)
        self._alarm.ring()

    # ---- books --------------------------------------------------------------------------------------------------------------------------

    def publish(self, files: Mapping[str, str], note: str, author: str, expect_version: int | None = None) -> dict[str, Any]:
        """Put a book in force as a new version. Raises Refused or Conflict; the version in force stays then."""
        published = self.books.publish(self.store, files, note=note, author=author, at=self.clock.now(), expect=expect_version)
        self._alarm.ring()
        return published

    def versions(self) -> list[dict[str, Any]]:
        """Every published version, newest first."""
        with self.store.read() as tx:
            active = books.active(tx, "live")
            found = books.listed(tx)
        return [
            {
                "version": one.version,
                "at": format_instant(one.at),
                "author": one.author,
                "note": one.note,
                "active": active is not None and active.version == one.version,
            }
            for one in found
        ]

    def activate(self, version: int, author: str, reason: str = "") -> None:
        """Put an earlier version in force again. Raises NotFound."""
        self.books.activate(self.store, version, author=author, at=self.clock.now(), reason=reason)
        self._alarm.ring()

    def book(self, env: str = "live") -> ActiveBook | None:
        """The book in force, as it is judged with; None: nothing is published."""
        with self.store.read() as tx:
            return self.books.active(tx, env)

    def active_files(self, env: str) -> Mapping[str, str] | None:
        """The files of the book in force; None: nothing is published."""
        with self.store.read() as tx:
            active = books.active(tx, env)
            version = books.get(tx, active.version) if active is not None else None
        return version.files if version is not None else None

    def version_files(self, version: int) -> Mapping[str, str] | None:
        """The files of a published version; None: there is none of this number."""
        with self.store.read() as tx:
            found = books.get(tx, version)
        return found.files if found is not None else None

    def report(self, env: str, since: int | None, until: int | None) -> list[dict[str, Any]]:
        """What became of every rule in `[since, until)`: verdicts by reason, messages by state, goals by group."""
        start, end = since or 0, until if until is not None else self.clock.now() + 1
        with self.store.read() as tx:
            rows = views.report(
                reports.verdicts(tx, env, start, end),
                reports.message_states(tx, env, start, end),
                decisions.conversion_counts(tx, env, start, end),
            )
        return [row for row in rows if row["rule"] != samples.SAMPLE]

    # ---- keys, clock, health ------------------------------------------------------------------------------------------------------------

    def create_key(self, name: str, role: str, test: bool = False, personal: bool = False) -> str:
        """A new API key, shown once."""
        return self.keyring.create(name, role, test=test, personal=personal, by="hongyan keys")

    def key(self, token: str) -> Key | None:
        """The key that a token opens with."""
        return self.keyring.of(token)

    def set_clock(self, instant: int) -> int:
        """Move a test clock ahead and judge all that falls due on the way. Raises ClockIsReal."""
        now = self.clock.set(instant)
        self._alarm.ring()
        return now

    def advance_clock(self, micros: int) -> int:
        """Move a test clock ahead by so much. Raises ClockIsReal."""
        return self.set_clock(self.clock.now() + micros)

    def receive(self, provider: str, kind: str, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], int]:
        """What a gateway posts: (answer, HTTP status). Raises NotFound."""
        return self.way_out.receive(provider, kind, headers, body)

    def ready(self) -> dict[str, str]:
        """What must be well before requests are taken: each check with `ok` or what is wrong. Behind `ok, ` stands what is under way."""
        try:
            missing = self.store.pending_migrations()
            with self.store.read() as tx:
                published = books.active(tx, "live") is not None
                jobs = [f"{env} {job.progress}" for env in ENVIRONMENTS if (job := adopting.standing(tx, env)) is not None]
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            return {"database": "is away or full"}
        return {
            "database": "ok",
            "migrations": f"missing: {', '.join(missing)}" if missing else "ok",
            "book": "ok" if published else "nothing is published",
            "adopted": f"ok, adopting: {', '.join(jobs)}" if jobs else "ok",
            "worker": "ok" if self._thread is None or self._thread.is_alive() else "has stopped",
            "dispatcher": "ok" if self.way_out.is_alive() else "has stopped",
            "deliverer": "ok" if self.deliverer.is_alive() else "has stopped",
        }

    # ---- inside -------------------------------------------------------------------------------------------------------------------------

    def _active(self, env: str) -> ActiveBook:
        with self.store.read() as tx:
            active = self.books.active(tx, env)
        if active is None:
            raise NoBook("no book is published: hongyan publish BOOK --note ...")
        return active

    def _judge(self, env: str, causes: Sequence[Cause]) -> None:
        if causes:
            self.store.transact(lambda tx: self.deciding.judge(tx, env, causes, self.clock.now()))
            self._alarm.ring()


def _changes_of(user: UserLine, line: Mapping[str, Json]) -> list[Cause]:
    given = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": dict(user.attributes)}
    profile = {name: value for name, value in given.items() if name in line}
    changes: list[Cause] = [(UserChange(user.id, profile), "user", user.id)]
    number = normalise(user.phone)
    if user.suppressed and number is not None:
        changes.append((OptOut(number, frozenset(user.suppressed)), "opt_out", number))
    return changes
