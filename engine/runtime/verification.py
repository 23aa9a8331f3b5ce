"""Verification: a code is asked for through the book's rules, and checked, once.

Who asks learns nothing of a number: known, unknown or blocked, the answer is the same. Guessing is bounded by the checks of a verification,
which a new code does not renew, and by a wait that doubles with every code that was asked for and not used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.core.caps import network
from engine.core.networks import Networks
from engine.core.outcomes import Verdict
from engine.core.phones import normalise, prefix
from engine.core.plan import BookPlan, RulePlan
from engine.core.zones import format_instant, parse_instant
from engine.runtime import codes
from engine.runtime.books import Books
from engine.runtime.clock import Clock
from engine.runtime.errors import ServiceError, Throttled
from engine.runtime.meters import Meters
from engine.store import decisions, figures, networks, tallies, verifications
from engine.store.store import Store, Tx
from engine.store.verifications import Verification

log = logging.getLogger(__name__)

SECOND = 1_000_000
HOUR = 3600 * SECOND
SOURCE = "verifications"  # of the events that are posted here
EVENT = "verification.requested"


class VerificationRefused(ServiceError):
    """Nothing can be verified: no valid number, or a purpose that the book does not have. `pointer`: where (RFC 6901)."""

    def __init__(self, reason: str, pointer: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer


class Accepted(Protocol):
    """What became of the event."""

    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def pointer(self) -> str | None: ...


Accept = Callable[[str, Mapping[str, Any]], Accepted]  # (env, line)
AwaitDecision = Callable[[str, str, str, float], bool]  # (env, source, id, timeout_seconds)


@dataclass(frozen=True, slots=True)
class Caution:
    """How guessing and pumping are slowed down. Durations are seconds."""

    first_wait_seconds: int = 30  # after the first code; doubles with each one that is not used
    longest_wait_seconds: int = 3600
    remembers_seconds: int = 86_400
    decision_seconds: float = 5  # how long `start` waits for the verdict
    alarm_least: int = 20  # verifications of a block of numbers, or from a network, in `alarm_window_seconds`, ...
    alarm_share: float = 0.2  # ... of which fewer than this were approved
    alarm_window_seconds: int = 3600
    alarm_delay_seconds: int = 120  # time to type the code in
    alarm_again_seconds: int = 600


class Verifications:
    """Starts and checks. May be shared by threads."""

    def __init__(
        self,
        store: Store,
        books: Books,
        clock: Clock,
        *,
        pepper: bytes,
        accept: Accept,
        await_decision: AwaitDecision,
        meters: Meters | None = None,
        caution: Caution | None = None,
    ) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._pepper = pepper
        self._accept = accept
        self._await = await_decision
        self._meters = meters or Meters()
        self._caution = caution or Caution()
        self._alarms: dict[tuple[str, str], int] = {}  # (env, block) -> when it was last rung
        self._lock = threading.Lock()

    # ---- start --------------------------------------------------------------------------------------------------------------------------

    def start(
        self, env: str, phone: str, purpose: str, user: str | None = None, ip: str | None = None, device_id: str | None = None
    ) -> dict[str, Any]:
        """Ask for a code. Raises Throttled, by our own back-off or the book's caps, and VerificationRefused."""
        number = normalise(phone)
        if number is None:
            raise VerificationRefused("must be a phone number", "/phone")
        opened = self._store.transact(lambda tx: self._open(tx, env, number, purpose, user, network(ip)))
        data = {"purpose": purpose, "ip": ip, "device_id": device_id}
        # By the number alone: the person may be about to change it, and is somebody only once the code is right.
        event_id = f"{opened.id}.{len(opened.body['starts'])}"
        line = {
            "id": event_id,
            "source": SOURCE,
            "type": EVENT,
            "time": format_instant(self._clock.now()),
            "user": {"phone": number},
            "data": {name: value for name, value in data.items() if value is not None},
        }
        accepted = self._accept(env, line)
        if accepted.status == "refused":
            self._store.transact(lambda tx: self._withdraw(tx, env, opened.id))
            raise VerificationRefused(accepted.reason or "refused", accepted.pointer)
        self._await(env, SOURCE, event_id, self._caution.decision_seconds)
        return self._answer(env, opened.id, event_id)

    def _open(self, tx: Tx, env: str, phone: str, purpose: str, user: str | None, network: str | None) -> Verification:
        """The verification that the code will belong to: the one that waits for a code already, else a new one."""
        now = self._clock.now()
        tallies.lock_number(tx, env, phone)
        found = verifications.latest(tx, env, purpose, phone=phone)
        wait = self._wait(tx, env, phone, now)
        if wait > 0:
            raise Throttled(wait)
        if found is None or not codes.is_open(found, now):
            found = codes.begin(phone, purpose, user, now)
        figures.note(tx, env, "verifications", figures.hour(now), "asked")
        found = replace(found, user=user or found.user, network=network, body={**found.body, "starts": [*found.body["starts"], now]})
        verifications.save(tx, env, found)
        return found

    def _wait(self, tx: Tx, env: str, phone: str, now: int) -> int:
        """Seconds until the number may ask again. It counts what was asked for since a code was last used, whatever the purpose."""
        caution = self._caution
        starts: list[int] = []
        for state, body in tallies.begun(tx, env, phone, now - caution.remembers_seconds * SECOND):
            starts = [] if state == "approved" else starts + body["starts"]
        if not starts:
            return 0
        wait: int = min(caution.first_wait_seconds << min(len(starts) - 1, 30), caution.longest_wait_seconds)
        return -(-(max(starts) + wait * SECOND - now) // SECOND)

    def _withdraw(self, tx: Tx, env: str, id: str) -> None:
        found = verifications.get(tx, env, id)
        if found is not None and not found.codes:
            verifications.end(tx, env, replace(found, state="cancelled"), self._clock.now())

    def _answer(self, env: str, id: str, event_id: str) -> dict[str, Any]:
        now = self._clock.now()
        with self._store.read() as tx:
            verification = verifications.get(tx, env, id)
            assert verification is not None
            verdicts = [verdict for one in decisions.of_cause(tx, env, event_id, SOURCE) for verdict in one.verdicts]
            active = self._books.active(tx, env)
            retry = max(self._wait(tx, env, verification.phone, now), 0)
            ratios = self._ratios(tx, env, verification, now)
        for block, ratio in ratios.items():
            self._watch(env, block, ratio, now)
        rule, verdict = _judged(verdicts, active.plan if active is not None else None)
        if verdict is not None and verdict.reason == "capped":
            raise Throttled(max(_seconds_until(verdict.detail.get("frees_at"), now), retry, 1))
        expires, left = verification.expires, verification.checks_left
        if rule is not None and not verification.codes:  # not sent yet, or never to be: what is said is the same
            spec = rule.verification.code if rule.verification is not None else None
            if spec is not None and spec.valid_for is not None:
                expires = now + spec.valid_for.micros
            if spec is not None and spec.checks is not None:
                left = max(spec.checks - verification.body["used"], 0)
        return {
            "id": verification.id,
            "status": verification.state,
            "expires_at": format_instant(expires),
            "retry_after_seconds": max(retry, _least_distance(rule)),
            "checks_left": left,
        }

    # ---- check --------------------------------------------------------------------------------------------------------------------------

    def check(
        self,
        env: str,
        *,
        code: str,
        id: str | None = None,
        phone: str | None = None,
        user: str | None = None,
        purpose: str | None = None,
    ) -> dict[str, Any] | None:
        """Whether the code is right: by the verification's id, else the latest of a phone or user for a purpose. None: there is none."""
        number = normalise(phone) if phone is not None else None
        if id is None and (purpose is None or (number is None and user is None)):
            return None

        def work(tx: Tx) -> dict[str, Any] | None:
            if id is not None:
                found = verifications.get(tx, env, id)
            else:
                assert purpose is not None
                found = verifications.latest(tx, env, purpose, phone=number, user=user)
            return self._checked(tx, env, found, code, purpose) if found is not None else None

        answer = self._store.transact(work)
        self._meters.checks.labels(answer["status"] if answer is not None else "missing").inc()
        return answer

    def _checked(self, tx: Tx, env: str, found: Verification, code: str, purpose: str | None) -> dict[str, Any]:
        """One check, counted whatever comes of it. The row is locked, so of checks at the same time one can be right."""
        now = self._clock.now()
        figures.note(tx, env, "verifications", figures.hour(now), "checked")
        if found.state != "pending":
            # Used up: the same code again is wrong.
            return _checked("failed" if found.state == "approved" else found.state, replace(found, checks_left=0))
        if now > found.expires:
            ended = replace(found, state="expired", codes=())
            verifications.end(tx, env, ended, now)
            return _checked("expired", ended)
        if found.checks_left <= 0:
            return _checked("failed", found)
        sealed = codes.seal(self._pepper, env, found.phone, found.purpose if purpose is None else purpose, code)
        right = codes.fits(found, sealed, now)
        left = found.checks_left - 1
        state = "approved" if right else "pending" if left else "failed"
        if right:
            figures.note(tx, env, "verifications", figures.hour(now), "approved")
        kept = found.codes if state == "pending" else ()
        body = {**found.body, "used": found.body["used"] + 1}
        after = replace(found, state=state, checks_left=left, codes=kept, body=body)
        if state == "pending":
            verifications.save(tx, env, after)
        else:
            verifications.end(tx, env, after, now)
        return _checked(state, after)

    # ---- watching blocks of numbers and of addresses -------------------------------------------------------------------------------------

    def _ratios(self, tx: Tx, env: str, verification: Verification, now: int) -> dict[str, tuple[int, int]]:
        """(asked for, approved) lately among the number's neighbours, and from the network."""
        since, until = self._window(now)
        block = prefix(verification.phone)
        found = {f"numbers {block}****": tallies.verified(tx, env, block, since, until)}
        if verification.network is not None:
            found[f"network {verification.network}"] = tallies.verified_from(tx, env, verification.network, since, until)
        return found

    def _window(self, now: int) -> tuple[int, int]:
        caution = self._caution
        return now - caution.alarm_window_seconds * SECOND, now - caution.alarm_delay_seconds * SECOND

    def _is_pumped(self, asked: int, approved: int) -> bool:
        return asked >= self._caution.alarm_least and approved < self._caution.alarm_share * asked

    def _watch(self, env: str, block: str, ratio: tuple[int, int], now: int) -> None:
        """Codes that hardly anybody uses are being pumped: an operator should know."""
        if not self._is_pumped(*ratio):
            return
        with self._lock:
            last = self._alarms.get((env, block))
            if last is not None and now - last < self._caution.alarm_again_seconds * SECOND:
                return
            self._alarms = {key: at for key, at in self._alarms.items() if now - at < HOUR} | {(env, block): now}
        self._meters.unverified.labels(block.partition(" ")[0]).inc()
        log.warning("%s: %d verifications asked for, %d approved in the last hour", block, *ratio)

    def abuse(self, env: str, limit: int = 50) -> dict[str, Any]:
        """Verified to sent by block of numbers and by network, over the window that the alarm looks at; the worst first.

        `{"since", "until", "prefixes": [row], "networks": [row]}`, a row being `{"prefix" or "network", "asked", "approved", "ratio",
        "alarm", "blocked"}`; `blocked` of networks alone: it lies in a network of the block list. Blocks of one verification are left out.
        """
        since, until = self._window(self._clock.now())
        with self._store.read() as tx:
            found = tallies.by_block(tx, env, since, until, 2, limit)
            blocked = Networks(networks.every(tx, env))

        def row(name: str, shown: str, asked: int, approved: int) -> dict[str, Any]:
            ratio = round(approved / asked, 4)
            return {name: shown, "asked": asked, "approved": approved, "ratio": ratio, "alarm": self._is_pumped(asked, approved)}

        return {
            "since": format_instant(since),
            "until": format_instant(until),
            "prefixes": [row("prefix", f"{block}****", asked, approved) for block, asked, approved in found["prefix"]],
            "networks": [
                row("network", block, asked, approved) | {"blocked": blocked.holding(block.partition("/")[0]) is not None}
                for block, asked, approved in found["network"]
            ],
        }


def _judged(verdicts: list[Verdict], plan: BookPlan | None) -> tuple[RulePlan | None, Verdict | None]:
    """The rule that was meant to send a code, and what it said."""
    for verdict in verdicts:
        rule = plan.rules.get(verdict.rule) if plan is not None else None
        if rule is not None and rule.verification is not None and verdict.reason != "condition_false":
            return rule, verdict
    return None, None


def _seconds_until(instant: Any, now: int) -> int:
    at = parse_instant(instant, None) if isinstance(instant, str) else None
    return -(-(at - now) // SECOND) if at is not None else 0


def _least_distance(rule: RulePlan | None) -> int:
    """Seconds between two codes that the rule's own caps demand of a number."""
    if rule is None:
        return 0
    single = [cap.micros for cap in rule.caps if cap.max == 1 and cap.kind == "sliding" and cap.by == ("phone",)]
    return max(single, default=0) // SECOND


def _checked(status: str, verification: Verification) -> dict[str, Any]:
    return {
        "id": verification.id,
        "status": status,
        "expires_at": format_instant(verification.expires),
        "checks_left": verification.checks_left,
    }
