"""The deliverer: what webhooks are to hear is posted to them, again and again until it is taken or three days are over.

A delivery is claimed for a while, posted outside of any transaction, and what came of it recorded. After a crash the claim lapses and it is
posted again under the same webhook-id, by which the receiver knows it.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from queue import Empty, SimpleQueue
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from engine.runtime.clock import Clock
from engine.runtime.meters import Meters
from engine.runtime.payloads import body, payloads
from engine.runtime.webhooks import MOST, keys_of
from engine.store import deliveries, webhooks
from engine.store.deliveries import Attempt, Delivery
from engine.store.store import Store, Tx
from engine.store.webhooks import Webhook
from providers.contract import Accepted, Outcome, Rejected, Unknown
from providers.webhook import Sender

log = logging.getLogger(__name__)

SECOND = 1_000_000
# From one attempt to the next, as the specification suggests: ten attempts in three days.
SCHEDULE_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.1  # of each, either way, so that what failed together does not come back together
PATIENCE_SECONDS = 3 * 86_400  # a webhook that has taken nothing for so long is not told any more
PARALLEL = 4  # posts to one webhook at a time; one while it is failing
IN_A_ROW = 5  # posts of each of them, claimed and mostly recorded together: a transaction costs as much as a post
CLAIM_SECONDS = 120  # longer than so many posts in a row take
IDLE_SECONDS = 0.5
GONE = "410"


@dataclass(frozen=True, slots=True)
class _Post:
    webhook: Webhook
    delivery: Delivery
    body: bytes
    keys: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Answer:
    webhook: Webhook
    delivery: Delivery
    attempt: Attempt | None  # None: not tried, given back


class Deliverer:
    """`start` posts in threads of its own; `step` posts what is due now and waits for the answers. Several processes may, on PostgreSQL."""

    def __init__(self, store: Store, clock: Clock, *, secret: bytes, sender: Sender, meters: Meters, rng: Random | None = None) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._sender = sender
        self._meters = meters
        self._rng = rng or Random()
        self._pool = ThreadPoolExecutor(2 * MOST * PARALLEL, thread_name_prefix="webhooks")  # a slow one keeps none of the others waiting
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._in_flight: Counter[str] = Counter()  # by webhook
        self._bell = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    # ---- running ------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Deliver from now on."""
        self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """There may be something to deliver."""
        self._bell.set()

    def close(self) -> None:
        """Wait for the answers to what was posted, and stop."""
        self._stopping = True
        self._bell.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()
        self._record_quietly()

    def is_alive(self) -> bool:
        """Whether the thread that delivers is running, or none was started."""
        return self._thread is None or self._thread.is_alive()

    def step(self) -> bool:
        """Post what is due, and record what came of it. False: nothing was."""
        wait(posted := self._begin())
        return self._record() > 0 or bool(posted)

    def _run(self) -> None:
        while not self._stopping:
            self._bell.clear()
            worked = False
            try:
                worked = self._record() > 0
                worked = bool(self._begin()) or worked
            except SQLAlchemyError as error:  # away, or full: answers are kept until they can be recorded
                log.error("the database fails: %s", type(error).__name__)
            if not worked:
                self._bell.wait(IDLE_SECONDS)

    # ---- posting ------------------------------------------------------------------------------------------------------------------------

    def _begin(self) -> list[Future[None]]:
        now = self._clock.now()
        with self._store.read() as tx:
            due = [one for one in webhooks.enabled(tx) if self._room(one) > 0 and deliveries.is_due(tx, one.id, now)]
        if not due:
            return []
        posts = self._store.transact(lambda tx: [post for one in due for post in self._claim(tx, one, now)])
        self._in_flight.update(post.webhook.id for post in posts)
        rows = [[post for post in posts if post.webhook.id == one.id][start::PARALLEL] for one in due for start in range(PARALLEL)]
        return [self._pool.submit(self._post_in_a_row, row) for row in rows if row]

    @cached_property
    def _secured(self) -> Sender:
        """With one list of authorities for all: reading it takes longer than a post."""
        return self._sender if self._sender.context is not None else replace(self._sender, context=ssl.create_default_context())

    def _room(self, webhook: Webhook) -> int:
        if self._in_flight[webhook.id]:
            return 0
        return PARALLEL * IN_A_ROW if webhook.failing_since is None else 1

    def _claim(self, tx: Tx, webhook: Webhook, now: int) -> list[_Post]:
        claimed = deliveries.claim(tx, webhook.id, now, now + CLAIM_SECONDS * SECOND, self._room(webhook))
        found = payloads(tx, claimed)
        # Of what is gone (erased, too old) nobody is told any more.
        deliveries.forget(tx, [one.subject for one in claimed if one.seq not in found])
        keys = keys_of(self._secret, webhook, now)
        return [_Post(webhook, one, body(found[one.seq]), keys) for one in claimed if one.seq in found]

    def _post_in_a_row(self, posts: Sequence[_Post]) -> None:
        """Until one fails: then the others are given back, to be tried one by one."""
        goes_on = True
        for post in posts:
            attempt = self._post(post) if goes_on and not self._stopping else None
            goes_on = attempt is not None and attempt.outcome == "delivered"
            self._answers.put(_Answer(post.webhook, post.delivery, attempt))
            self._bell.set()

    def _post(self, post: _Post) -> Attempt:
        at, began = self._clock.now(), time.monotonic()
        try:
            # The receiver refuses what is minutes away from its own clock: the machine's, not one that a test moves.
            outcome = self._secured.send(post.webhook.url, post.delivery.id, post.body, post.keys, datetime.now(UTC))
        except Exception as error:
            log.error("webhook %s: %s", post.webhook.id, type(error).__name__)
            outcome = Unknown("defect")
        return _attempt(at, int((time.monotonic() - began) * 1_000), outcome)

    # ---- recording ----------------------------------------------------------------------------------------------------------------------

    def _record(self) -> int:
        """Keep what has come back, in one transaction; how much."""
        answers = list(_drained(self._answers))
        if not answers:
            return 0
        try:
            disabled = self._store.transact(lambda tx: self._keep(tx, answers))
        except BaseException:
            for answer in answers:
                self._answers.put(answer)
            raise
        self._in_flight.subtract(answer.webhook.id for answer in answers)
        for attempt in _attempts(answers):
            self._meters.webhooks.labels(attempt.outcome).inc()
        for webhook in disabled:
            log.warning("webhook %s is disabled: %s", webhook.id, webhook.reason)
        return len(answers)

    def _record_quietly(self) -> None:
        try:
            self._record()
        except SQLAlchemyError as error:
            log.error("the database fails: %s", type(error).__name__)

    def _keep(self, tx: Tx, answers: Sequence[_Answer]) -> list[Webhook]:
        """The webhooks that are not told any more from now on."""
        now = self._clock.now()
        deliveries.save(tx, [self._after(answer, now) for answer in answers])
        disabled = []
        for env, id in sorted({(answer.webhook.env, answer.webhook.id) for answer in answers}):
            before = webhooks.get(tx, env, id)
            attempts = _attempts(answer for answer in answers if answer.webhook.id == id)
            if before is None or not attempts:
                continue
            after = _judged(before, attempts, now)
            if after != before:
                webhooks.save(tx, after)
            if before.enabled and not after.enabled:
                disabled.append(after)
        return disabled

    def _after(self, answer: _Answer, now: int) -> Delivery:
        delivery, attempt = answer.delivery, answer.attempt
        if attempt is None:
            return delivery  # due as before it was claimed
        done = replace(delivery, tries=delivery.tries + 1, attempts=[*delivery.attempts, attempt])
        if attempt.outcome == "delivered":
            return replace(done, state="delivered")
        if done.tries > len(SCHEDULE_SECONDS):
            return replace(done, state="failed")
        pause = SCHEDULE_SECONDS[done.tries - 1] * SECOND
        return replace(done, due=now + int(pause * self._rng.uniform(1 - JITTER, 1 + JITTER)))


def _drained(answers: SimpleQueue[_Answer]) -> list[_Answer]:
    found = []
    while True:
        try:
            found.append(answers.get_nowait())
        except Empty:
            return found


def _attempts(answers: Iterable[_Answer]) -> list[Attempt]:
    return [answer.attempt for answer in answers if answer.attempt is not None]


def _attempt(at: int, milliseconds: int, outcome: Outcome) -> Attempt:
    if isinstance(outcome, Accepted):
        return Attempt(at, milliseconds, "delivered")
    code = outcome.code if isinstance(outcome, Rejected) else outcome.detail
    return Attempt(at, milliseconds, "failed", code)


def _judged(webhook: Webhook, attempts: Sequence[Attempt], now: int) -> Webhook:
    """A webhook after some attempts: one that is gone, or has taken nothing for days, is not told any more."""
    if any(attempt.code == GONE for attempt in attempts):
        return replace(webhook, enabled=False, reason="gone")
    if any(attempt.outcome == "delivered" for attempt in attempts):
        return replace(webhook, failing_since=None)
    since = webhook.failing_since if webhook.failing_since is not None else attempts[0].at
    if webhook.enabled and now - since >= PATIENCE_SECONDS * SECOND:
        return replace(webhook, failing_since=since, enabled=False, reason="failing")
    return replace(webhook, failing_since=since)
