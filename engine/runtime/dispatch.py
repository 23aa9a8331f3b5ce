"""Dispatch: messages leave, each tried at most as often as its type allows, and none late.

A step claims messages of one channel, looks at each again, marks those that leave `submitting`, commits, calls one provider, and records
what it said. So after a crash every message that a provider may have got is known, and is `unknown`, never simply sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from random import Random
from typing import Any

from engine import observe
from engine.core.case import NEVER, phone_cell_id, user_cell_id
from engine.core.chain import fallback_id, text_with_code
from engine.core.facts import UserCell
from engine.core.occurrences import Cancellation, Receipt
from engine.core.outcomes import Message, Timer
from engine.core.plan import BookPlan
from engine.core.render import TemplateError
from engine.core.zones import EPOCH_UTC
from engine.runtime import codes
from engine.runtime.books import ENVIRONMENTS, Books
from engine.runtime.clock import Clock
from engine.runtime.deciding import Cause, Deciding
from engine.runtime.leaving import Stay, look, release_timer
from engine.runtime.meters import Meters
from engine.runtime.receipts import Receiver, in_time, submission_id
from engine.runtime.routing import WITHOUT_ROUTE, Lane, Routing
from engine.runtime.waiting import (
    NEW_CODE,
    NEXT,
    RESEND,
    RETRY,
    SECOND,
    UNLESS,
    Policy,
    backoff,
    candidates,
    retry_id,
    retry_timer,
    untouched,
)
from engine.store import attempts, campaigns, cells, followups, messages, timers
from engine.store.attempts import Answer, Attempt
from engine.store.messages import Move, Stored
from engine.store.states import Moved, State
from engine.store.store import Store, Tx
from engine.traces import trace_of
from providers import contract
from providers.contract import Accepted, Outcome, Provider, Rejected, Submission, Unknown
from rules.model import CHANNELS

log = logging.getLogger(__name__)

_PROVIDER_STOPPED = 5 * SECOND  # how long a message waits whose providers are all switched off, before somebody looks again
_LOOK_PAST = 2000  # messages among which one is looked for whose provider is free
_LOOK_PAST_EVERY = SECOND // 5
_LOOK_EVERY = SECOND  # for unknown messages and for those that a crash has left


@dataclass(slots=True)
class _Leaving:
    """A message on its way to a provider."""

    stored: Stored
    attempt: Attempt
    submission: Submission
    stood: bool  # its retry timer stands, unless an `unless` comes meanwhile


@dataclass(slots=True)
class _Batch:
    """What one claim came to."""

    lane: Lane | None = None
    leaving: list[_Leaving] = field(default_factory=list)
    standing: set[str] = field(default_factory=set)  # retry timers
    touched: bool = False  # something was moved
    stayed: list[tuple[str, str]] = field(default_factory=list)  # (type, reason)


class Dispatcher:
    """May be stepped by several threads, and by several processes on PostgreSQL. Providers are called outside of any transaction."""

    def __init__(
        self,
        store: Store,
        books: Books,
        deciding: Deciding,
        providers: Mapping[str, Provider],
        routes: Routing,
        clock: Clock,
        rng: Random,
        *,
        receiver: Receiver,
        pepper: bytes,
        meters: Meters | None = None,
        policy: Policy | None = None,
        test_provider: str = WITHOUT_ROUTE,
    ) -> None:
        self._store = store
        self._books = books
        self._deciding = deciding
        self._providers = providers
        self._routes = routes
        self._clock = clock
        self._rng = rng
        self._receiver = receiver
        self._pepper = pepper
        self._meters = meters or Meters()
        self._policy = policy or Policy()
        self._test_provider = test_provider
        self._in_hand: set[int] = set()  # attempts of this process whose outcome is not recorded yet
        self._unrecorded: list[tuple[list[_Leaving], Sequence[Outcome]]] = []  # the database was away when the answers came
        self.was_full = False  # the last claim took as many as it may, so that more are likely to wait
        self._next_look = 0
        self._next_look_past = 0

    # ---- running ------------------------------------------------------------------------------------------------------------------------

    def start(self, *, alone: bool) -> int:
        """Before the first step: attempts that a crash has interrupted become `unknown`; how many. `alone`: no other dispatcher uses the
        database, so that everything submitting is such a one; else only what has been so for too long."""
        return self._recover(0 if alone else int(self._policy.lease_seconds * SECOND))

    def step(self) -> bool:
        """Do one piece of work. False: there is nothing to do now (or nothing may be done)."""
        self._record_again()
        worked = self._follow_up()
        now = self._clock.now()
        with self._store.glance() as tx:
            places = followups.ready(tx, ENVIRONMENTS, CHANNELS, now)
        return any(self._send_some(*place, priorities) for place, priorities in places.items()) or worked

    def next_due(self) -> int | None:
        """When a step may find something to do; None: not before something new is decided."""
        with self._store.read() as tx:
            instants = [messages.next_ready(tx, env, channel) for env in ENVIRONMENTS for channel in CHANNELS]
        return min([instant for instant in instants if instant is not None], default=None)

    # ---- claiming -----------------------------------------------------------------------------------------------------------------------

    def _send_some(self, env: str, channel: str, priorities: Sequence[int]) -> bool:
        now = self._clock.now()
        batch = _Batch()

        def work(tx: Tx) -> None:
            nonlocal batch
            self._abandon(batch, now)  # of a transaction that is begun anew
            batch = _Batch()
            self._claim(tx, env, channel, priorities, batch, now)

        try:
            self._store.transact(work)
        except BaseException:
            self._abandon(batch, now)
            raise
        for type, reason in batch.stayed:
            self._meters.stayed.labels(type, reason).inc()
        if batch.lane is not None:
            self._submit(batch.lane, batch.leaving)
        return batch.touched or bool(batch.leaving)

    def _abandon(self, batch: _Batch, now: int) -> None:
        self._in_hand.difference_update(one.attempt.seq for one in batch.leaving)
        if batch.lane is not None:
            batch.lane.leave((), now)

    def _claim(self, tx: Tx, env: str, channel: str, priorities: Sequence[int], batch: _Batch, now: int) -> None:
        """Everything that is decided about a batch before a provider is called. `batch` is filled in. What has become ready since
        `priorities` were looked at leaves next."""
        active = self._books.active(tx, env)
        if active is None:
            return
        book = active.plan
        claimed = messages.claim(tx, env, channel, now, self._policy.batch, priorities)
        self.was_full = len(claimed) == self._policy.batch
        chosen, crowded = self._choose(tx, env, book, claimed, batch, now)
        if not chosen and crowded and len(claimed) == self._policy.batch and self._routes.branches(channel):
            claimed = self._look_past(tx, env, channel, book, crowded, now)
            chosen, _ = self._choose(tx, env, book, claimed, batch, now)
        if batch.lane is not None:
            self._begin(tx, env, book, batch.lane, chosen, batch, now)
            if not batch.leaving:
                batch.lane.leave((), now)
                batch.lane = None

    def _choose(
        self, tx: Tx, env: str, book: BookPlan, claimed: Sequence[Stored], batch: _Batch, now: int
    ) -> tuple[list[Stored], set[str]]:
        """Those that leave now, all by the provider of the batch's lane; and the providers that others have to wait for."""
        tried = attempts.of_messages(tx, [stored.seq for stored in claimed if stored.tries])
        fit = self._look(tx, env, book, claimed, tried, batch, now)
        chosen: list[Stored] = []
        crowded: set[str] = set()
        later: dict[int, int] = {}
        ends: list[tuple[Stored, Stay]] = []
        for stored in fit:
            names = self._candidates(env, stored, tried.get(stored.seq, ()))
            if not names:
                ends.append((stored, Stay(State.REJECTED, "no_provider", untouched(tried.get(stored.seq, ())), goes_on=True)))
                continue
            going = [name for name in names if f"provider:{name}" not in book.stopped]
            name, at = self._routes.choose(going, now)
            if name is None:
                later[stored.seq] = max(at, now + SECOND) if going else now + _PROVIDER_STOPPED
                continue
            if batch.lane is None:
                batch.lane = self._routes.enter(name, now)
            lane = batch.lane
            if lane is not None and lane.provider == name and lane.take(stored.message.parts):
                chosen.append(stored)
            else:
                crowded.add(name)
        self._end(tx, env, book, ends, batch, now)
        followups.postpone(tx, {seq: self._not_past_its_time(fit, seq, at) for seq, at in later.items()})
        batch.touched = batch.touched or bool(later)
        return chosen, crowded

    def _look_past(self, tx: Tx, env: str, channel: str, book: BookPlan, crowded: Collection[str], now: int) -> list[Stored]:
        """Messages further back, for providers that are free: a slow account must not hold up what goes by another."""
        if now < self._next_look_past:
            return []
        self._next_look_past = now + _LOOK_PAST_EVERY
        picked: list[int] = []
        for seq, to, type in followups.fresh(tx, env, channel, now, _LOOK_PAST):
            going = [name for name in self._routes.order(channel, to, type, str(seq)) if f"provider:{name}" not in book.stopped]
            name, _ = self._routes.choose(going, now)
            if name is not None and name not in crowded and name in self._providers:
                picked.append(seq)
                if len(picked) == self._policy.batch:
                    break
        return followups.claim(tx, picked)

    def _look(
        self, tx: Tx, env: str, book: BookPlan, claimed: Sequence[Stored], tried: Mapping[int, Sequence[Attempt]], batch: _Batch, now: int
    ) -> list[Stored]:
        """Those that may leave now; the others end here."""
        suppressed = followups.suppressed(tx, env, [stored.message.to for stored in claimed])
        batch.standing = timers.standing(tx, env, [retry_id(stored.message) for stored in claimed])
        halted = campaigns.stopped(tx, env, {stored.campaign for stored in claimed if stored.campaign is not None})
        fit: list[Stored] = []
        ends: list[tuple[Stored, Stay]] = []
        for stored in claimed:
            message = stored.message
            clean = untouched(tried.get(stored.seq, ()))
            if stored.campaign in halted:
                ends.append((stored, Stay(State.CANCELLED, "stopped", clean)))
                continue
            late = message.send_until is not None and now > message.send_until
            zone = self._zone(tx, env, book, message) if late else book.zone
            stay = look(message, book, suppressed.get(message.to, ()), zone, now, untouched=clean)
            if stay is not None:
                ends.append((stored, stay))
            else:
                fit.append(stored)
        self._end(tx, env, book, ends, batch, now)
        return fit

    @staticmethod
    def _zone(tx: Tx, env: str, book: BookPlan, message: Message) -> tzinfo:
        if message.user is None:
            return book.zone
        cell = cells.peek(tx, env, user_cell_id(message.user), book.zone)
        return cell.zone if isinstance(cell, UserCell) else book.zone

    def _candidates(self, env: str, stored: Stored, tried: Sequence[Attempt]) -> list[str]:
        return [name for name in candidates(self._order(env, stored), stored, tried) if name in self._providers]

    def _order(self, env: str, stored: Stored) -> list[str]:
        """The providers of its route; in the test environment nothing is really sent."""
        message = stored.message
        order: Sequence[str] = (self._test_provider,)
        if env != "test":
            order = self._routes.order(message.channel, message.to, message.type, str(stored.seq))
        return [name for name in order if name in self._providers]

    @staticmethod
    def _not_past_its_time(fit: Sequence[Stored], seq: int, at: int) -> int:
        """A message is looked at again when its time is over, at the latest, so that its state says so."""
        until = next(stored.message.send_until for stored in fit if stored.seq == seq)
        return at if until is None else min(at, until + 1)

    # ---- what does not leave ------------------------------------------------------------------------------------------------------------

    def _end(self, tx: Tx, env: str, book: BookPlan, ends: Sequence[tuple[Stored, Stay]], batch: _Batch, now: int) -> None:
        """These messages end here: slots are given back, chains go on, and what is still worth it is judged again later."""
        if not ends:
            return
        batch.touched = True
        messages.apply(tx, [Move(stored.seq, stay.state, stay.reason) for stored, stay in ends], now)
        causes: list[Cause] = []
        if observe.heard():
            tx.told += [_told("message stayed", stored, state=stay.state.value, reason=stay.reason) for stored, stay in ends]
        for stored, stay in ends:
            batch.stayed.append((stored.message.type, stay.reason))
            causes += _causes(stored.message, book, stay, now)
        self._deciding.judge(tx, env, causes, now)
        timers.drop(tx, env, [retry_id(stored.message) for stored, _ in ends])
        again = [(stored, stay.release) for stored, stay in ends if stay.release is not None]
        for stored, _ in again:
            followups.set_aside(tx, stored)
            self._forget_sent(tx, env, stored.message)
        timers.add(tx, env, [release_timer(stored.message, due, book) for stored, due in again])

    @staticmethod
    def _forget_sent(tx: Tx, env: str, message: Message) -> None:
        """An audience's message marks its number, against duplicates; this one was not sent after all."""
        cell_id, mark = phone_cell_id(message.to), f"{message.rule}|{message.occurrence}"
        tx.judge(env)
        cell = cells.load(tx, env, [cell_id])[cell_id]
        if cell is not None and mark in cell.sent:
            cell = cell.fork()
            cell.sent = {key: at for key, at in cell.sent.items() if key != mark}
            cells.save(tx, env, {cell_id: cell})

    # ---- leaving ------------------------------------------------------------------------------------------------------------------------

    def _begin(self, tx: Tx, env: str, book: BookPlan, lane: Lane, chosen: Sequence[Stored], batch: _Batch, now: int) -> None:
        """Mark them `submitting` and write what the provider gets. A code exists from here on, in this process's memory alone."""
        texts: dict[int, Submission] = {}
        ends: list[tuple[Stored, Stay]] = []
        for stored in chosen:
            try:
                submission = self._submission(tx, env, book, stored, now)
            except TemplateError:
                submission = None
            if submission is None:
                ends.append((stored, Stay(State.REJECTED, "template_error", goes_on=True)))
            else:
                texts[stored.seq] = submission
        self._end(tx, env, book, ends, batch, now)
        going = [stored for stored in chosen if stored.seq in texts]
        begun = attempts.begin(tx, [(stored, lane.provider) for stored in going], now)
        batch.leaving = [
            _Leaving(stored, attempt, texts[stored.seq], retry_id(stored.message) in batch.standing)
            for stored, attempt in zip(going, begun, strict=True)
        ]
        self._in_hand.update(attempt.seq for attempt in begun)  # before the commit: nobody may take them for lost

    def _submission(self, tx: Tx, env: str, book: BookPlan, stored: Stored, now: int) -> Submission | None:
        message = stored.message
        text, content = message.text, message.content
        if message.verification is not None:
            code = codes.make(int(message.verification["digits"]))
            user = user_cell_id(message.user) if message.user is not None else None
            cut = text_with_code(book, {user: cells.peek(tx, env, user, book.zone)} if user is not None else {}, message, code)
            if cut is None:
                return None
            text, content = cut.text, cut.content
            codes.add(tx, env, self._pepper, message, _attempt_name(stored), code, now)
        signature = book.book.signature or ""
        until = message.send_until
        return Submission(
            submission_id(stored),
            message.to,
            message.channel,
            text,
            content,
            signature=signature if text is not None and signature and text.startswith(f"【{signature}】") else "",
            template=message.template,
            send_until=EPOCH_UTC + timedelta(microseconds=until) if until is not None else None,
        )

    def _submit(self, lane: Lane, leaving: list[_Leaving]) -> None:
        outcomes: Sequence[Outcome] = ()
        try:
            outcomes = self._outcomes(lane.provider, leaving)
        finally:
            lane.leave(outcomes or [Unknown("no answer")], self._clock.now())
        self._record(leaving, outcomes)

    def _outcomes(self, provider: str, leaving: Sequence[_Leaving]) -> Sequence[Outcome]:
        try:
            outcomes = self._providers[provider].submit([one.submission for one in leaving])
        except Exception as error:  # a provider must not raise; if it does, nobody knows what it has sent
            log.error("%s: submit failed: %s", provider, type(error).__name__)
            return [Unknown("defect")] * len(leaving)
        if len(outcomes) != len(leaving):
            log.error("%s: %d outcomes for %d messages", provider, len(outcomes), len(leaving))
            return [Unknown("defect")] * len(leaving)
        return outcomes

    # ---- recording ----------------------------------------------------------------------------------------------------------------------

    def _record(self, leaving: list[_Leaving], outcomes: Sequence[Outcome]) -> None:
        """What the provider said, in a transaction of its own. While the database is away it is kept, and recorded later."""
        now = self._clock.now()
        try:
            self._store.transact(lambda tx: self._answered(tx, leaving, outcomes, now))
        except BaseException:
            self._unrecorded.append((leaving, outcomes))
            raise
        self._in_hand.difference_update(one.attempt.seq for one in leaving)
        for one, outcome in zip(leaving, outcomes, strict=True):
            answer = _answer(one.attempt, outcome)
            self._meters.attempts.labels(one.attempt.provider, answer.outcome, answer.code or "").inc()

    def _record_again(self) -> None:
        while self._unrecorded:
            self._record(*self._unrecorded.pop())

    def _answered(self, tx: Tx, leaving: Sequence[_Leaving], outcomes: Sequence[Outcome], now: int) -> None:
        provider = leaving[0].attempt.provider
        followups.lock_provider(tx, provider)
        answers = [_answer(one.attempt, outcome) for one, outcome in zip(leaving, outcomes, strict=True)]
        attempts.finish(tx, answers, now)
        if observe.heard():
            tx.told += [_told_attempt(one.stored, one.attempt, answer) for one, answer in zip(leaving, answers, strict=True)]
        known = messages.by_seq(tx, [one.stored.seq for one in leaving])
        by_env: dict[str, list[tuple[_Leaving, Outcome]]] = {}
        for one, outcome in zip(leaving, outcomes, strict=True):
            stored = known.get(one.stored.seq)
            # Another attempt may be at work already, after this one was taken for lost: then that one says what becomes of the message.
            if stored is not None and stored.tries == one.attempt.number:
                by_env.setdefault(stored.env, []).append((one, outcome))
        for env, answered in by_env.items():
            self._move(tx, env, answered, now)
        names = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted) and outcome.provider_id]
        self._receiver.take_early(tx, provider, names, min(one.attempt.at for one in leaving), now)

    def _move(self, tx: Tx, env: str, answered: Sequence[tuple[_Leaving, Outcome]], now: int) -> None:
        tried: Mapping[int, Sequence[Attempt]] = {}
        book: BookPlan | None = None
        if not all(isinstance(outcome, Accepted) for _, outcome in answered):  # where all is well neither is asked for
            tried = attempts.of_messages(tx, [one.stored.seq for one, _ in answered])
            active = self._books.active(tx, env)
            book = active.plan if active is not None else None
        moves = {
            one.stored.seq: replace(
                self._after(env, one.stored, tried.get(one.stored.seq, ()), outcome, now), by=(one.attempt.provider, one.attempt.at)
            )
            for one, outcome in answered
        }
        moved = messages.apply(tx, list(moves.values()), now)
        causes: list[Cause] = []
        # After the move: it has waited for a worker that was just looking whether the message is still here.
        standing = timers.standing(tx, env, [retry_id(one.stored.message) for one, _ in answered if one.stood])
        waiting: list[Timer] = []
        overtaken: list[Stored] = []  # by an `unless`
        done: list[str] = []  # timers of messages that will not be tried again
        for one, outcome in answered:
            stored, message = one.stored, one.stored.message
            stays = moved[stored.seq] is Moved.MOVED and moves[stored.seq].to in (State.WAITING, State.UNKNOWN)
            if one.stood and not stays:
                done.append(retry_id(message))
            if isinstance(outcome, Rejected) and message.verification is not None:
                codes.drop(tx, env, message, f"{stored.seq}.{one.attempt.number}")
            if moved[stored.seq] is not Moved.MOVED:
                continue  # a receipt was faster
            if moves[stored.seq].to is State.REJECTED:
                status = "rejected" if untouched(tried[stored.seq]) else "undelivered"  # the latter keeps the cap's slots
                causes.append((Receipt(message, status, in_time(message, book, now)), "receipt", message.id))
            elif moves[stored.seq].to is State.WAITING and not one.stood:
                waiting.append(retry_timer(message, book))
            elif moves[stored.seq].to is State.WAITING and retry_id(message) not in standing:
                overtaken.append(stored)
                causes.append((Cancellation([retry_timer(message, book)], UNLESS), "cancellation", message.id))
                if untouched(tried[stored.seq]):
                    causes.append((Receipt(message, "rejected", in_time=False), "receipt", message.id))
        messages.apply(tx, [Move(stored.seq, State.CANCELLED, UNLESS) for stored in overtaken], now)
        self._deciding.judge(tx, env, causes, now)
        timers.drop(tx, env, done)
        timers.add(tx, env, waiting)

    def _after(self, env: str, stored: Stored, tried: Sequence[Attempt], outcome: Outcome, now: int) -> Move:
        """What an outcome makes of a message."""
        if isinstance(outcome, Accepted):
            return Move(stored.seq, State.ACCEPTED)
        if isinstance(outcome, Unknown):
            return Move(stored.seq, State.UNKNOWN, "no_answer", now + int(self._policy.question_seconds * SECOND))
        reason = outcome.reason
        if reason in _FINAL:
            return Move(stored.seq, State.REJECTED, reason.value)
        others = [name for name in self._order(env, stored) if name not in {attempt.provider for attempt in tried}]
        here = [attempt.provider for attempt in tried].count(tried[-1].provider)
        # Somebody waits for a code: where there is another provider it is asked at once.
        hurry = bool(others) and stored.message.type == "verification"
        if outcome.retryable and here < self._policy.tries and not hurry:
            at = now + backoff(self._policy, here, self._rng)
            until = stored.message.send_until
            return Move(stored.seq, State.WAITING, RETRY, at if until is None else min(at, max(until + 1, now)))
        if others:
            return Move(stored.seq, State.WAITING, NEXT, now)
        return Move(stored.seq, State.REJECTED, reason.value)

    # ---- unknown ------------------------------------------------------------------------------------------------------------------------

    def _follow_up(self) -> bool:
        now = self._clock.now()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_EVERY
        worked = self._recover(int(self._policy.lease_seconds * SECOND)) > 0
        for env in ENVIRONMENTS:
            worked = self._ask(env, now) or worked
        return worked

    def _recover(self, lease: int) -> int:
        """Attempts that nobody works on any more become `unknown`."""
        now = self._clock.now()

        def work(tx: Tx) -> list[Attempt]:
            lost: list[tuple[Stored, Attempt]] = []
            for env in ENVIRONMENTS:
                found = messages.open_since(tx, env, State.SUBMITTING, now - lease)
                tried = attempts.of_messages(tx, [stored.seq for stored in found])
                lost += [(stored, tried[stored.seq][-1]) for stored in found if tried[stored.seq][-1].seq not in self._in_hand]
            ended = [
                (stored, attempt, Answer(attempt.seq, "unknown", "interrupted")) for stored, attempt in lost if attempt.outcome is None
            ]
            attempts.finish(tx, [answer for _, _, answer in ended], now)
            if observe.heard():
                tx.told += [_told_attempt(*one) for one in ended]
            messages.apply(
                tx, [Move(stored.seq, State.UNKNOWN, "interrupted", now, (attempt.provider, attempt.at)) for stored, attempt in lost], now
            )
            return [attempt for _, attempt in lost]

        with self._store.read() as tx:  # an idle service writes nothing
            if not any(messages.open_since(tx, env, State.SUBMITTING, now - lease, 1) for env in ENVIRONMENTS):
                return 0
        lost = self._store.transact(work)
        for attempt in lost:
            if attempt.outcome is None:
                self._meters.attempts.labels(attempt.provider, "unknown", "interrupted").inc()
        if lost:
            log.warning("%d attempts were interrupted: their outcome is unknown", len(lost))
        return len(lost)

    def _ask(self, env: str, now: int) -> bool:
        """Ask providers about unknown messages; where they do not say, do what the type allows."""
        with self._store.read() as tx:
            if not followups.unknown(tx, env, now, 1):
                return False
        asked = self._store.transact(lambda tx: self._take_unknown(tx, env, now))
        silent = []
        for stored, attempt in asked:
            receipt = self._query(stored, attempt)
            if receipt is None:
                silent.append((stored, attempt))
            else:
                self._receiver.receipts(attempt.provider, [receipt])
        again = self._store.transact(lambda tx: self._resend(tx, env, silent, now)) if silent else []
        for type in again:
            self._meters.resent.labels(type).inc()
        return bool(asked)

    def _take_unknown(self, tx: Tx, env: str, now: int) -> list[tuple[Stored, Attempt]]:
        """Unknown messages with their last attempt; each is left alone for a while, longer each time."""
        found = followups.unknown(tx, env, now, self._policy.batch)
        tried = attempts.of_messages(tx, [stored.seq for stored in found])
        pairs = [(stored, tried[stored.seq][-1]) for stored in found]
        first, longest = int(self._policy.question_seconds * SECOND), int(self._policy.give_up_seconds * SECOND)
        ages = {stored.seq: now - attempt.at for stored, attempt in pairs}
        followups.postpone(tx, {seq: now + max(age, first) if age < longest else NEVER for seq, age in ages.items()})
        timers.drop(tx, env, [retry_id(stored.message) for stored in found if ages[stored.seq] >= longest])
        return pairs

    def _query(self, stored: Stored, attempt: Attempt) -> contract.Receipt | None:
        provider = self._providers.get(attempt.provider)
        if provider is None or not provider.can_query:
            return None
        try:
            return provider.query(None, submission_id(stored))
        except Exception as error:
            log.error("%s: query failed: %s", attempt.provider, type(error).__name__)
            return None

    def _resend(self, tx: Tx, env: str, silent: Sequence[tuple[Stored, Attempt]], now: int) -> list[str]:
        """The types of those that are tried again: a new code by another provider, a notification where our id is known."""
        known = messages.by_seq(tx, [stored.seq for stored, _ in silent])
        tried = attempts.of_messages(tx, known)
        standing = timers.standing(tx, env, [retry_id(stored.message) for stored, _ in silent])
        active = self._books.active(tx, env)
        moves: list[Move] = []
        waiting: list[Timer] = []
        types: list[str] = []
        for stored, attempt in silent:
            message = stored.message
            patience = self._policy.patience_seconds.get(message.type)
            if patience is None or now - attempt.at < patience * SECOND or known[stored.seq].state is not State.UNKNOWN:
                continue
            reason = self._resend_reason(env, stored, tried[stored.seq])
            timer = retry_timer(message, active.plan if active is not None else None)
            stood = timer.id in standing
            if reason is None or (timer.watch and not stood):  # the latter: an `unless` came, so it stays what it is
                continue
            moves.append(Move(stored.seq, State.WAITING, reason, now))
            types.append(message.type)
            if not stood:
                waiting.append(timer)
            log.warning("message %d: the outcome at %s is unknown, %s", stored.seq, attempt.provider, reason)
        messages.apply(tx, moves, now)
        timers.add(tx, env, waiting)
        return types

    def _resend_reason(self, env: str, stored: Stored, tried: Sequence[Attempt]) -> str | None:
        if stored.message.type == "verification":
            tried_names = {attempt.provider for attempt in tried}
            fresh = [name for name in self._order(env, stored) if name not in tried_names]
            return NEW_CODE if fresh else None
        provider = self._providers.get(tried[-1].provider)
        unknowns = [attempt.outcome for attempt in tried].count("unknown")
        return RESEND if provider is not None and provider.deduplicates and unknowns <= self._policy.resends else None


# Whatever provider is asked next: the number, the text or the recipient is at fault. Another channel may still do.
_FINAL = frozenset({contract.Reason.DEAD_NUMBER, contract.Reason.BLOCKED_CONTENT, contract.Reason.UNSUBSCRIBED})


def _attempt_name(stored: Stored) -> str:
    return f"{stored.seq}.{stored.tries + 1}"


def _told(event: str, stored: Stored, **more: Any) -> observe.Told:
    """A line of the trace."""
    message = stored.message
    return {
        "event": event,
        "trace": trace_of(stored.env, message.occurrence),
        "env": stored.env,
        "message": stored.seq,
        "rule": message.rule,
        "channel": message.channel,
        **more,
    }


def _told_attempt(stored: Stored, attempt: Attempt, answer: Answer) -> observe.Told:
    told = {"provider": attempt.provider, "number": attempt.number, "outcome": answer.outcome, "reason": answer.code}
    return _told("attempt", stored, **told)


def _answer(attempt: Attempt, outcome: Outcome) -> Answer:
    if isinstance(outcome, Accepted):
        return Answer(attempt.seq, "accepted", provider_ids=(outcome.provider_id,) if outcome.provider_id else ())
    if isinstance(outcome, Rejected):
        return Answer(attempt.seq, "rejected", outcome.reason.value, outcome.code)
    return Answer(attempt.seq, "unknown", "no_answer", outcome.detail)


def _causes(message: Message, book: BookPlan, stay: Stay, now: int) -> list[Cause]:
    """What core has to hear of a message that does not leave."""
    causes: list[Cause] = []
    goes_on = stay.goes_on and bool(message.rest) and in_time(message, book, now)
    if message.rest and not goes_on and stay.reason != "fallback":
        causes.append((Cancellation([Timer(fallback_id(message), "fallback", now)]), "cancellation", message.id))
    if stay.frees or goes_on:
        causes.append((Receipt(message, "rejected" if stay.frees else "undelivered", goes_on), "receipt", message.id))
    return causes
