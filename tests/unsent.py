"""A simulation in which some messages do not leave at once, as where no dispatcher runs: then an `unless` takes them back, and nothing
else about them differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.occurrences import Receipt
from engine.core.outcomes import Decision, Message
from engine.core.plan import BookPlan
from engine.runtime.waiting import retry_timer
from engine.simulate.memory import Memory
from engine.simulate.simulation import Simulation


class Outbox:
    """The messages that stay. `frees`: whether one that is taken back gives its cap slots back. `took` is told of every decision, once the
    memory has it; `judge` is asked for what follows."""

    def __init__(
        self,
        book: BookPlan,
        memory: Memory,
        stays: Callable[[Message], bool],
        judge: Callable[[Receipt], Any],
        frees: Callable[[Message], bool] = lambda message: True,
    ) -> None:
        self._book = book
        self._memory = memory
        self._stays = stays
        self._judge = judge
        self._frees = frees
        self._here: dict[str, Message] = {}

    def took(self, decision: Decision) -> None:
        """Put what was sent in, take out what was taken back."""
        for message in decision.messages:
            timer = retry_timer(message, self._book)
            if timer.watch and self._stays(message):
                self._memory.add(timer)
                self._here[timer.id] = message
        for timer_id in decision.cancelled:
            message = self._here.pop(timer_id, None)
            if message is not None and self._frees(message):
                self._judge(Receipt(message, "rejected", in_time=False))


class Unsent(Simulation):
    """`stays`: which messages do not leave; `frees`: as in Outbox."""

    def __init__(
        self,
        book: BookPlan,
        *,
        stays: Callable[[Message], bool] = lambda message: True,
        frees: Callable[[Message], bool] = lambda message: True,
        **more: Any,
    ) -> None:
        super().__init__(book, **more)
        self._outbox = Outbox(book, self.memory, stays, self._judge, frees)

    def _took(self, decision: Decision) -> None:
        super()._took(decision)
        self._outbox.took(decision)
