"""Files of lines: any shape a file can have, in order of arrival, in flat memory."""

import gzip
import io
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.events import EventReader
from engine.people import ReceiptReader, UserReader
from engine.refusals import InputError
from engine.simulate import lines
from engine.simulate.lines import EventFile, read_receipts, read_users
from engine.simulate.seen import SeenIds
from rules.model import EventType, Rulebook

BOOK = Rulebook(events={"tick": EventType((), "tick", {})})


def tick(number: int, second: int | None = None, **more: Any) -> bytes:
    """A good line: event `number`, received at that second of the day."""
    at = number if second is None else second
    time = f"2026-06-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z"
    return json.dumps({"id": f"e{number}", "type": "tick", "time": time, "user": "u1", **more}).encode() + b"\n"


class Run:
    """A file that was read: ids in order, refusals by line, and the EventFile with its counts."""

    def __init__(self, path: Path | str, **options: Any) -> None:
        self.refused: dict[int, str] = {}
        self.file = EventFile(path, EventReader(BOOK), self.refused.__setitem__, **options)
        self.ids = [int(event.id[1:]) for event in self.file]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes its file."""
    return tmp_path / "events.jsonl"


@pytest.mark.parametrize(
    "content",
    [
        tick(1) + tick(2),
        b"\xef\xbb\xbf" + tick(1) + tick(2),
        tick(1).replace(b"\n", b"\r\n") + b"\r\n \n" + tick(2),
        tick(1) + tick(2).rstrip(),
        gzip.compress(tick(1) + tick(2)),
        gzip.compress(tick(1)) + gzip.compress(tick(2)),
    ],
    ids=["plain", "byte order mark", "CRLF and blank lines", "no last line end", "gzip", "two gzip members"],
)
def test_files_of_all_shapes(path: Path, content: bytes) -> None:
    """What editors, Windows and log shippers make of a file of lines."""
    path.write_bytes(content)
    run = Run(path)

    assert run.ids == [1, 2]
    assert run.refused == {}


def test_an_empty_file_has_no_events(path: Path) -> None:
    """No line, no complaint."""
    path.write_bytes(b"")

    assert Run(path).ids == []


def test_bad_lines_are_named_and_the_rest_goes_on(path: Path) -> None:
    """Line numbers count blank and bad lines too."""
    path.write_bytes(tick(1) + b"\n{\n" + tick(2, type="tock") + b'{"a": "\xff"}\n' + tick(3))
    run = Run(path)

    assert run.ids == [1, 3]
    assert set(run.refused) == {3, 4, 5}
    assert run.refused[5].startswith("is not UTF-8")
    assert run.file.refused == 3


def test_a_truncated_archive_gives_what_it_holds(path: Path) -> None:
    """The whole lines are judged, then one refusal says that the file breaks off."""
    whole = gzip.compress(b"".join(tick(number) for number in range(2_000)))
    path.write_bytes(whole[: len(whole) // 2])
    run = Run(path)

    assert run.ids == list(range(len(run.ids)))
    assert len(run.ids) > 100
    assert list(run.refused.values()) == [next(iter(run.refused.values()))]
    assert "breaks off" in next(iter(run.refused.values()))


def test_an_endless_line_is_refused_without_being_held(path: Path) -> None:
    """One missing line end must not take all memory."""
    path.write_bytes(tick(1) + b"x" * (3 * lines.MAX_LINE_BYTES) + b"\n" + tick(2))
    run = Run(path)

    assert run.ids == [1, 2]
    assert run.refused == {2: "is longer than 1,048,576 bytes"}


def test_a_missing_file_is_an_input_error(path: Path) -> None:
    """The message says which file and why."""
    with pytest.raises(InputError, match=r"events\.jsonl: No such file"):
        Run(path)
    with pytest.raises(InputError, match="directory"):
        Run(path.parent)


def test_standard_input_can_be_sorted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept aside, since it cannot be read twice."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(tick(2) + tick(1)))))

    assert Run("-").ids == [1, 2]


# ---- order ----------------------------------------------------------------------------------------------------------------------


def test_events_come_in_order_of_received_then_of_the_file(path: Path) -> None:
    """`time` does not count where `received` is there."""
    late = tick(9, 1, received="2026-06-01T00:00:05Z")
    path.write_bytes(late + tick(1, 3) + tick(2, 5) + tick(3, 3))

    assert Run(path).ids == [1, 3, 9, 2]


def test_strict_order_refuses_an_unordered_file(path: Path) -> None:
    """Before anything is judged, with the line at fault; an ordered one passes."""
    path.write_bytes(tick(1) + tick(2) + tick(3, 1))
    with pytest.raises(InputError, match="line 3 was received before the line above it"):
        Run(path, strict_order=True)
    path.write_bytes(tick(1) + b"{\n" + tick(2))

    assert Run(path, strict_order=True).ids == [1, 2]


@pytest.mark.parametrize("run_bytes", [1, 10_000, 10_000_000], ids=["a run per line", "some runs", "all in memory"])
def test_sorting_outside_memory_gives_the_same(path: Path, run_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the runs, and with more of them than files may be open."""
    monkeypatch.setattr(lines, "MAX_RUNS", 7)
    order = list(range(300))
    random.Random(1).shuffle(order)
    path.write_bytes(b"".join(tick(number, number // 3) for number in order) + b"{\n")
    run = Run(path, run_bytes=run_bytes)
    position = {number: place for place, number in enumerate(order)}

    assert run.ids == sorted(order, key=lambda number: (number // 3, position[number]))
    assert run.refused.keys() == {301}
    assert (run.file.spilled_runs > 0) == (run_bytes < 10_000_000)


def test_an_ordered_file_is_read_as_it_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat: when the tenth event is judged, the eleventh line has not been parsed for it."""
    path.write_bytes(b"".join(tick(number) for number in range(1_000)))
    reader = EventReader(BOOK)
    parsed = 0

    def counting(text: bytes) -> object:
        nonlocal parsed
        parsed += 1
        return EventReader.read_json(reader, text)

    monkeypatch.setattr(reader, "read_json", counting)
    events: Iterator[object] = iter(EventFile(path, reader, lambda *_: None))
    for _ in range(10):
        next(events)

    assert parsed == 10


def test_progress_is_told_in_bytes(path: Path) -> None:
    """Both passes tell how far they are."""
    path.write_bytes(b"".join(tick(number % 86_400) for number in range(lines.STEP)))
    told: list[tuple[str, int, int]] = []
    Run(path, progress=lambda *step: told.append(step))

    assert [doing for doing, _, _ in told] == ["looking at the order", "reading"]
    assert all(0 < done <= size == path.stat().st_size for _, done, size in told)


# ---- identities -------------------------------------------------------------------------------------------------------------------


def test_an_identity_is_judged_once(path: Path) -> None:
    """(source, id) seen before is not judged again; another source is another event."""
    path.write_bytes(tick(1) + tick(2) + tick(1, 5) + tick(1, 6, source="till"))
    run = Run(path)

    assert run.ids == [1, 2, 1]
    assert (run.file.events, run.file.duplicates) == (3, 1)


@pytest.mark.parametrize("limit", [3, 100, 10_000])
def test_identities_beyond_the_limit_live_on_disk(limit: int) -> None:
    """The answers are those of a set, and memory holds no more than the limit."""
    chance = random.Random(2)
    drawn = [("api" if chance.random() < 0.5 else "till", str(chance.randrange(400))) for _ in range(2_000)]
    known: set[tuple[str, str]] = set()
    with SeenIds(limit) as seen:
        for identity in drawn:
            assert seen.add(*identity) == (identity not in known)
            assert seen.in_memory < limit
            known.add(identity)


def test_new_identities_are_rarely_looked_up_on_disk() -> None:
    """The filter before the table answers for almost all of them."""
    with SeenIds(1_000) as seen:
        assert all(seen.add("api", str(number)) for number in range(20_000))
        assert seen.lookups < 200


# ---- users and receipts -------------------------------------------------------------------------------------------------------------


def test_users_and_receipts_are_files_of_lines_too(path: Path) -> None:
    """The same shapes, the same refusals."""
    refused: dict[int, str] = {}
    path.write_bytes(b'{"id": "u1"}\r\n[]\n{"id": "u2"}')

    assert [user.id for user in read_users(path, UserReader(BOOK), refused.__setitem__)] == ["u1", "u2"]
    assert list(read_receipts(path, ReceiptReader(BOOK), refused.__setitem__)) == []
    assert refused[2] == "must be a JSON object, got a list"
    assert refused[1].startswith("rule: is missing")
