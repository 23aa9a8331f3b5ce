"""What `decide` gives back, all of it data: verdicts, messages, timers, changed cells.

The outcomes and reasons are closed lists (language.md, "The order of judgement"); changing them is a public change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from engine.core.facts import Cell, Event

Detail = Mapping[str, Any]
LazyDetail = Detail | Callable[[], Detail] | None

REASONS: Mapping[str, tuple[str, ...]] = {
    "send": ("ok",),
    "schedule": ("timer_set",),
    "defer": ("quiet_hours",),
    "skip": (
        "disabled", "not_active", "condition_false", "not_in_audience", "no_recipient", "holdout", "suppressed", "no_consent",
        "quiet_hours", "expired", "late", "capped", "no_channel", "template_error", "duplicate", "rule_removed", "stopped", "blocked",
    ),
    "cancel": ("unless", "requested"),
}  # fmt: skip


class Verdict:
    """What was decided for one rule, one recipient, one occurrence, with a reason code.

    `user` is the recipient once known, else the trigger's user, else None; for a recipient who is only a phone it is None and `phone` is
    the key. `detail` is worked out when somebody asks: most verdicts are never looked at closely.
    """

    __slots__ = ("_detail", "at", "occurrence", "outcome", "phone", "reason", "rule", "user")

    def __init__(
        self,
        at: int,
        rule: str,
        user: str | None,
        outcome: str,
        reason: str,
        occurrence: str,
        detail: LazyDetail = None,
        phone: str | None = None,
    ) -> None:
        self.at = at
        self.rule = rule
        self.user = user
        self.outcome = outcome
        self.reason = reason
        self.occurrence = occurrence
        self.phone = phone
        self._detail = detail

    @property
    def detail(self) -> Detail:
        """The facts behind the reason, JSON-ready: the failing node with its value, the full cap, the due instant ..."""
        if callable(self._detail):
            self._detail = self._detail()
        return self._detail or {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"_detail": self.detail}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<Verdict {self.rule} {self.user or self.phone} {self.outcome} {self.reason}>"


class Item:
    """One rule to be judged for one occurrence: what a due timer, a release, a tick and a crossing have in common."""

    __slots__ = ("aliases", "event", "instant", "occurrence", "phone", "rule", "user", "waited")

    def __init__(
        self,
        rule: str,
        occurrence: str,
        instant: int,
        *,
        event: Event | None = None,
        aliases: Mapping[str, Event] | None = None,
        user: str | None = None,
        phone: str | None = None,
        waited: bool = False,
    ) -> None:
        self.rule = rule
        self.occurrence = occurrence
        self.instant = instant  # what validity counts from
        self.event = event
        self.aliases = aliases
        self.user = user  # the trigger's user; for an audience the selected person
        self.phone = phone  # of a person who is only a phone
        self.waited = waited  # it was deferred before and is judged again


class Timer:
    """A durable promise to look again at an instant.

    kind: `due` (an offset has passed), `release` (quiet hours end), `fallback` (no good receipt: next channel), `wake` (a segment may
    flip for a user, or a date of the user is due). Of the runtime alone: `retry` (a message that has not left), `leaving` (the same, while
    it is at a provider). A timer with the id of an existing one replaces it.
    """

    __slots__ = ("due", "id", "item", "kind", "message", "recipient", "user", "watch")

    def __init__(
        self,
        id: str,
        kind: str,
        due: int,
        *,
        item: Item | None = None,
        message: Message | None = None,
        user: str | None = None,
        recipient: tuple[str | None, str | None] = (None, None),
        watch: tuple[str, ...] = (),
    ) -> None:
        self.id = id
        self.kind = kind
        self.due = due
        self.item = item
        self.message = message  # of a fallback: the last one tried
        self.user = user  # of a wake
        self.recipient = recipient  # of a release: (user, phone) once known
        self.watch = watch  # cells whose events may cancel it (`unless`)


class Message:
    """One intent to reach one recipient through one channel. Attempts and receipts are the dispatcher's."""

    __slots__ = (
        "_send_until", "all_rejected", "at", "channel", "content", "id", "item", "occurrence", "parts", "phone", "position", "rest", "rule",
        "slots", "template", "text", "to", "type", "user", "variant", "verification",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        at: int,
        item: Item,
        user: str | None,
        phone: str | None,
        to: str,
        type: str,
        channel: str,
        template: str,
        variant: str | None,
        text: str | None,
        content: Any,
        parts: int,
        send_until: int | Callable[[], int | None] | None,
        verification: Mapping[str, Any] | None,
        rest: tuple[str, ...],
        slots: tuple[tuple[str, str, int], ...],
        position: int = 0,
        all_rejected: bool = True,
    ) -> None:
        self.id = id
        self.at = at
        self.rule = item.rule
        self.occurrence = item.occurrence
        self.item = item
        self.user = user
        self.phone = phone  # the key of a recipient who is only a phone, else None
        self.to = to  # E.164
        self.type = type
        self.channel = channel
        self.template = template
        self.variant = variant
        self.text = text  # sms; a verification code stands in it as ******
        self.content = content  # other channels: the rendered tree
        self.parts = parts
        self._send_until = send_until
        self.verification = verification  # purpose, digits, valid_for_seconds, checks
        self.rest = rest  # channels that may still follow
        self.slots = slots  # cap slots taken: (cell, cap, instant)
        self.position = position  # in the chain, from 0
        self.all_rejected = all_rejected  # whether every earlier channel of the chain was rejected

    @property
    def send_until(self) -> int | None:
        """The last instant at which an attempt may leave; None: any time. Worked out when first asked."""
        if callable(self._send_until):
            self._send_until = self._send_until()
        return self._send_until

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"_send_until": self.send_until}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def follower(self, at: int, channel: str, text: str | None, content: Any, parts: int, skipped: int, all_rejected: bool) -> Message:
        """The message of the chain's next channel, `skipped` of which could not be used."""
        position = self.position + skipped + 1
        base = self.id if self.position == 0 else self.id.rpartition("|")[0]
        return Message(
            f"{base}|{position}", at, self.item, self.user, self.phone, self.to, self.type, channel, self.template, self.variant, text,
            content, parts, self.send_until, self.verification, self.rest[skipped + 1 :], self.slots, position, all_rejected,
        )  # fmt: skip


class Fanout:
    """A broadcast or a schedule's tick that passed its own part: now each person of the audience is judged."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item


class Conversion:
    """A goal reached: counted for the rule, its variant, or its holdout."""

    __slots__ = ("at", "group", "rule", "user")

    def __init__(self, rule: str, user: str, group: str, at: int) -> None:
        self.rule = rule
        self.user = user
        self.group = group  # "sent", "holdout", or the variant's name
        self.at = at


class Decision:
    """All that follows from one occurrence. `verdicts()` also unfolds the rules that the index ruled out."""

    __slots__ = ("cancelled", "cells", "conversions", "fanouts", "judged", "messages", "misses", "timers")

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self.judged: list[Verdict] = []
        self.misses: list[Callable[[], Iterable[Verdict]]] = []
        self.messages: list[Message] = []
        self.timers: list[Timer] = []
        self.cancelled: list[str] = []  # ids of timers
        self.fanouts: list[Fanout] = []
        self.conversions: list[Conversion] = []

    def verdicts(self) -> Iterator[Verdict]:
        """Every verdict of the occurrence, in no particular order."""
        yield from self.judged
        for unfold in self.misses:
            yield from unfold()
