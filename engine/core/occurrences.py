"""What can happen: the kinds of occurrence that `decide` judges. An `Event` (facts.py) is one itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.core.facts import Event
from engine.core.outcomes import Item, Message, Timer


@dataclass(frozen=True, slots=True)
class Opening:
    """A schedule's tick, or the due timer of a broadcast: the part of the rule that is nobody's is judged once."""

    item: Item


@dataclass(slots=True)  # not frozen, which would make it twice as slow to build: every due timer is one
class Turn:
    """All that is due for one person at one instant, judged together so that priority and caps hold between the items.

    `wake` asks to look at segments and user dates of `user` too; `ticks` False leaves the dates alone (outside a simulation's range).
    """

    items: Sequence[Item] = ()
    wake: str | None = None
    ticks: bool = True


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user was imported or changed: `profile` as in an input line (phone, timezone, locale, attributes). New ones enter silently.

    `silent`: so do all others (a book was published that watches other segments).
    """

    user: str
    profile: Mapping[str, Any]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says of a message: delivered, undelivered, rejected. `in_time`: not later than the chain waits."""

    message: Message
    status: str
    in_time: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """No good receipt came in time: the chain goes on to its next channel."""

    message: Message


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Somebody asked to cancel these pending timers and waiting messages; or an `unless` found a message that was just being sent, and
    nobody took it."""

    timers: Sequence[Timer]
    reason: Literal["requested", "unless"] = "requested"


@dataclass(frozen=True, slots=True)
class OptOut:
    """A number is suppressed for scopes (message types, `all`, or `blocked` for a block list), or released from them."""

    phone: str
    scopes: frozenset[str]
    released: bool = False


Occurrence = Event | Opening | Turn | UserChange | Receipt | Silence | Cancellation | OptOut
