"""The way out of an installation: its providers by the settings, the dispatcher that feeds them, the receiver of what they report."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from engine.core.zones import EPOCH_UTC
from engine.runtime.books import Books
from engine.runtime.clock import Clock
from engine.runtime.deciding import Deciding
from engine.runtime.dispatch import Dispatcher
from engine.runtime.errors import NotFound
from engine.runtime.meters import Meters
from engine.runtime.receipts import Receiver
from engine.runtime.routing import WITHOUT_ROUTE, Routing, read_routes
from engine.store.store import Store
from providers.contract import Provider, Request, RequestRefused, Sinks
from providers.registry import make
from rules.model import CHANNELS

log = logging.getLogger(__name__)

Table = Mapping[str, Any]
# Carries every channel without a route, and everything of the test environment.
CAPTURE: Table = {"name": WITHOUT_ROUTE, "kind": "capture", "channels": list(CHANNELS)}
MAX_REST_SECONDS = 0.01  # after a round of few messages
IDLE_SECONDS = 0.5  # how long a dispatcher without work sleeps at most; it is woken when something is decided


class WayOut:
    """Providers, dispatcher and receiver. `start` sends in a thread of its own; `step` sends what there is in this one."""

    def __init__(
        self,
        store: Store,
        books: Books,
        deciding: Deciding,
        clock: Clock,
        *,
        providers: Sequence[Table],
        routes: Sequence[Table],
        pepper: bytes,
        meters: Meters,
        decided: Callable[[], None],
    ) -> None:
        tables = list(providers)
        if not any(table["name"] == WITHOUT_ROUTE for table in tables):
            tables.append(CAPTURE)
        channels = {str(table["name"]): tuple(table.get("channels", ())) for table in tables}
        rates = {str(table["name"]): table.get("per_second") for table in tables}
        self.routing = Routing(read_routes(routes, channels), rates)
        self._receiver = Receiver(store, books, deciding, clock, routing=self.routing, meters=meters)
        self._clock = clock
        self._decided = decided  # called when receipts may have led to something new
        self.providers: dict[str, Provider] = {str(table["name"]): make(table, self._sinks(str(table["name"]))) for table in tables}
        self._dispatcher = Dispatcher(
            store, books, deciding, self.providers, self.routing, clock, Random(), receiver=self._receiver, pepper=pepper, meters=meters
        )
        self._bell = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self, *, alone: bool = True) -> None:
        """Open the providers and send from now on. `alone`: no other process dispatches from this database."""
        self._dispatcher.start(alone=alone)
        for provider in self.providers.values():
            provider.open()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def step(self) -> bool:
        """Send one batch; False: there is nothing to send now."""
        return self._dispatcher.step()

    def ring(self) -> None:
        """There may be something to send."""
        self._bell.set()

    def close(self) -> None:
        """Finish the batch in hand and leave the gateways in good order."""
        self._stopping = True
        self._bell.set()
        if self._thread is not None:
            self._thread.join()
        for provider in self.providers.values():
            provider.close()

    def receive(self, name: str, kind: str, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], int]:
        """What a gateway posts: `receipts` or `inbound`. (answer, HTTP status). Raises NotFound."""
        provider = self.providers.get(name)
        if provider is None:
            raise NotFound(f"there is no provider {name}")
        request = Request(body, {key.lower(): value for key, value in headers.items()})
        try:
            if kind == "receipts":
                self._receiver.receipts(name, provider.parse_receipt(request))
            else:
                self._receiver.inbound(name, provider.parse_inbound(request))
        except RequestRefused as refused:
            return {"code": "refused", "detail": str(refused)}, 403
        self._decided()
        return {"status": "ok"}, 200

    def is_alive(self) -> bool:
        """Whether the thread that sends is running, or none was started."""
        return self._thread is None or self._thread.is_alive()

    def _sinks(self, name: str) -> Sinks:
        def receipts(batch: Sequence[Any]) -> None:
            self._receiver.receipts(name, batch)
            self._decided()

        def inbound(batch: Sequence[Any]) -> None:
            self._receiver.inbound(name, batch)
            self._decided()

        return Sinks(receipts, inbound, lambda: EPOCH_UTC + timedelta(microseconds=self._clock.now()))

    def _run(self) -> None:
        while not self._stopping:
            try:
                began = time.monotonic()
                if self._dispatcher.step():
                    if not self._dispatcher.was_full:  # as in the worker: let some gather
                        time.sleep(min(time.monotonic() - began, MAX_REST_SECONDS))
                    continue
            except SQLAlchemyError as error:  # away, or full: the outcomes of what was sent are kept until they can be recorded
                log.error("the database fails: %s", type(error).__name__)
            self._bell.wait(IDLE_SECONDS)
            self._bell.clear()
