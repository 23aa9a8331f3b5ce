"""What every gateway looks like from outside: a batch goes in, one outcome for each comes out, receipts and replies come back.

A provider never sleeps, never retries and never raises for what a gateway answers. Retries, rates, routes and circuit breaking are
dispatch's. What is sure is said as sure: `Rejected` means that the message will not reach anybody by this submission, `Unknown` that it
may or may not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from providers.masking import mask


class Reason(StrEnum):
    """Why a message did not arrive, in the words of dispatch; gateways' raw codes are mapped to these in tables. `sentence` says it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Reason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    RETRY_LATER = "retry_later", "The gateway or the phone cannot take it now; the same message may be submitted again."
    OTHER_CHANNEL = "other_channel", "This gateway or channel does not reach this phone; another one may."
    DEAD_NUMBER = "dead_number", "There is nobody at this number or address; nothing more should be sent to it."
    BLOCKED_CONTENT = "blocked_content", "The text was refused by a filter; only another text can pass."
    UNSUBSCRIBED = "unsubscribed", "The recipient, or a block list on the way, wants no messages from this sender."
    THROTTLED = "throttled", "More was sent than the account or the number may have; again later, slower."
    MISCONFIGURED = "misconfigured", "Account, sender, signature or template is not accepted; an operator must repair it."
    UNKNOWN_CODE = (
        "unknown_code",
        "The gateway's code stands in no table; final for this gateway, and counted so that the table gets mended.",
    )


# Whether the same submission to the same provider may succeed later, unless a gateway says otherwise.
RETRYABLE = frozenset({Reason.RETRY_LATER, Reason.THROTTLED})


class ReceiptStatus(StrEnum):
    """What a gateway reported about a message that it had taken."""

    ACCEPTED = "accepted"  # on its way: no end yet
    DELIVERED = "delivered"  # final: it is on the phone
    UNDELIVERED = "undelivered"  # final: tried, and given up
    REJECTED = "rejected"  # final: refused without a try


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """One message for one recipient. Its repr is masked, so that a traceback or a log line shows no person and no code.

    id: ours, the same in every attempt at this message with whatever provider; gateways that can de-duplicate by it.
    to: E.164 for phones, an address for other channels.
    sender: the number or name that it comes from, "" for the account's own.
    text: for sms, whole, as it is to stand on the phone, signature included. Other channels have `content`, a tree of plain values.
    signature: the name inside the 【】 that `text` begins with, "" without one; for gateways that put it there themselves.
    template, params: what the text was made of, without signature; for gateways that take registered templates only.
    send_until: aware; the gateway is told not to deliver afterwards, where it can be told. Dispatch looks at it before.
    """

    id: str
    to: str
    channel: str
    text: str | None = None
    content: Mapping[str, object] | None = None
    sender: str = ""
    signature: str = ""
    template: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    send_until: datetime | None = None
    wants_receipt: bool = True

    def __post_init__(self) -> None:
        if self.send_until is not None and self.send_until.tzinfo is None:
            raise ValueError("send_until must have a time zone")

    def __repr__(self) -> str:
        return f"Submission(id={self.id!r}, to={mask(self.to)!r}, channel={self.channel!r})"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway has taken it, under its own id. That is not `delivered`."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will reach nobody by this submission. `code` is the gateway's own, or a word of ours where the gateway was not asked."""

    reason: Reason
    code: str
    retryable: bool

    @classmethod
    def of(cls, reason: Reason, code: str) -> Rejected:
        """With `retryable` as the reason has it."""
        return cls(reason, code, reason in RETRYABLE)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been sent or not: a time-out, or a connection lost after it was written. `detail` says which, without personal data."""

    detail: str


Outcome: TypeAlias = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. Late, repeated and out-of-order ones are passed on as they come, even before `submit` has returned.

    id: ours, where the gateway gives it back, else None.
    provider_id: as `Accepted` has it, or None.
    other_ids: other spellings of the provider_id (decimal for hex, padded), likeliest first. A gateway's spelling may be another
        message's id, so believe one of these only if that message went to `phone`.
    phone: E.164 where the gateway says it, else None.
    reason: None for accepted and delivered.
    code: the gateway's raw code, "" for none.
    at: aware; when the gateway says so with its zone, else when it arrived here.
    """

    id: str | None
    provider_id: str | None
    status: ReceiptStatus
    at: datetime
    reason: Reason | None = None
    code: str = ""
    other_ids: tuple[str, ...] = ()
    phone: str | None = None

    def __repr__(self) -> str:
        return (
            f"Receipt(id={self.id!r}, provider_id={self.provider_id!r}, status={self.status!r}, reason={self.reason!r}, code={self.code!r})"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Inbound:
    """A message from a phone. `sender` is E.164 where the country is known, `to` the number that it was sent to, `at` aware."""

    sender: str
    to: str
    text: str
    at: datetime

    def __repr__(self) -> str:
        return f"Inbound(sender={mask(self.sender)!r}, to={self.to!r}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """An HTTP request by which a gateway reports. Header names are lower case; `query` is the raw query string."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    address: str = ""


class RequestRefused(Exception):
    """A request that is not this gateway's: unsigned, wrongly signed or malformed. The text is safe to show and to log."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a provider knows about its gateway without asking it now. `detail` is a sentence for an operator."""

    ok: bool
    detail: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where one provider's receipts and replies go that it was not asked for. Called from any thread, never two calls at a time.

    A sink returns when it has kept what it was given: only then the gateway gets its acknowledgement. If it raises, the gateway is asked
    to send again. `now` gives aware instants.
    """

    receipts: Callable[[Sequence[Receipt]], None]
    inbound: Callable[[Sequence[Inbound]], None]
    now: Callable[[], datetime] = _utc_now


class Provider(Protocol):
    """One account with one gateway. Every method may be called from any thread."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def channels(self) -> frozenset[str]:
        """The channels that the settings give it."""

    @property
    def deduplicates(self) -> bool:
        """Whether the same `Submission.id` submitted again reaches the recipient once."""

    @property
    def can_query(self) -> bool:
        """Whether `query` can ever answer."""

    def open(self) -> None:
        """Start what works in the background (a connection). Returns at once; again is nothing; `submit` does it by itself."""

    def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """One outcome for each, in the same order."""

    def query(self, provider_id: str | None, submission_id: str = "") -> Receipt | None:
        """What became of a message, by the gateway's id or by ours; None when the gateway does not say."""

    def parse_receipt(self, request: Request) -> list[Receipt]:
        """The receipts in a request. Raises RequestRefused."""

    def parse_inbound(self, request: Request) -> list[Inbound]:
        """The replies in a request. Raises RequestRefused."""

    def health(self) -> Health:
        """How it stands, without a question to the gateway."""

    def close(self) -> None:
        """Leave the gateway in good order; afterwards submissions are rejected `closed`. Again is nothing."""
