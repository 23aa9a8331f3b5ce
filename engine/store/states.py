"""The states of a message and the moves between them. What is not in ARROWS is no move: who asks for it is counted, not obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a message is."""

    QUEUED = "queued"  # may be sent as soon as a dispatcher is free
    WAITING = "waiting"  # is not to be sent before an instant: a retry, pacing
    SUBMITTING = "submitting"  # is being handed to a provider; committed before the provider is called
    ACCEPTED = "accepted"  # a provider has taken it; whether it arrives is not known yet
    DELIVERED = "delivered"  # a receipt says that it arrived
    UNDELIVERED = "undelivered"  # a receipt says that it did not arrive
    REJECTED = "rejected"  # no provider has taken it
    EXPIRED = "expired"  # was not handed over by the last instant at which it was worth it
    CANCELLED = "cancelled"  # was taken back before it left: an `unless`, a request, an opt-out, a switch
    UNKNOWN = "unknown"  # was handed over, or not: the provider did not say


class Moved(StrEnum):
    """What came of asking for a move."""

    MOVED = "moved"
    REPEATED = "repeated"  # it is in that state already
    REFUSED = "refused"  # too late, or out of order
    MISSING = "missing"  # there is no such message


_BEFORE_IT_LEAVES = (State.SUBMITTING, State.REJECTED, State.EXPIRED, State.CANCELLED)

ARROWS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.WAITING, *_BEFORE_IT_LEAVES}),
    # An earlier attempt, whose outcome was unknown, may have arrived after all: then there is nothing to try again.
    State.WAITING: frozenset({State.QUEUED, State.DELIVERED, *_BEFORE_IT_LEAVES}),
    # Back to waiting for a retry; a receipt may overtake the provider's own answer.
    State.SUBMITTING: frozenset(
        {
            State.QUEUED, State.WAITING, State.ACCEPTED, State.REJECTED, State.EXPIRED, State.UNKNOWN, State.DELIVERED, State.UNDELIVERED,
        }
    ),
    # A network behind the gateway may still refuse what the gateway has taken.
    State.ACCEPTED: frozenset({State.DELIVERED, State.UNDELIVERED, State.REJECTED}),
    # The provider was asked, or a receipt came; or the type allows another try.
    State.UNKNOWN: frozenset(
        {
            State.QUEUED, State.WAITING, State.ACCEPTED, State.REJECTED, State.EXPIRED, State.CANCELLED, State.DELIVERED, State.UNDELIVERED,
        }
    ),
    State.DELIVERED: frozenset(),
    State.UNDELIVERED: frozenset(),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}  # fmt: skip

FINAL = frozenset(state for state, following in ARROWS.items() if not following)


def move(state: State, to: State) -> Moved:
    """What comes of asking a message in `state` to be in `to`."""
    if state is to:
        return Moved.REPEATED
    return Moved.MOVED if to in ARROWS[state] else Moved.REFUSED
