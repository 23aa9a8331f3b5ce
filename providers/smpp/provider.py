"""One SMPP account. A long text is accepted when all of its parts are; its id, and its receipt, are those of the last part."""

from __future__ import annotations

import itertools
import logging
import queue
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from providers.base import BaseProvider
from providers.contract import Accepted, Health, Inbound, Outcome, Reason, Receipt, ReceiptStatus, Rejected, Sinks, Submission, Unknown
from providers.settings import CommonSettings, setting
from providers.smpp import codes, reports, text, wire
from providers.smpp.link import Link, Pauses
from providers.smpp.session import Limits, Listeners, NotSent, Session, Ticket, connect
from providers.smpp.wire import Pdu

_log = logging.getLogger(__name__)
_MAINLAND = "+86"
_MOST_AT_ONCE = 500  # receipts handed to the sink together
_NO_TEXT = Rejected.of(Reason.MISCONFIGURED, "no_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppSettings(CommonSettings):
    """Settings of smpp."""

    host: str = setting("the gateway's name or address")
    port: int = setting("its port", 2775, least=1)
    system_id: str = setting("the account", longest=15)
    password: str = setting("at most 8 characters, as SMPP 3.4 has it", "", longest=8, secret=True)
    system_type: str = setting("what some gateways want to know", "", longest=12)
    sender: str = setting("number or name of the sender, where the message brings none", "", longest=20)
    alphabet: Literal["auto", "gsm7", "ucs2"] = setting(
        "`ucs2`; `gsm7`: GSM-7 where the text allows it; `auto`: that for numbers outside of the mainland, UCS-2 on it",
        "auto",
    )
    window: int = setting("how many requests may be on their way without an answer", 32, least=1)
    connect_timeout_seconds: float = setting("for connecting and binding together", 5.0, least=0.01)
    response_timeout_seconds: float = setting("how long an answer may take", 10.0, least=0.01)
    enquire_link_seconds: float = setting("after so long a silence the gateway is asked whether it is there", 30.0, least=0.01)
    reconnect_seconds: float = setting("the first pause between two attempts to connect; it doubles", 1.0, least=0.01)
    reconnect_longest_seconds: float = setting("the longest pause", 60.0, least=0.01)


@dataclass(eq=False, slots=True)
class _Job:
    """One message on its way: its parts, those that were written, and why the others were not."""

    submission: Submission
    raws: Sequence[bytes]
    tickets: list[Ticket] = field(default_factory=list)
    unsent: str = ""
    deadline: float = 0.0  # of the monotonic clock
    is_unknown: bool = False  # as `submit` has said
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self) -> Outcome:
        """The outcome for `submit`, remembered if a late answer may still tell more."""
        with self.lock:
            outcome = _outcome(self)
            self.is_unknown = isinstance(outcome, Unknown)
            return outcome

    def settle_late(self) -> Outcome | None:
        """The outcome that a late answer has brought, once; None when it brought none or nobody waits for it."""
        with self.lock:
            outcome = _outcome(self)
            if not self.is_unknown or isinstance(outcome, Unknown):
                return None
            self.is_unknown = False
            return outcome


_Arrived: TypeAlias = tuple[Session, Pdu] | Receipt | None


class SmppProvider(BaseProvider):
    """Two threads: one reads the connection, one hands receipts and replies to the sinks and only then acknowledges them."""

    can_query = True

    def __init__(self, settings: SmppSettings, sinks: Sinks) -> None:
        super().__init__(settings, sinks)
        self._settings = settings
        self._references = itertools.count(random.randrange(256))
        self._arrived: queue.SimpleQueue[_Arrived] = queue.SimpleQueue()
        self._joiner = reports.Joiner()
        self._opening = threading.Lock()
        self._handler: threading.Thread | None = None
        self._link = Link(self.name, self._connect, Pauses(settings.reconnect_seconds, settings.reconnect_longest_seconds))

    def open(self) -> None:
        with self._opening:
            if self._handler is None and not self._closed.is_set():
                self._handler = threading.Thread(target=self._hand_over, name=f"smpp-{self.name}-sink", daemon=True)
                self._handler.start()
        self._link.open()

    def health(self) -> Health:
        return self._link.health()

    def close(self) -> None:
        super().close()
        self._link.close()
        self._arrived.put(None)
        with self._opening:
            handler = self._handler
        if handler is not None:
            handler.join()

    def query(self, provider_id: str | None, submission_id: str = "") -> Receipt | None:
        """Only by the gateway's id, and only for messages from the account's own sender."""
        session = self._link.session()
        if not provider_id or isinstance(session, Rejected):
            return None
        try:
            ticket = session.request(wire.make("query_sm", 0, message_id=provider_id, **_sender(self._settings.sender)))
        except (NotSent, ValueError):
            return None
        session.wait(ticket, time.monotonic() + self._settings.response_timeout_seconds)
        session.give_up([ticket])
        answer = ticket.answer
        return reports.read_query(answer, submission_id, provider_id, self._sinks.now()) if answer and answer.status == wire.OK else None

    # ---- out

    def _connect(self) -> Session:
        settings = self._settings
        bind = wire.make("bind_transceiver", 1, system_id=settings.system_id, password=settings.password, system_type=settings.system_type)
        limits = Limits(settings.window, settings.response_timeout_seconds, settings.enquire_link_seconds)
        listeners = Listeners(lambda session, pdu: self._arrived.put((session, pdu)), self._answered_late)
        return connect((settings.host, settings.port), settings.connect_timeout_seconds, bind, limits, listeners)

    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        jobs = [self._prepare(submission) for submission in batch]
        self.open()
        session = self._link.session()
        if isinstance(session, Rejected):
            return [job if isinstance(job, Rejected) else session for job in jobs]
        ready = [job for job in jobs if isinstance(job, _Job)]
        self._write(session, ready)
        for job in ready:
            for ticket in job.tickets:
                session.wait(ticket, job.deadline)
            session.give_up(job.tickets)
        return [job if isinstance(job, Rejected) else job.settle() for job in jobs]

    def _prepare(self, submission: Submission) -> _Job | Rejected:
        if not submission.text:
            return _NO_TEXT
        encoded = text.encode(submission.text, self._settings.alphabet, mainland=submission.to.startswith(_MAINLAND))
        if len(encoded.parts) > text.MOST_PARTS:
            return Rejected.of(Reason.BLOCKED_CONTENT, "too_long")
        messages = text.with_headers(encoded.parts, next(self._references) % 256)
        sender = submission.sender or self._settings.sender
        if len(sender) > 20 or not sender.isascii():
            return Rejected.of(Reason.MISCONFIGURED, "sender")
        fields = {
            **_sender(sender),
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "destination_addr": submission.to.removeprefix("+"),
            "esm_class": wire.UDH if len(messages) > 1 else 0,
            "data_coding": encoded.data_coding,
            "validity_period": _until(submission.send_until),
        }
        asks = [index == len(messages) and submission.wants_receipt for index in range(1, len(messages) + 1)]
        try:
            raws = [
                wire.make("submit_sm", 0, short_message=message, registered_delivery=int(asked), **fields)
                for message, asked in zip(messages, asks, strict=True)
            ]
        except ValueError:
            return Rejected.of(Reason.MISCONFIGURED, "unwritable")
        return _Job(submission, raws)

    def _write(self, session: Session, jobs: Sequence[_Job]) -> None:
        """What waits for the window waits for no longer than an answer may take, all of it together, and not past its own time: the
        service has looked at whether it may leave, and has to look again."""
        unsent = ""
        last = time.monotonic() + self._settings.response_timeout_seconds
        for job in jobs:
            until = job.submission.send_until
            if until is not None and self._sinks.now() > until:
                job.unsent = "late"
                continue
            try:
                for raw in () if unsent else job.raws:
                    job.tickets.append(session.request(raw, job, max(last - time.monotonic(), 0)))
            except NotSent as error:
                unsent = str(error)  # nor will the rest be: do not wait for the window again and again
            job.unsent = unsent
            job.deadline = time.monotonic() + self._settings.response_timeout_seconds

    # ---- in

    def _answered_late(self, ticket: Ticket) -> None:
        """A message whose outcome was unknown got its answer after all: that is passed on as a receipt under our id."""
        job = ticket.owner
        outcome = job.settle_late() if isinstance(job, _Job) else None
        now = self._sinks.now()
        if isinstance(outcome, Accepted):
            self._arrived.put(Receipt(job.submission.id, outcome.provider_id, ReceiptStatus.ACCEPTED, now))
        elif isinstance(outcome, Rejected):
            self._arrived.put(Receipt(job.submission.id, None, ReceiptStatus.REJECTED, now, outcome.reason, outcome.code))

    def _hand_over(self) -> None:
        is_open = True
        while is_open:
            arrived = [self._arrived.get()]
            while len(arrived) < _MOST_AT_ONCE:
                try:
                    arrived.append(self._arrived.get_nowait())
                except queue.Empty:
                    break
            is_open = None not in arrived
            self._report([item for item in arrived if isinstance(item, Receipt)])
            delivered = [item for item in arrived if isinstance(item, tuple)]
            self._take_receipts([item for item in delivered if reports.is_receipt(item[1])])
            for session, pdu in delivered:
                if not reports.is_receipt(pdu):
                    self._take_reply(session, pdu)

    def _take_receipts(self, arrived: Sequence[tuple[Session, Pdu]]) -> None:
        if not arrived:
            return
        now = self._sinks.now()
        receipts = [reports.read_receipt(pdu, now) for _, pdu in arrived]
        if None in receipts:
            _log.warning("%s: %d receipts without an id", self.name, receipts.count(None))
        status = self._keep([receipt for receipt in receipts if receipt is not None], [])
        for session, pdu in arrived:
            session.respond("deliver_sm_resp", pdu.sequence, status)

    def _take_reply(self, session: Session, pdu: Pdu) -> None:
        replies, key = self._joiner.add(pdu, self._sinks.now())
        status = self._keep([], replies)
        if key is not None and status == wire.OK:
            self._joiner.forget(key)
        session.respond("deliver_sm_resp", pdu.sequence, status)

    def _keep(self, receipts: list[Receipt], replies: list[Inbound]) -> int:
        """The status to acknowledge with: what the sink could not keep, the gateway is asked to send again."""
        try:
            with self._sink_lock:
                if receipts:
                    self._sinks.receipts(receipts)
                if replies:
                    self._sinks.inbound(replies)
        except Exception as error:
            _log.warning("%s: the sink refused what came in: %s", self.name, type(error).__name__)
            return wire.TEMPORARY
        return wire.OK


def _outcome(job: _Job) -> Outcome:
    """Of its parts. One refused or unwritten part makes the whole undeliverable, whatever became of the others."""
    answers = [ticket.answer for ticket in job.tickets]
    for answer in answers:
        if answer is not None and answer.status != wire.OK:
            return codes.rejected(answer.status)
    if job.unsent:
        return Rejected.of(Reason.RETRY_LATER, job.unsent)
    last = answers[-1]
    if last is None or None in answers:
        return Unknown("no answer")
    return Accepted(last.text("message_id"))


def _sender(address: str) -> dict[str, Any]:
    """Digits are a number, with + an international one; anything else is a name."""
    digits = address.removeprefix("+")
    if address and not digits.isdecimal():
        return {"source_addr_ton": 5, "source_addr_npi": 0, "source_addr": address}
    ton = 1 if address.startswith("+") else 0
    return {"source_addr_ton": ton, "source_addr_npi": 1 if address else 0, "source_addr": digits}


def _until(instant: datetime | None) -> str | None:
    """SMPP's absolute time, with its offset from UTC in quarters of an hour, which is none."""
    return instant.astimezone(UTC).strftime("%y%m%d%H%M%S000+") if instant else None
