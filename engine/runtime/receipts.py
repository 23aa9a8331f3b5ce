"""What comes back from gateways: receipts move messages on, replies opt numbers out.

A receipt is obeyed where states.py has an arrow, once; late, repeated and out-of-order ones are kept and counted. It is judged by core in
the same transaction, so that a chain goes on exactly once.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from engine.core.occurrences import OptOut, Receipt
from engine.core.outcomes import Message
from engine.core.phones import mask, normalise
from engine.core.plan import BookPlan
from engine.core.zones import EPOCH_UTC
from engine.runtime.books import ENVIRONMENTS, Books
from engine.runtime.clock import Clock
from engine.runtime.deciding import Deciding
from engine.runtime.meters import Meters
from engine.runtime.routing import WITHOUT_ROUTE, Routing
from engine.runtime.waiting import retry_id
from engine.store import attempts, followups, messages, suppressions, timers
from engine.store.attempts import Attempt
from engine.store.messages import Move, Stored
from engine.store.states import Moved, State
from engine.store.store import Store, Tx
from engine.store.suppressions import Suppression
from providers import contract
from providers.contract import ReceiptStatus

log = logging.getLogger(__name__)

STATES: Mapping[str, State] = {
    ReceiptStatus.ACCEPTED: State.ACCEPTED,
    ReceiptStatus.DELIVERED: State.DELIVERED,
    ReceiptStatus.UNDELIVERED: State.UNDELIVERED,
    ReceiptStatus.REJECTED: State.REJECTED,
}
_JUDGED = (State.DELIVERED, State.UNDELIVERED, State.REJECTED)
_EFFECTS = {Moved.MOVED: "moved", Moved.REPEATED: "repeated", Moved.REFUSED: "late", Moved.MISSING: "unmatched"}
_MICROSECOND = timedelta(microseconds=1)
OPT_OUTS = frozenset({"r", "t", "td", "n", "退订", "退訂", "拒收"})


# ---- our id at gateways -----------------------------------------------------------------------------------------------------------------


def submission_id(stored: Stored) -> str:
    """What gateways are told as our id: short, without personal data, the same in every attempt, and no other installation's."""
    return f"hy{stored.seq}-{_check(stored)}"


def _check(stored: Stored) -> str:
    message = stored.message
    written = f"{stored.env}|{stored.seq}|{message.at}|{message.rule}|{message.occurrence}"
    return sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _seq_of(id: str) -> int | None:
    number, _, _ = id.removeprefix("hy").partition("-")
    return int(number) if id.startswith("hy") and number.isascii() and number.isdigit() and len(number) < 19 else None


# ---- receipts ---------------------------------------------------------------------------------------------------------------------------


def in_time(message: Message, plan: BookPlan | None, now: int) -> bool:
    """Whether the chain still waits for word of this message."""
    rule = plan.rules.get(message.rule) if plan is not None else None
    return rule is not None and now <= message.at + rule.rule.send.fallback_after.micros


def is_opt_out(text: str) -> bool:
    """Whether a reply asks for no more: R, T, TD, N, 退订, 拒收, however wide, spaced or punctuated."""
    letters = unicodedata.normalize("NFKC", text[:100]).casefold()
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] in "LN") in OPT_OUTS


@dataclass(frozen=True, slots=True)
class _Found:
    """Whose receipt it is. `parts`: what is said of each part, this one included."""

    stored: Stored
    attempt: Attempt
    is_latest: bool
    parts: Sequence[str | None] = ()


class Receiver:
    """The sinks of all providers. Returns when everything is committed; raises when it is not, so that the gateway sends it again."""

    def __init__(
        self,
        store: Store,
        books: Books,
        deciding: Deciding,
        clock: Clock,
        *,
        routing: Routing | None = None,
        meters: Meters | None = None,
        test_provider: str = WITHOUT_ROUTE,
    ) -> None:
        self._store = store
        self._books = books
        self._deciding = deciding
        self._clock = clock
        self._routing = routing
        self._meters = meters or Meters()
        self._test_provider = test_provider

    def receipts(self, provider: str, receipts: Sequence[contract.Receipt]) -> None:
        """Receipts as a provider reports them."""
        now = self._clock.now()
        for effect in self._store.transact(lambda tx: [self.take(tx, provider, receipt, now) for receipt in receipts]):
            self._meters.receipts.labels(provider, effect).inc()

    def take(self, tx: Tx, provider: str, receipt: contract.Receipt, now: int) -> str:
        """Keep one receipt and obey it where that is right; its effect."""
        found = self._find(tx, provider, receipt)
        if found is None:
            followups.lock_provider(tx, provider)  # an answer may be on its way that names this message
            found = self._find(tx, provider, receipt)
        effect = self._obey(tx, provider, found, receipt, now) if found is not None else "unmatched"
        kept = attempts.Receipt(
            provider,
            receipt.provider_id or receipt.id or "",
            (receipt.at - EPOCH_UTC) // _MICROSECOND,
            now,
            receipt.status.value,
            effect,
            found.stored.seq if found is not None else None,
            receipt.reason.value if receipt.reason is not None else None,
            receipt.code,
        )
        attempts.add_receipts(tx, [kept])
        return effect

    def take_early(self, tx: Tx, provider: str, provider_ids: Sequence[str], since: int, now: int) -> None:
        """The provider has just said what it calls these messages: look for receipts that came before. The provider is locked."""
        for seq, kept in followups.early(tx, provider, provider_ids, since):
            again = contract.Receipt(
                None,
                kept.provider_id,
                ReceiptStatus(kept.status),
                EPOCH_UTC + kept.at * _MICROSECOND,
                contract.Reason(kept.code) if kept.code is not None else None,  # type: ignore[call-arg]
                kept.raw or "",
            )
            found = self._find(tx, provider, again)
            if found is not None:
                followups.match(tx, seq, found.stored.seq, self._obey(tx, provider, found, again, now))

    def _find(self, tx: Tx, provider: str, receipt: contract.Receipt) -> _Found | None:
        """By the gateway's id, else by ours, else by another spelling of the gateway's. A phone that is said must be the message's."""
        if receipt.provider_id is not None and (found := self._traced(tx, provider, receipt.provider_id, receipt)) is not None:
            return found
        seq = _seq_of(receipt.id) if receipt.id is not None else None
        if seq is not None:
            stored = messages.by_seq(tx, [seq]).get(seq)
            if stored is not None and submission_id(stored) == receipt.id:
                tried = attempts.of_messages(tx, [seq]).get(seq, [])
                ours = [one for one in tried if one.provider == provider]
                if ours:
                    return _Found(stored, ours[-1], ours[-1] is tried[-1])
        for other in receipt.other_ids:
            if receipt.phone is not None and (found := self._traced(tx, provider, other, receipt)) is not None:
                return found
        return None

    def _traced(self, tx: Tx, provider: str, provider_id: str, receipt: contract.Receipt) -> _Found | None:
        traced = attempts.trace(tx, provider, provider_id)
        stored = messages.by_seq(tx, [traced.message]).get(traced.message) if traced is not None else None
        if traced is None or stored is None or (receipt.phone is not None and receipt.phone != stored.message.to):
            return None
        tried = attempts.of_messages(tx, [stored.seq])[stored.seq]
        attempt = next(one for one in tried if one.seq == traced.attempt)
        attempts.note_status(tx, provider, provider_id, receipt.status.value)
        parts = [receipt.status.value if at == traced.part else status for at, status in enumerate(traced.statuses, 1)]
        return _Found(stored, attempt, attempt is tried[-1], parts)

    def _obey(self, tx: Tx, provider: str, found: _Found, receipt: contract.Receipt, now: int) -> str:
        stored, to = found.stored, STATES[receipt.status]
        if to is State.DELIVERED and any(status != ReceiptStatus.DELIVERED for status in found.parts):
            return "partial"
        if to is not State.DELIVERED and not found.is_latest:
            return "late"  # another attempt is at work: only good news of this one counts
        reason = receipt.reason.value if receipt.reason is not None else None
        moved = messages.apply(tx, [Move(stored.seq, to, reason)], now)[stored.seq]
        if moved is Moved.MOVED and to in _JUDGED:
            timers.drop(tx, stored.env, [retry_id(stored)])
            active = self._books.active(tx, stored.env)
            heard = Receipt(stored.message, to.value, in_time(stored.message, active.plan if active is not None else None, now))
            self._deciding.judge(tx, stored.env, [(heard, "receipt", stored.message.id)], now)
            if to is State.DELIVERED and self._routing is not None:
                self._routing.receipt_came(provider, now - found.attempt.at, now)
        return _EFFECTS[moved]

    # ---- replies ------------------------------------------------------------------------------------------------------------------------

    def inbound(self, provider: str, replies: Sequence[contract.Inbound]) -> None:
        """Replies of recipients. Those that opt out stop marketing to the number; others are not kept."""
        numbers = [number for reply in replies if is_opt_out(reply.text) and (number := normalise(reply.sender)) is not None]
        if not numbers:
            return
        now = self._clock.now()

        def work(tx: Tx) -> None:
            for number in numbers:
                for env in self._environments(tx, provider, number):
                    suppressions.note(tx, env, [Suppression(number, "marketing", f"reply by {provider}", now)])
                    self._deciding.judge(tx, env, [(OptOut(number, frozenset({"marketing"})), "opt_out", number)], now)

        self._store.transact(work)
        self._meters.opt_outs.labels(provider).inc(len(numbers))
        for number in numbers:
            log.info("%s: %s opted out", provider, mask(number))

    def _environments(self, tx: Tx, provider: str, number: str) -> Sequence[str]:
        """Only the provider of tests may speak of the test environment, and only about numbers that it has sent to."""
        if provider != self._test_provider:
            return ("live",)
        known = [env for env in ENVIRONMENTS if messages.newest(tx, env, to=number, limit=1).items]
        return known or ("live",)
