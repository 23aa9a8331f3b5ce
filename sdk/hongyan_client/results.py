"""What the server answers, as frozen values. Unknown members are left out, so that a newer server does no harm.

What is personal (numbers, texts, attributes) is not in the `repr`, so that printing a result into a log is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Union

from hongyan_client.errors import Problem, UnexpectedAnswer
from hongyan_client.values import instant


class Reader:
    """Reads an answer's members, and names the one that is wrong (never its value)."""

    def __init__(self, what: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise _unexpected(f"{what} should be an object")
        self._what = what
        self.data: Mapping[str, Any] = data

    def text(self, name: str) -> str:
        value = self.data.get(name)
        if not isinstance(value, str):
            raise _unexpected(f"{self._what}.{name} should be a text")
        return value

    def maybe_text(self, name: str) -> str | None:
        return None if self.data.get(name) is None else self.text(name)

    def number(self, name: str) -> int:
        value = self.data.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unexpected(f"{self._what}.{name} should be a whole number")
        return value

    def maybe_number(self, name: str) -> int | None:
        return None if self.data.get(name) is None else self.number(name)

    def maybe_amount(self, name: str) -> float | None:
        value = self.data.get(name)
        if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool)):
            raise _unexpected(f"{self._what}.{name} should be a number")
        return value

    def instant(self, name: str) -> datetime:
        text = self.text(name)
        try:
            return instant(text)
        except ValueError:
            raise _unexpected(f"{self._what}.{name} should be an instant") from None

    def maybe_instant(self, name: str) -> datetime | None:
        return None if self.data.get(name) is None else self.instant(name)

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self.data.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise _unexpected(f"{self._what}.{name} should be an object")
        return value or {}

    def items(self, name: str) -> list[Any]:
        value = self.data.get(name)
        if value is not None and not isinstance(value, list):
            raise _unexpected(f"{self._what}.{name} should be a list")
        return value or []

    def needed_items(self, name: str) -> list[Any]:
        if name not in self.data:
            raise _unexpected(f"{self._what}.{name} is missing")
        return self.items(name)

    def unexpected(self, text: str) -> UnexpectedAnswer:
        """The error that says what this answer should be."""
        return _unexpected(f"{self._what}: {text}")


def _unexpected(text: str) -> UnexpectedAnswer:
    error = UnexpectedAnswer(text)
    error.in_doubt = True  # it was a success, of some shape
    return error


@dataclass(frozen=True)
class Verdict:
    """What was decided for one rule, one recipient, one occurrence. `outcome`: send, schedule, defer, skip or cancel; `reason` says why."""

    at: datetime
    rule: str
    outcome: str
    reason: str
    user: str | None
    occurrence: str
    detail: Mapping[str, Any] = field(repr=False)
    id: str | None = None

    @classmethod
    def from_json(cls, data: object) -> Verdict:
        r = Reader("verdict", data)
        return cls(
            at=r.instant("at"),
            rule=r.text("rule"),
            outcome=r.text("outcome"),
            reason=r.text("reason"),
            user=r.maybe_text("user"),
            occurrence=r.text("occurrence"),
            detail=r.mapping("detail"),
            id=r.maybe_text("id"),
        )


@dataclass(frozen=True)
class Attempt:
    """One try to send a message at a provider. `code` is ours, `raw` the provider's own."""

    provider: str
    at: datetime
    outcome: str
    code: str | None
    raw: Any = field(repr=False)

    @classmethod
    def from_json(cls, data: object) -> Attempt:
        r = Reader("attempt", data)
        return cls(r.text("provider"), r.instant("at"), r.text("outcome"), r.maybe_text("code"), r.data.get("raw"))


@dataclass(frozen=True)
class Message:
    """One intent to reach one recipient. `to` is masked unless the key may see numbers; codes stand as ******.

    `state`: queued, waiting, submitting, accepted, delivered, undelivered, rejected, expired, cancelled or unknown. A message of a
    simulation has no `id`, no `trace` and no `state`. `trace` stands in the service's log, from the event to the receipts.
    """

    at: datetime
    rule: str
    user: str | None
    type: str
    channel: str
    to: str = field(repr=False)
    text: str | None = field(repr=False)
    parts: int
    cost: float | None
    template: str
    variant: str | None
    occurrence: str
    id: str | None = None
    trace: str | None = None
    state: str | None = None
    channel_chain: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    receipts: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, data: object) -> Message:
        r = Reader("message", data)
        return cls(
            at=r.instant("at"),
            rule=r.text("rule"),
            user=r.maybe_text("user"),
            type=r.text("type"),
            channel=r.text("channel"),
            to=r.text("to"),
            text=r.maybe_text("text"),
            parts=r.number("parts"),
            cost=r.maybe_amount("cost"),
            template=r.text("template"),
            variant=r.maybe_text("variant"),
            occurrence=r.text("occurrence"),
            id=r.maybe_text("id"),
            trace=r.maybe_text("trace"),
            state=r.maybe_text("state"),
            channel_chain=tuple(r.items("channel_chain")),
            attempts=tuple(Attempt.from_json(attempt) for attempt in r.items("attempts")),
            receipts=tuple(r.items("receipts")),
        )


@dataclass(frozen=True)
class Tracked:
    """An event that the server has. `status`: accepted, or duplicate (it had it before, perhaps from a lost attempt of this very call).

    `verdicts` and `messages` are None unless they were waited for.
    """

    id: str
    source: str
    status: str
    trace: str | None
    verdicts: tuple[Verdict, ...] | None = None
    messages: tuple[Message, ...] | None = None

    @classmethod
    def from_json(cls, data: object) -> Tracked:
        r = Reader("event", data)
        verdicts, messages = r.data.get("verdicts"), r.data.get("messages")
        return cls(
            id=r.text("id"),
            source=r.text("source"),
            status=r.text("status"),
            trace=r.maybe_text("trace"),
            verdicts=None if verdicts is None else tuple(Verdict.from_json(line) for line in r.items("verdicts")),
            messages=None if messages is None else tuple(Message.from_json(line) for line in r.items("messages")),
        )


@dataclass(frozen=True)
class BatchItem:
    """What became of one event of a batch, the `index`-th. `status`: accepted, duplicate, refused (with the problem);
    in `BatchInterrupted` also unknown and not_sent.
    """

    index: int
    id: str | None
    status: str
    problem: Problem | None = None

    @classmethod
    def from_json(cls, data: object, first: int) -> BatchItem:
        r = Reader("result", data)
        problem = r.data.get("problem")
        return cls(
            index=first + r.number("index"),
            id=r.maybe_text("id"),
            status=r.text("status"),
            problem=Problem.from_json(problem) if isinstance(problem, Mapping) else None,
        )


@dataclass(frozen=True)
class Verification:
    """A code on its way. `retry_after_seconds`: when another may be asked for."""

    id: str
    status: str
    expires_at: datetime | None
    retry_after_seconds: int | None
    checks_left: int | None

    @classmethod
    def from_json(cls, data: object) -> Verification:
        r = Reader("verification", data)
        return cls(
            id=r.text("id"),
            status=r.text("status"),
            expires_at=r.maybe_instant("expires_at"),
            retry_after_seconds=r.maybe_number("retry_after_seconds"),
            checks_left=r.maybe_number("checks_left"),
        )


@dataclass(frozen=True)
class Checked:
    """What came of checking a code. `status`: approved; pending (wrong, try again); failed, expired or cancelled (start anew).

    `id` is None where there is no such verification, of which the status tells nothing.
    """

    status: str
    id: str | None
    checks_left: int | None

    @property
    def approved(self) -> bool:
        """Whether the code was right. Only this means yes."""
        return self.status == "approved"

    @classmethod
    def from_json(cls, data: object) -> Checked:
        r = Reader("check", data)
        return cls(status=r.text("status"), id=r.maybe_text("id"), checks_left=r.maybe_number("checks_left"))


@dataclass(frozen=True)
class User:
    """A recipient as the server has them; masked unless the key may see more."""

    id: str
    phone: str | None = field(repr=False)
    timezone: str | None
    locale: str | None
    attributes: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: object) -> User:
        r = Reader("user", data)
        return cls(
            id=r.text("id"),
            phone=r.maybe_text("phone"),
            timezone=r.maybe_text("timezone"),
            locale=r.maybe_text("locale"),
            attributes=r.mapping("attributes"),
        )


Line = Union[Message, Verdict]


@dataclass(frozen=True)
class RefusedLine:
    """A line of `input` ("events", "users") that the simulation could not use."""

    input: str
    index: int
    reason: str
    pointer: str | None

    @classmethod
    def from_json(cls, data: object) -> RefusedLine:
        r = Reader("refused", data)
        return cls(r.text("input"), r.number("index"), r.text("reason"), r.maybe_text("pointer"))


@dataclass(frozen=True)
class Simulation:
    """The lines of a simulation, in the order of `hongyan simulate`, and what could not be used.

    `pending` counts timers and waiting messages left at the end, `duplicates` events that came again.
    """

    lines: tuple[Line, ...]
    refused: tuple[RefusedLine, ...] = ()
    pending: int = 0
    duplicates: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(line for line in self.lines if isinstance(line, Message))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(line for line in self.lines if isinstance(line, Verdict))

    @classmethod
    def from_json(cls, data: object) -> Simulation:
        r = Reader("simulation", data)
        return cls(
            lines=tuple(line for item in r.needed_items("lines") if (line := _line(item)) is not None),
            refused=tuple(RefusedLine.from_json(item) for item in r.items("refused")),
            pending=r.maybe_number("pending") or 0,
            duplicates=r.maybe_number("duplicates") or 0,
        )


def _line(data: object) -> Line | None:
    """The line, or None for a kind that this version does not know."""
    kind = Reader("line", data).text("kind")
    return Message.from_json(data) if kind == "message" else Verdict.from_json(data) if kind == "verdict" else None
