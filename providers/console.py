"""Prints what would be sent, one masked line each. There are no receipts: what is printed is accepted and stays so."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

from providers.base import BaseProvider
from providers.contract import Accepted, Outcome, Sinks, Submission
from providers.masking import mask, mask_text
from providers.settings import CommonSettings


class ConsoleProvider(BaseProvider):
    """`stream`: None for the standard output of the moment."""

    deduplicates = False

    def __init__(self, settings: CommonSettings, sinks: Sinks, stream: TextIO | None = None) -> None:
        super().__init__(settings, sinks)
        self._stream = stream
        self._lock = threading.Lock()

    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        lines = "".join(f"{submission.channel} {mask(submission.to)} {_shown(submission)}\n" for submission in batch)
        stream = self._stream or sys.stdout
        with self._lock:
            stream.write(lines)
            stream.flush()
        return [Accepted(f"console-{submission.id}") for submission in batch]


def _shown(submission: Submission) -> str:
    text = submission.text
    if text is None:
        text = json.dumps(submission.content, ensure_ascii=False, default=str)
    return mask_text(" ".join(text.split()))
