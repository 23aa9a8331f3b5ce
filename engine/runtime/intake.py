"""Intake: what is posted is checked, kept, and only then answered. Posts that arrive together share one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice

from engine.core.facts import Event
from engine.store import events
from engine.store.store import Store

MAX_GROUP = 2_000  # events of one commit


class _Post:
    """One caller's events, on their way."""

    __slots__ = ("answers", "batch", "done", "env", "error", "leads", "woken")

    def __init__(self, env: str, batch: Sequence[Event]) -> None:
        self.env = env
        self.batch = batch
        self.answers: Sequence[str] = ()
        self.error: BaseException | None = None
        self.leads = False  # its caller commits next, for all who wait
        self.woken = threading.Event()  # done, or its turn to lead


class Intake:
    """Keeps events in the order in which they are accepted. `arrived` is called after each commit.

    One caller commits for all who came meanwhile, and then wakes each of them by itself: were they to queue for a lock, the last one
    would wait for as many changes of thread as there are callers.
    """

    def __init__(self, store: Store, now: Callable[[], int], arrived: Callable[[], None]) -> None:
        self._store = store
        self._now = now
        self._arrived = arrived
        self._waiting: list[_Post] = []
        self._led = False  # somebody commits, and will name the next one
        self._guard = threading.Lock()  # of both

    def keep(self, env: str, batch: Sequence[Event]) -> Sequence[str]:
        """`accepted` or `duplicate` for each event, once they are committed. `received` is the instant of acceptance."""
        post = _Post(env, batch)
        with self._guard:
            self._waiting.append(post)
            post.leads, self._led = not self._led, True
        if not post.leads:
            post.woken.wait()
        if post.leads:
            self._lead()
        if post.error is not None:
            raise post.error
        return post.answers

    def _lead(self) -> None:
        """Commit for the caller and whoever came with him, wake them, and hand over to the first of those who came meanwhile."""
        group = self._take()
        self._commit(group)
        with self._guard:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
        if following is not None:
            following.leads = True
            following.woken.set()
        for post in group:
            post.woken.set()
        self._arrived()

    def _take(self) -> list[_Post]:
        with self._guard:
            group: list[_Post] = []
            size = 0
            while self._waiting and (not group or size + len(self._waiting[0].batch) <= MAX_GROUP):
                group.append(self._waiting.pop(0))
                size += len(group[-1].batch)
            return group

    def _commit(self, group: list[_Post]) -> None:
        try:
            with self._store.write() as tx:
                events.accepting(tx)
                now = self._now()
                for env in sorted({post.env for post in group}):
                    together = [post for post in group if post.env == env]
                    batch = [event for post in together for event in post.batch]
                    for event in batch:
                        event.received = now
                    answers = iter(events.add(tx, env, batch))
                    for post in together:
                        post.answers = list(islice(answers, len(post.batch)))
        except BaseException as error:
            for post in group:
                post.error = error
