"""A file of submissions, one JSON line each: what stands in it was taken, whoever is killed afterwards. Processes may share it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import FileIO
from typing import Any

from providers.contract import Submission

_WRITTEN = ("id", "channel", "to", "sender", "text", "content", "template", "params", "send_until")
_LINE = 2_000  # bytes, generously: how far back is looked for the latest so many


class Record:
    """Reads what others have written, and adds what is taken, in turns."""

    def __init__(self, path: str, keep: int) -> None:
        self._path = path
        self._keep = keep
        self._read = -1  # bytes that are known; -1: not looked yet

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Nobody else writes until the end of the block. The file is its owner's alone."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            turn = Turn(file, *self._news(file))
            self._read = turn.read
            yield turn
            self._read = turn.read  # not where writing failed: then what did get there is read next time

    def _news(self, file: FileIO) -> tuple[list[Submission], int, bool]:
        size = os.fstat(file.fileno()).st_size
        if not 0 <= self._read <= size:  # the first look, or somebody has emptied it
            self._read = max(0, size - self._keep * _LINE)
        file.seek(self._read)
        lines = (file.read(size - self._read) or b"").split(b"\n")
        return [found for line in lines if (found := _submission(line)) is not None], size, bool(lines[-1])


class Turn:
    """One look at the file. `news`: what stands there since the last one."""

    def __init__(self, file: FileIO, news: list[Submission], read: int, torn: bool) -> None:
        self.news = news
        self.read = read
        self._file = file
        self._torn = torn  # somebody was killed in the middle of a line

    def add(self, batch: Sequence[Submission]) -> None:
        """Write these at the end. Raises OSError."""
        left = memoryview((("\n" if self._torn else "") + "".join(map(_line, batch))).encode("utf-8", "replace"))
        while left:
            left = left[self._file.write(left) :]
        self.read = os.fstat(self._file.fileno()).st_size


def _line(submission: Submission) -> str:
    shown = {name: getattr(submission, name) for name in _WRITTEN}
    return json.dumps({key: value for key, value in shown.items() if value}, ensure_ascii=False, default=str) + "\n"


def _submission(line: bytes) -> Submission | None:
    """None for an empty line, and for one that is none of ours."""
    try:
        told: Any = json.loads(line)
        until = told.pop("send_until", None)
        return Submission(**told, send_until=datetime.fromisoformat(until) if until is not None else None)
    except (ValueError, TypeError, AttributeError):
        return None
