"""What most providers share: names out of the settings, no callbacks, no queries, and no submission after `close`."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

from providers.contract import Health, Inbound, Outcome, Reason, Receipt, Rejected, Request, RequestRefused, Sinks, Submission
from providers.settings import CommonSettings

_log = logging.getLogger(__name__)
CLOSED = Rejected.of(Reason.RETRY_LATER, "closed")
WRONG_CHANNEL = Rejected.of(Reason.MISCONFIGURED, "channel")


class BaseProvider(ABC):
    """A provider that only has to send."""

    deduplicates = False
    can_query = False

    def __init__(self, settings: CommonSettings, sinks: Sinks) -> None:
        self.name = settings.name
        self.kind = settings.kind
        self.channels = frozenset(settings.channels)
        self._sinks = sinks
        self._closed = threading.Event()
        self._sink_lock = threading.Lock()

    def open(self) -> None:  # noqa: B027 (most have nothing in the background)
        """Nothing to start."""

    def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        if self._closed.is_set():
            return [CLOSED] * len(batch)
        ours = [submission for submission in batch if submission.channel in self.channels]
        outcomes = iter(self._submit(ours) if ours else [])
        return [next(outcomes) if submission.channel in self.channels else WRONG_CHANNEL for submission in batch]

    @abstractmethod
    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        """One outcome for each; the channels are right."""

    def _report(self, receipts: Sequence[Receipt]) -> None:
        """To the sink, one call at a time. What the sink refuses is lost here: for receipts that nobody can be asked to send again."""
        if not receipts:
            return
        with self._sink_lock:
            try:
                self._sinks.receipts(receipts)
            except Exception as error:
                _log.warning("%s: the sink refused %d receipts: %s", self.name, len(receipts), type(error).__name__)

    def query(self, provider_id: str | None, submission_id: str = "") -> Receipt | None:
        return None

    def parse_receipt(self, request: Request) -> list[Receipt]:
        raise RequestRefused(f"{self.kind} has no receipts by HTTP")

    def parse_inbound(self, request: Request) -> list[Inbound]:
        raise RequestRefused(f"{self.kind} has no replies by HTTP")

    def health(self) -> Health:
        return Health(False, "closed") if self._closed.is_set() else Health(True, "ready")

    def close(self) -> None:
        self._closed.set()
