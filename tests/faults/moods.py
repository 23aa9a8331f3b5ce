"""An SMSC as it may be while its customers have faults of their own: slow, hung, gone, and with receipts early, late, twice, never."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

from tests.providers.conftest import Smsc

# Each for a moment. It refuses nothing: when a cap's slot comes back after a refusal is an instant that no simulation can know.
MOODS: tuple[dict[str, Any], ...] = (
    {},
    {"delay": 150},
    {"delay": 600},
    {"delay": 600, "repeat": 2},
    {"early": True},
    {"hold": True},
    {"hold": True, "stat": "UNDELIV"},
    {"receipts": "none"},
    {"receipts": "text", "repeat": 2},
    {"hang": True},
    {"drop": True},
)
CALM = {
    "delay": 0, "repeat": 1, "early": False, "hold": False, "stat": "DELIVRD", "receipts": "both", "hang": False, "drop": False,
    "keep": True,
}  # fmt: skip


class Moods(threading.Thread):
    """Changes the gateway's mood until it is stopped; then it is calm, and says what it held back."""

    def __init__(self, smsc: Smsc, seed: int) -> None:
        super().__init__(name="moods", daemon=True)
        self._smsc = smsc
        self._chance = Random(seed)
        self.stopping = threading.Event()
        smsc.order("reset")
        smsc.events.clear()
        smsc.mode(**CALM)

    def run(self) -> None:
        while not self.stopping.wait(self._chance.uniform(0.1, 1)):
            self._let_go()
            self._smsc.mode(**CALM | self._chance.choice(MOODS))
        self._smsc.mode(**CALM)
        self._let_go()

    def _let_go(self) -> None:
        """The answers and receipts that were held back, the last receipt first."""
        self._smsc.order("answer")
        self._smsc.order("release", reversed=True)
