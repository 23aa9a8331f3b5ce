"""One bound connection: requests go out with numbers, as many at a time as the window allows; answers find their request by number."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from providers.smpp import wire
from providers.smpp.wire import Pdu

_MOST_LATE = 10_000  # requests without an answer that are remembered after their time


class NotSent(Exception):
    """Certainly nothing of it reached the gateway. The text is a word for the cause."""


class BindRefused(Exception):
    """The gateway answered the bind with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(wire.status_name(status))
        self.status = status


@dataclass(eq=False, slots=True)
class Ticket:
    """A request that was given a number. `owner` is whatever the sender wants to find again when its answer is late."""

    sequence: int
    owner: Any
    answer: Pdu | None = None
    is_late: bool = False


@dataclass(slots=True)
class Limits:
    """Times and sizes of a connection."""

    window: int
    response_timeout_seconds: float
    enquire_link_seconds: float


@dataclass(slots=True)
class Listeners:
    """Called by the reading thread, so they must return at once."""

    delivered: Callable[[Session, Pdu], None]
    late: Callable[[Ticket], None]


@dataclass(eq=False, slots=True)
class Session:
    """`run` reads, in a thread of its own; everything else may be called from any thread."""

    connection: socket.socket
    limits: Limits
    listeners: Listeners
    received: bytearray = field(default_factory=bytearray)
    lost: str = ""  # why, once it is
    _sequence: int = 1  # the bind had it
    _in_flight: int = 0
    _waiting: dict[int, Ticket] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def request(self, raw: bytes, owner: Any = None, patience_seconds: float | None = None) -> Ticket:
        """Give a PDU a number and write it; waits while the window is full, as long as for an answer or for `patience_seconds`. Raises
        NotSent.

        When the connection breaks in the middle of writing, the ticket stays without an answer: nobody knows how much arrived.
        """
        with self._changed:
            is_free = self._changed.wait_for(
                lambda: self.lost or self._in_flight < self.limits.window,
                self.limits.response_timeout_seconds if patience_seconds is None else patience_seconds,
            )
            if self.lost:
                raise NotSent(self.lost)
            if not is_free:
                raise NotSent("window_full")
            self._sequence = self._sequence % wire.MOST_SEQUENCE + 1
            ticket = Ticket(self._sequence, owner)
            self._waiting[ticket.sequence] = ticket
            self._in_flight += 1
        self._write(raw[:12] + ticket.sequence.to_bytes(4, "big") + raw[16:])
        return ticket

    def wait(self, ticket: Ticket, deadline: float) -> bool:
        """Whether an answer came before an instant of the monotonic clock."""
        with self._changed:
            self._changed.wait_for(lambda: ticket.answer or self.lost, max(deadline - time.monotonic(), 0))
            return ticket.answer is not None

    def give_up(self, tickets: Iterable[Ticket]) -> None:
        """No longer wait: what has no answer frees its place in the window, and an answer that comes later goes to `late`."""
        with self._changed:
            for ticket in tickets:
                if ticket.answer is None and not ticket.is_late:
                    ticket.is_late = True
                    self._in_flight -= 1
            for sequence in list(self._waiting)[: max(len(self._waiting) - self._in_flight - _MOST_LATE, 0)]:
                if self._waiting[sequence].is_late:
                    del self._waiting[sequence]
            self._changed.notify_all()

    def respond(self, command: str, sequence: int, status: int = wire.OK) -> None:
        """Answer a request of the gateway; a broken connection is noticed by `run`."""
        with contextlib.suppress(NotSent):
            self._write(wire.make(command, sequence, status))

    def lose(self, why: str) -> None:
        """End the connection; whoever waits goes on. The first reason stays."""
        with self._changed:
            self.lost = self.lost or why
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def unbind(self) -> None:
        """Leave in good order: wait for what is on its way, say so, wait for the answer; each only as long as an answer may take."""
        with self._changed:
            self._changed.wait_for(lambda: self.lost or self._in_flight <= 0, self.limits.response_timeout_seconds)
        with contextlib.suppress(NotSent):
            ticket = self.request(wire.make("unbind", 0))
            self.wait(ticket, time.monotonic() + self.limits.response_timeout_seconds)
        self.lose("closed")

    def run(self) -> None:
        """Read until the connection is lost. Asks `enquire_link` when nothing came for a while; no answer means that it is lost."""
        heard = time.monotonic()
        asked: float | None = None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection, selectors.EVENT_READ)
                self._take(b"")
                while not self.lost:
                    wait_until = heard + self.limits.enquire_link_seconds if asked is None else asked + self.limits.response_timeout_seconds
                    if selector.select(max(wait_until - time.monotonic(), 0)):
                        self._take(self._receive())
                        heard, asked = time.monotonic(), None
                    elif time.monotonic() < wait_until:
                        continue
                    elif asked is None:
                        asked = time.monotonic()
                        self.respond("enquire_link", self._next_sequence())
                    else:
                        self.lose("enquire_link_unanswered")
        except (OSError, NotSent):
            self.lose("connection_lost")
        except wire.BadPdu:
            self.lose("bad_pdu")
        finally:
            self.connection.close()

    def _next_sequence(self) -> int:
        with self._changed:
            self._sequence = self._sequence % wire.MOST_SEQUENCE + 1
            return self._sequence

    def _write(self, raw: bytes) -> None:
        with self._writing:
            if self.lost:
                raise NotSent(self.lost)
            try:
                self.connection.sendall(raw)
            except OSError:
                self.lose("connection_lost")

    def _receive(self) -> bytes:
        data = self.connection.recv(65536)
        if not data:
            self.lose("connection_lost")
        return data

    def _take(self, data: bytes) -> None:
        self.received += data
        pdus = []
        while (raw := wire.cut(self.received)) is not None:
            pdus.append(wire.read(raw))
        late = self._answered(pdu for pdu in pdus if pdu.command.endswith(("_resp", "_nack")))
        for ticket in late:
            self.listeners.late(ticket)
        for pdu in pdus:
            self._asked(pdu)

    def _answered(self, answers: Iterable[Pdu]) -> list[Ticket]:
        late = []
        with self._changed:
            for answer in answers:
                ticket = self._waiting.pop(answer.sequence, None)
                if ticket is None:
                    continue
                ticket.answer = answer
                if ticket.is_late:
                    late.append(ticket)
                else:
                    self._in_flight -= 1
            self._changed.notify_all()
        return late

    def _asked(self, pdu: Pdu) -> None:
        if pdu.command == "deliver_sm":
            self.listeners.delivered(self, pdu)
        elif pdu.command == "enquire_link":
            self.respond("enquire_link_resp", pdu.sequence)
        elif pdu.command == "unbind":
            self.respond("unbind_resp", pdu.sequence)
            self.lose("unbound")
        elif not pdu.command:
            self.respond("generic_nack", pdu.sequence, wire.INVALID_COMMAND)


def connect(address: tuple[str, int], timeout_seconds: float, bind: bytes, limits: Limits, listeners: Listeners) -> Session:
    """A bound session. Raises OSError, BindRefused, wire.BadPdu."""
    deadline = time.monotonic() + timeout_seconds
    connection = socket.create_connection(address, timeout_seconds)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(bind)
        received = bytearray()
        while True:
            while (raw := wire.cut(received)) is not None:
                answer = wire.read(raw)
                if answer.command not in ("bind_transceiver_resp", "generic_nack"):
                    continue
                if answer.status != wire.OK:
                    raise BindRefused(answer.status)
                connection.settimeout(limits.response_timeout_seconds)
                return Session(connection, limits, listeners, received)
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            data = connection.recv(65536)
            if not data:
                raise ConnectionResetError("closed during the bind")
            received += data
    except BaseException:
        connection.close()
        raise
