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

from engine import observe
from engine.core.occurrences import OptOut, Receipt
from engine.core.outcomes import Message
from engine.core.phones import mask, normalise
from engine.core.plan import BookPlan
from engine.core.zones import EPOCH_UTC
from engine.runtime.books import ENVIRONMENTS, Books
from engine.runtime.clock import Clock
from engine.runtime.deciding import Cause, Deciding
from engine.runtime.meters import Meters
from engine.runtime.routing import WITHOUT_ROUTE, Routing
from engine.runtime.waiting import retry_id
from engine.store import attempts, followups, messages, suppressions, timers
from engine.store.attempts import Attempt
from engine.store.columns import key_of
from engine.store.followups import Named
from engine.store.messages import Move, Stored
from engine.store.states import Moved, State
from engine.store.store import Store, Tx
from engine.store.suppressions import Suppression
from engine.traces import trace_of
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
    """Whose receipt it is. `named`: what the gateway's ids say, where it was found by one of them, `id`."""

    stored: Stored
    attempt: Attempt
    is_latest: bool
    named: Named | None = None
    id: str = ""


def _reason(receipt: contract.Receipt) -> str | None:
    return receipt.reason.value if receipt.reason is not None else None


def _told(provider: str, receipt: contract.Receipt, found: _Found | None, effect: str) -> observe.Told:
    """A line of the trace; one of no message that we know has none."""
    stored = found.stored if found is not None else None
    return {
        "event": "receipt",
        "trace": trace_of(stored.env, stored.message.occurrence) if stored is not None else None,
        "env": stored.env if stored is not None else None,
        "message": stored.seq if stored is not None else None,
        "provider": provider,
        "status": receipt.status.value,
        "effect": effect,
        "reason": _reason(receipt),
    }


def _kept(provider: str, receipt: contract.Receipt, found: _Found | None, effect: str, now: int) -> attempts.Receipt:
    return attempts.Receipt(
        provider,
        receipt.provider_id or receipt.id or "",
        (receipt.at - EPOCH_UTC) // _MICROSECOND,
        now,
        receipt.status.value,
        effect,
        found.stored.seq if found is not None else None,
        _reason(receipt),
        receipt.code,
    )


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
        for effect in self._store.transact(lambda tx: self.take(tx, provider, receipts, now)):
            self._meters.receipts.labels(provider, effect).inc()

    def take(self, tx: Tx, provider: str, receipts: Sequence[contract.Receipt], now: int) -> list[str]:
        """Keep receipts and obey them where that is right; their effects."""
        found = self._find(tx, provider, receipts)
        if None in found:
            followups.lock_provider(tx, provider)  # an answer may be on its way that names this message
            found = self._find(tx, provider, receipts)
        effects = self._obey(tx, provider, found, receipts, now)
        if observe.heard():
            tx.told += [_told(provider, receipt, whose, effect) for receipt, whose, effect in zip(receipts, found, effects, strict=True)]
        attempts.add_receipts(
            tx, [_kept(provider, receipt, whose, effect, now) for receipt, whose, effect in zip(receipts, found, effects, strict=True)]
        )
        return effects

    def take_early(self, tx: Tx, provider: str, provider_ids: Sequence[str], since: int, now: int) -> None:
        """The provider has just said what it calls these messages: look for receipts that came before. The provider is locked."""
        early = followups.early(tx, provider, provider_ids, since) if provider_ids else []
        if not early:
            return
        receipts = [
            contract.Receipt(
                None,
                kept.provider_id,
                ReceiptStatus(kept.status),
                EPOCH_UTC + kept.at * _MICROSECOND,
                contract.Reason(kept.code) if kept.code is not None else None,  # type: ignore[call-arg]
                kept.raw or "",
            )
            for _, kept in early
        ]
        found = self._find(tx, provider, receipts)
        effects = self._obey(tx, provider, found, receipts, now)
        for (seq, _), receipt, whose, effect in zip(early, receipts, found, effects, strict=True):
            if whose is not None:
                followups.match(tx, seq, whose.stored.seq, effect)
                if observe.heard():
                    tx.told.append(_told(provider, receipt, whose, effect))

    # ---- whose they are -----------------------------------------------------------------------------------------------------------------

    def _find(self, tx: Tx, provider: str, receipts: Sequence[contract.Receipt]) -> list[_Found | None]:
        """By the gateway's id, else by ours, else by another spelling of the gateway's. A phone that is said must be the message's."""
        theirs = followups.named(tx, provider, [id for receipt in receipts for id in (receipt.provider_id, *receipt.other_ids) if id])
        ours = {seq for receipt in receipts if receipt.id is not None and (seq := _seq_of(receipt.id)) is not None}
        seqs = ours | {named.message for named in theirs.values()}
        known, tried = messages.by_seq(tx, seqs), attempts.of_messages(tx, seqs)

        def by_theirs(receipt: contract.Receipt, id: str) -> _Found | None:
            named = theirs.get(key_of(id))
            stored = known.get(named.message) if named is not None else None
            if named is None or stored is None or receipt.phone not in (None, stored.message.to):
                return None
            attempt = next(one for one in tried[stored.seq] if one.seq == named.attempt)
            return _Found(stored, attempt, attempt is tried[stored.seq][-1], named, key_of(id))

        def by_ours(id: str) -> _Found | None:
            stored = known.get(_seq_of(id) or 0)
            if stored is None or submission_id(stored) != id:
                return None
            here = [one for one in tried.get(stored.seq, ()) if one.provider == provider]
            return _Found(stored, here[-1], here[-1] is tried[stored.seq][-1]) if here else None

        def whose(receipt: contract.Receipt) -> _Found | None:
            found = by_theirs(receipt, receipt.provider_id) if receipt.provider_id else None
            if found is None and receipt.id is not None:
                found = by_ours(receipt.id)
            others = receipt.other_ids if found is None and receipt.phone is not None else ()
            return next((other for id in others if (other := by_theirs(receipt, id)) is not None), found)

        return [whose(receipt) for receipt in receipts]

    # ---- what follows -------------------------------------------------------------------------------------------------------------------

    def _obey(self, tx: Tx, provider: str, found: Sequence[_Found | None], receipts: Sequence[contract.Receipt], now: int) -> list[str]:
        """Move the messages, and let core judge what moved, in order. Each effect."""
        effects = ["unmatched"] * len(receipts)
        seqs = [whose.stored.seq for whose in found if whose is not None]
        if len(set(seqs)) < len(seqs):  # they move in several goes
            messages.lock(tx, set(seqs))
        at = 0
        while at < len(receipts):
            run: dict[int, int] = {}  # message -> place of its receipt: each message once, so that they move together
            while at < len(receipts) and ((whose := found[at]) is None or whose.stored.seq not in run):
                if whose is not None:
                    effects[at] = self._reading(tx, provider, whose, receipts[at])
                    if not effects[at]:
                        run[whose.stored.seq] = at
                at += 1
            moves = [
                Move(seq, STATES[receipts[place].status], _reason(receipts[place]), by=(provider, whose.attempt.at))
                for seq, place in run.items()
                if (whose := found[place]) is not None
            ]
            for seq, moved in messages.apply(tx, moves, now).items():
                effects[run[seq]] = _EFFECTS[moved]
            heard = [
                (whose, receipts[place]) for place in run.values() if effects[place] == "moved" and (whose := found[place]) is not None
            ]
            self._judge(tx, provider, heard, now)
        return effects

    @staticmethod
    def _reading(tx: Tx, provider: str, found: _Found, receipt: contract.Receipt) -> str:
        """Why the receipt does not ask for a move; "": it does."""
        named = found.named
        if named is not None and len(named.statuses) > 1:
            named.statuses[found.id] = receipt.status.value
            attempts.note_status(tx, provider, found.id, receipt.status.value)
            if receipt.status is ReceiptStatus.DELIVERED and set(named.statuses.values()) != {ReceiptStatus.DELIVERED.value}:
                return "partial"
        # Another attempt may be at work: then only good news of this one counts.
        return "" if found.is_latest or receipt.status is ReceiptStatus.DELIVERED else "late"

    def _judge(self, tx: Tx, provider: str, moved: Sequence[tuple[_Found, contract.Receipt]], now: int) -> None:
        by_env: dict[str, list[Cause]] = {}
        retries: dict[str, list[str]] = {}  # of messages that may have been waiting for another try
        for found, receipt in moved:
            stored, to = found.stored, STATES[receipt.status]
            if stored.state is not State.ACCEPTED:
                retries.setdefault(stored.env, []).append(retry_id(stored.message))
            if to not in _JUDGED:
                continue
            # Of all others core knows nothing that could follow: most receipts say that all is well.
            if stored.message.rest or to is State.REJECTED:
                active = self._books.active(tx, stored.env)
                heard = Receipt(stored.message, to.value, in_time(stored.message, active.plan if active is not None else None, now))
                by_env.setdefault(stored.env, []).append((heard, "receipt", stored.message.id))
        for env, ids in retries.items():
            timers.drop(tx, env, ids)
        for env, causes in by_env.items():
            self._deciding.judge(tx, env, causes, now)
        for found, receipt in moved:
            if STATES[receipt.status] is State.DELIVERED and self._routing is not None:
                self._routing.receipt_came(provider, now - found.attempt.at, now)

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
