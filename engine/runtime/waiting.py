"""When a message is tried again, and by whom. Pure: what was tried, a policy and chance go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from engine.core.case import NEVER
from engine.core.outcomes import Item, Message, Timer
from engine.core.plan import BookPlan
from engine.core.watching import watch
from engine.store.attempts import Attempt
from engine.store.messages import Stored

SECOND = 1_000_000

# Why a message waits: the reasons of the state `waiting`, from which follows who may have it next.
RETRY = "retry"  # the same provider, later
NEXT = "next_provider"  # this one will not take it
NEW_CODE = "new_code"  # a verification's outcome is unknown: another provider, another code
UNLESS: Final = "unless"  # why a message has ended: an event of its rule's `unless` came before it left
RESEND = "resend"  # a notification's outcome is unknown, and the provider knows our id


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient dispatch is. Durations are seconds."""

    batch: int = 100  # messages given to a provider at once
    tries: int = 5  # of one message at one provider
    base_seconds: float = 2  # of the back-off; doubles with every try
    longest_seconds: float = 300
    question_seconds: float = 5  # first question about an unknown message; then at doubling distances
    give_up_seconds: float = 3 * 86_400  # after this nobody asks any more: it stays unknown
    patience_seconds: Mapping[str, float] = field(default_factory=lambda: {"verification": 10, "notification": 60})
    resends: int = 2  # of a notification whose outcome is unknown
    lease_seconds: float = 600  # submitting for so long: whoever did it is gone


def backoff(policy: Policy, tries: int, rng: Random) -> int:
    """Microseconds until the next try, after so many: exponential, full jitter."""
    return int(rng.random() * min(policy.base_seconds * 2 ** min(tries - 1, 30), policy.longest_seconds) * SECOND)


def candidates(order: Sequence[str], stored: Stored, tried: Sequence[Attempt]) -> list[str]:
    """The providers of the route that may still have the message, in order."""
    if not tried:
        return list(order)
    last = tried[-1].provider
    if stored.reason == RESEND:
        return [last]
    done = {attempt.provider for attempt in tried}
    if stored.reason == RETRY:
        done.discard(last)
    return [provider for provider in order if provider not in done]


def untouched(tried: Sequence[Attempt]) -> bool:
    """Whether every attempt was refused, so that certainly nobody has got the message."""
    return all(attempt.outcome == "rejected" for attempt in tried)


def retry_id(message: Message) -> str:
    """The timer that stands for a message that has not left, or waits for another try."""
    return f"{RETRY}|{message.id}"


def retry_timer(message: Message, book: BookPlan | None) -> Timer:
    """What an `unless` finds and cancels. It never falls due, and stands until the message is somewhere or ends: when it is gone before,
    nobody is asked for the message any more."""
    rule, item = book.rules.get(message.rule) if book is not None else None, message.item
    watched = watch(rule, item, book) if rule is not None and book is not None else ()
    # The verdict of the cancellation names the recipient (fine print 9).
    named = Item(item.rule, item.occurrence, item.instant, event=item.event, user=message.user, phone=message.phone)
    return Timer(retry_id(message), RETRY, NEVER, item=named, watch=watched)


def leaving(timer: Timer) -> Timer:
    """The same while a provider is asked for the message: an `unless` says nothing of it, and keeps it from being tried again."""
    return Timer(timer.id, "leaving", timer.due, item=timer.item, watch=timer.watch)
