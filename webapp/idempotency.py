"""`Idempotency-Key`: the same key and request again gets the stored answer; another request 422; one that still runs 409.

`StoredAnswers` keeps them in the service's database, over restarts and for several processes; `MemoryAnswers` in this process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.store import idempotency
from engine.store.store import Store
from webapp.problems import MEDIA_TYPE, Problem

KEEP_SECONDS = 24 * 3600
MAX_KEPT_BYTES = 64 * 1024 * 1024
Owner = tuple[str, str]  # environment, name of the API key


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it went out."""

    status: int
    body: bytes
    media_type: str


class Answers(Protocol):
    """Where answers are remembered."""

    def begin(self, owner: Owner, key: str, fingerprint: bytes) -> Stored | None:
        """None: run the request, then `finish` or `abandon`. Raises Problem when the key runs already or belongs to another request."""

    def finish(self, owner: Owner, key: str, answer: Stored) -> None:
        """Remember the answer."""

    def abandon(self, owner: Owner, key: str) -> None:
        """Nothing happened: the key may be used again."""

    def forget(self, *texts: str) -> None:
        """Drop every answer that holds one of these texts: a person was erased."""


@dataclass(slots=True)
class _Entry:
    fingerprint: bytes
    since: float
    answer: Stored | None = None


class MemoryAnswers:
    """Answers of the last day, as many as fit."""

    def __init__(self, monotonic: Callable[[], float], keep_seconds: float = KEEP_SECONDS, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._monotonic = monotonic
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[Owner, str], _Entry] = OrderedDict()
        self._bytes = 0

    def begin(self, owner: Owner, key: str, fingerprint: bytes) -> Stored | None:
        """See Answers."""
        with self._lock:
            self._sweep()
            entry = self._entries.get((owner, key))
            if entry is None:
                self._entries[owner, key] = _Entry(fingerprint, self._monotonic())
                return None
            if entry.fingerprint != fingerprint:
                raise _refusal("other")
            if entry.answer is None:
                raise _refusal("running")
            return entry.answer

    def finish(self, owner: Owner, key: str, answer: Stored) -> None:
        """See Answers."""
        with self._lock:
            self._entries[owner, key].answer = answer
            self._bytes += len(answer.body)
            self._sweep()

    def abandon(self, owner: Owner, key: str) -> None:
        """See Answers."""
        with self._lock:
            self._drop((owner, key))

    def forget(self, *texts: str) -> None:
        """See Answers."""
        needles = [text.encode() for text in texts if text]
        with self._lock:
            for place, entry in list(self._entries.items()):
                if entry.answer is not None and any(needle in entry.answer.body for needle in needles):
                    self._drop(place)

    def _sweep(self) -> None:
        """Drop what is too old, then the oldest answers beyond the room there is. What runs stays."""
        deadline = self._monotonic() - self._keep_seconds
        for place, entry in list(self._entries.items()):
            if entry.since > deadline and self._bytes <= self._max_bytes:
                return
            if entry.answer is not None:
                self._drop(place)

    def _drop(self, place: tuple[Owner, str]) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None and entry.answer is not None:
            self._bytes -= len(entry.answer.body)


class StoredAnswers:
    """Answers in the service's database. `now` gives microseconds."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    def begin(self, owner: Owner, key: str, fingerprint: bytes) -> Stored | None:
        """See Answers."""
        env, name = owner
        standing = self._store.transact(lambda tx: idempotency.begin(tx, env, key, name, fingerprint.hex(), self._now()))
        if standing.state == "new":
            return None
        if standing.state != "done":
            raise _refusal(standing.state)
        media_type = "application/json" if standing.status < 400 else MEDIA_TYPE
        return Stored(standing.status, standing.response.encode(), media_type)

    def finish(self, owner: Owner, key: str, answer: Stored) -> None:
        """See Answers."""
        self._store.transact(lambda tx: idempotency.finish(tx, owner[0], key, owner[1], answer.status, answer.body.decode()))

    def abandon(self, owner: Owner, key: str) -> None:
        """See Answers."""
        self._store.transact(lambda tx: idempotency.release(tx, owner[0], key, owner[1]))

    def forget(self, *texts: str) -> None:
        """Nothing to do: the service's `erase_user` drops what the database holds of a person, in one transaction."""


def _refusal(state: Literal["running", "other"]) -> Problem:
    if state == "other":
        return Problem("idempotency_mismatch", "use a new key for a new request")
    return Problem("idempotency_running", "ask again in a moment", headers={"Retry-After": "1"})
