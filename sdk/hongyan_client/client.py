"""The client: settings once, then one property for each kind of thing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timezone

import httpx

from hongyan_client.connection import Connection, Policy
from hongyan_client.events import Events
from hongyan_client.messages import Messages
from hongyan_client.simulations import Simulations
from hongyan_client.users import Users
from hongyan_client.verifications import Verifications


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Client:
    """A connection to one Hongyan. Make one and share it between threads; close it, or use it in a `with`.

    Args:
        base_url: `https://hongyan.example.com`, without `/v1`.
        key: `hy_live_...`, or `hy_test_...`, which captures messages instead of sending them.
        timeout: seconds to connect, and between any two parts of an answer, for each attempt.
        retries: how often a request is repeated after 429, 502, 503, 504 and lost connections. Everything that this client sends is safe
            to repeat: events have ids, every other POST an idempotency key that stays the same.
        max_wait: the longest Retry-After in seconds that is waited for; a longer one raises at once and is in the error.
        transport, sleep, clock, jitter: for tests.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        timeout: float = 10.0,
        retries: int = 3,
        max_wait: float = 10.0,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = _now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._shown = f"Client({base_url!r}, {key[:8]}…)" if key.startswith(("hy_live_", "hy_test_")) else f"Client({base_url!r})"
        self._connection = Connection.open(base_url, key, timeout, Policy(retries, max_wait, sleep, clock, jitter), transport)
        self.events = Events(self._connection)
        self.verifications = Verifications(self._connection)
        self.users = Users(self._connection)
        self.simulations = Simulations(self._connection)
        self.messages = Messages(self._connection)

    def close(self) -> None:
        """Closes the connections."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self._shown
