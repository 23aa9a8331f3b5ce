"""Input files, line by line: events in order of arrival, users, receipts. Files may be larger than memory.

A line that cannot be used is named to `refuse(line number, reason)`, and the rest goes on. What cannot be read at all raises InputError.
"""

from __future__ import annotations

import gzip
import heapq
import io
import re
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, cast

import orjson

from engine.core.facts import Event, Json
from engine.events import EventReader
from engine.people import ReceiptLine, ReceiptReader, UserLine, UserReader
from engine.refusals import InputError, Refusal, parse_json
from engine.simulate.seen import SeenIds
from engine.values import instant

Refuse = Callable[[int, str], None]  # (line number from 1, reason)
Progress = Callable[[str, int, int], None]  # (what is being done, bytes read of the file, its size or 0 when unknown)
Numbered = tuple[int, bytes]

MAX_LINE_BYTES = 1_048_576
RUN_BYTES = 32 * 1_048_576  # how much of an unordered file is sorted in memory at a time
MAX_RUNS = 128  # files open at once while merging
STEP = 4_096  # lines between two reports of progress
_RECORD = struct.Struct("<qqI")
# The time of an event where only texts stand before it; as texts such times are in order of time.
_plain_time = re.compile(rb'\{(?:"[^"]*": ?"[^"]*", ?)*?"time": ?"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"').match
_BOM = b"\xef\xbb\xbf"


def _no_progress(_: str, __: int, ___: int) -> None:
    pass


class LineFile:
    """A file of lines, plain or gzip (told by its first bytes), or `-` for standard input. Can be read several times."""

    def __init__(self, path: str | Path, progress: Progress | None = None) -> None:
        self.name = "standard input" if str(path) == "-" else str(path)
        self._path = path
        self._progress = progress or _no_progress
        self._spool: BinaryIO | None = None  # standard input can be read only once

    def lines(self, refuse: Refuse, doing: str = "reading") -> Iterator[Numbered]:
        """Lines with their numbers, without blank ones. Too long ones are refused; so is the rest of a truncated archive."""
        with self._opened() as (raw, size):
            stream = _unpacked(raw)
            number = 0
            try:
                for number, line in enumerate(iter(partial(stream.readline, MAX_LINE_BYTES), b""), 1):
                    if number == 1 and line.startswith(_BOM):
                        line = line[3:]
                    if number % STEP == 0:
                        self._progress(doing, raw.tell(), size)
                    if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                        _skip_line(stream)
                        refuse(number, f"is longer than {MAX_LINE_BYTES:,} bytes")
                    elif not line.isspace():
                        yield number, line
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                refuse(number + 1, f"the compressed file breaks off here ({error})")
            except OSError as error:
                raise InputError(f"{self.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Forget what was kept of standard input."""
        if self._spool is not None:
            self._spool.close()

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, int]]:
        if self._spool is None and str(self._path) == "-":
            self._spool = _spooled(sys.stdin.buffer)
        if self._spool is not None:
            self._spool.seek(0)
            yield self._spool, 0
            return
        try:
            raw = open(self._path, "rb")  # noqa: SIM115  # closed below; errors of opening alone are caught here
        except OSError as error:
            raise InputError(f"{self.name}: {error.strerror}") from error
        with raw:
            if raw.seekable():
                yield raw, Path(self._path).stat().st_size
                return
            self._spool = _spooled(raw)  # a pipe, like standard input
        self._spool.seek(0)
        yield self._spool, 0


def _spooled(stream: BinaryIO) -> BinaryIO:
    spool = tempfile.SpooledTemporaryFile(max_size=RUN_BYTES)  # noqa: SIM115  # lives as long as its LineFile
    while block := stream.read(1 << 20):
        spool.write(block)
    return cast(BinaryIO, spool)


def _unpacked(raw: BinaryIO) -> BinaryIO:
    start = raw.read(2)
    raw.seek(0)
    if start != b"\x1f\x8b":
        return raw
    return cast(BinaryIO, io.BufferedReader(_Unzipped(raw), 1 << 18))


class _Unzipped(io.RawIOBase):
    """Gives what could be unpacked before it says that an archive breaks off; GzipFile alone would lose its last buffer."""

    def __init__(self, raw: BinaryIO) -> None:
        self._archive = gzip.GzipFile(fileobj=raw, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        block = self._archive.read1(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _ignore(_: int, __: str) -> None:
    pass


# ---- events -------------------------------------------------------------------------------------------------------------------------


class EventFile:
    """The events of a file in order of `received`, then of the file, each (source, id) once. To be iterated once.

    A file in order is read twice, once only to see that it is; another one is sorted in runs on disk.
    """

    def __init__(
        self,
        path: str | Path,
        reader: EventReader,
        refuse: Refuse,
        *,
        strict_order: bool = False,
        progress: Progress | None = None,
        run_bytes: int = RUN_BYTES,
    ) -> None:
        self._file = LineFile(path, progress)
        self._reader = reader
        self._refuse = refuse
        self._strict_order = strict_order
        self._run_bytes = run_bytes
        self.events = 0
        self.refused = 0
        self.duplicates = 0
        self.spilled_runs = 0  # 0 for a file in order, or one that fits in memory

    def __iter__(self) -> Iterator[Event]:
        with closing(self._file), SeenIds() as seen:
            for event in self._ordered():
                if seen.add(event.source, event.id):
                    self.events += 1
                    yield event
                else:
                    self.duplicates += 1

    def _ordered(self) -> Iterator[Event]:
        broken = self._first_out_of_order()
        if broken is None:
            return self._in_file_order()
        if self._strict_order:
            raise InputError(f"{self._file.name}: line {broken} was received before the line above it (--strict-order)")
        return self._sorted()

    def _first_out_of_order(self) -> int | None:
        return None if self._is_plainly_in_order() else self._first_received_before()

    def _is_plainly_in_order(self) -> bool:
        """Whether all lines say one time each, in UTC and to the second, in order of these texts: the usual file, told without parsing.

        A line that will be refused counts here, too. Without it the rest is in order all the more.
        """
        latest = b""
        for _, line in self._file.lines(_ignore, "looking at the order"):
            found = _plain_time(line)
            if found is None or line.count(b'"time"') != 1 or b'"received"' in line or b"\\" in line:
                return False
            time = found[1]
            if time < latest:
                return False
            latest = time
        return True

    def _first_received_before(self) -> int | None:
        latest = -(1 << 62)
        for number, line in self._file.lines(_ignore, "looking at the order"):
            received = _received(line)
            if received is not None:
                if received < latest:
                    return number
                latest = received
        return None

    def _in_file_order(self) -> Iterator[Event]:
        read = self._reader.read_json
        for number, line in self._file.lines(self._refused):
            event = read(line)
            if isinstance(event, Refusal):
                self._refused(number, event.reason)
            else:
                yield event

    def _sorted(self) -> Iterator[Event]:
        runs: list[BinaryIO] = []
        run: list[tuple[int, int, bytes]] = []
        size = 0
        for number, line in self._file.lines(self._refused, "sorting"):
            event = self._reader.read_json(line)
            if isinstance(event, Refusal):
                self._refused(number, event.reason)
                continue
            run.append((event.received, number, line))
            size += len(line) + 150  # what the tuple and the list take beside it
            if size >= self._run_bytes:
                run.sort()
                runs.append(_spill(run))
                self.spilled_runs += 1
                run, size = [], 0
                if len(runs) == MAX_RUNS:
                    runs = [_spill(heapq.merge(*map(_records, runs)))]
        run.sort()
        for _, _, line in heapq.merge(*map(_records, runs), run):
            event = self._reader.read_json(line)
            assert isinstance(event, Event)  # it was one before
            yield event

    def _refused(self, number: int, reason: str) -> None:
        self.refused += 1
        self._refuse(number, reason)


def _received(text: bytes) -> int | None:
    try:
        line = orjson.loads(text)
        received = line.get("received")
        return instant(line.get("time") if received is None else received)
    except (ValueError, AttributeError):  # no JSON; no object. It is refused when it is read
        return None


def _spill(run: Iterable[tuple[int, int, bytes]]) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it was read
    for received, number, line in run:
        file.write(_RECORD.pack(received, number, len(line)))
        file.write(line)
    return cast(BinaryIO, file)


def _records(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    with file:
        file.seek(0)
        while head := file.read(_RECORD.size):
            received, number, length = _RECORD.unpack(head)
            yield received, number, file.read(length)


# ---- users and receipts -----------------------------------------------------------------------------------------------------------------

Line = TypeVar("Line", covariant=True)


class _Reader(Protocol[Line]):
    def read(self, line: Json) -> Line | Refusal: ...


def _read(path: str | Path, reader: _Reader[Line], refuse: Refuse, progress: Progress | None) -> Iterator[Line]:
    with closing(LineFile(path, progress)) as file:
        for number, text in file.lines(refuse):
            parsed = parse_json(text)
            line = parsed if isinstance(parsed, Refusal) else reader.read(parsed)
            if isinstance(line, Refusal):
                refuse(number, line.reason)
            else:
                yield line


def read_users(path: str | Path, reader: UserReader, refuse: Refuse, progress: Progress | None = None) -> Iterator[UserLine]:
    """The users of a file, in its order. A later line of the same id is a later word on the same user."""
    return _read(path, reader, refuse, progress)


def read_receipts(path: str | Path, reader: ReceiptReader, refuse: Refuse, progress: Progress | None = None) -> Iterator[ReceiptLine]:
    """The receipts of a file, in its order."""
    return _read(path, reader, refuse, progress)
