"""Keeps one session up: connects, binds, reads, and after a loss tries again, ever slower, in a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from providers.contract import Health, Reason, Rejected
from providers.smpp import codes, wire
from providers.smpp.session import BindRefused, Session

_log = logging.getLogger(__name__)
_STEADY_SECONDS = 5.0  # a session that lasted so long was a good one: the next pause is the first again


@dataclass(frozen=True, slots=True)
class Pauses:
    """Between two attempts: the first, doubled after each failure up to the longest, plus or minus a quarter."""

    first_seconds: float
    longest_seconds: float


class Link:
    """`connect` makes a bound session, or raises OSError, BindRefused or wire.BadPdu."""

    def __init__(self, name: str, connect: Callable[[], Session], pauses: Pauses) -> None:
        self._name = name
        self._connect = connect
        self._pauses = pauses
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._session: Session | None = None
        self._is_trying = False
        self._is_closed = False
        self._failure = Rejected.of(Reason.RETRY_LATER, "not_connected")

    def open(self) -> None:
        """Start to connect, if that has not begun."""
        with self._changed:
            if self._thread is None and not self._is_closed:
                self._is_trying = True
                self._thread = threading.Thread(target=self._run, name=f"smpp-{self._name}", daemon=True)
                self._thread.start()

    def session(self) -> Session | Rejected:
        """The bound session; an attempt that is being made is waited for, a pause between attempts is not. Else why there is none."""
        self.open()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_trying or self._is_closed)
            return self._session or self._failure

    def health(self) -> Health:
        with self._changed:
            if self._session is not None:
                return Health(True, "bound")
            if self._thread is None:
                return Health(not self._is_closed, "closed" if self._is_closed else "not connected yet")
            return Health(False, f"not bound: {self._failure.code}")

    def close(self) -> None:
        """Unbind and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            session, thread = self._session, self._thread
        if session is not None:
            session.unbind()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        pause = self._pauses.first_seconds
        while not self._is_closed:
            started = time.monotonic()
            self._attempt()
            if time.monotonic() - started >= _STEADY_SECONDS:
                pause = self._pauses.first_seconds
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, pause * random.uniform(0.75, 1.25))
                self._is_trying = not self._is_closed
            pause = min(pause * 2, self._pauses.longest_seconds)
        self._failed(Rejected.of(Reason.RETRY_LATER, "closed"))

    def _attempt(self) -> None:
        """Connect and read until the end of the session."""
        try:
            session = self._connect()
        except BindRefused as error:
            self._failed(codes.bind_refused(error.status))
            return
        except TimeoutError:
            self._failed(Rejected.of(Reason.RETRY_LATER, "connect_timeout"))
            return
        except (OSError, wire.BadPdu):
            self._failed(Rejected.of(Reason.RETRY_LATER, "not_connected"))
            return
        with self._changed:
            self._session, self._is_trying = session, False
            self._changed.notify_all()
            is_closed = self._is_closed
        if is_closed:  # closed while it was being made: nobody else unbinds it
            threading.Thread(target=session.unbind, daemon=True).start()
        _log.info("%s: bound", self._name)
        session.run()
        self._failed(Rejected.of(Reason.RETRY_LATER, session.lost))

    def _failed(self, failure: Rejected) -> None:
        with self._changed:
            is_news = not self._is_closed and (self._session is not None or failure != self._failure)
            self._session, self._is_trying, self._failure = None, False, failure
            self._changed.notify_all()
        if is_news:
            _log.warning("%s: not bound: %s", self._name, failure.code)
