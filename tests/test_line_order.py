"""Whether a file is in order is told from plain texts where they are all alike, and never otherwise than by reading every line."""

import random
from pathlib import Path

import pytest

from engine.events import EventReader
from engine.simulate.lines import EventFile
from rules.model import Rulebook

HEAD = '{"id":"a","type":"t",'


@pytest.mark.parametrize(
    ("second", "plain"),
    [
        ('"time":"2026-06-01T10:00:01Z"}', True),
        ('"time": "2026-06-01T10:00:01Z", "data": {"x": 1}}', True),
        ('"time":"2026-06-01T09:59:59Z"}', False),
        ('"time":"2026-06-01T10:00:01+08:00"}', False),
        ('"time":"2026-06-01T10:00:01.5Z"}', False),
        ('"time":"2026-06-01T10:00:01Z","received":"2026-06-01T09:00:00Z"}', False),
        ('"time":"2026-06-01T10:00:01Z","r\\u0065ceived":"2026-06-01T09:00:00Z"}', False),
        ('"time":"2026-06-01T10:00:01Z","time":"2026-06-01T09:00:00Z"}', False),
        ('"data":{"time":"2026-06-01T10:00:01Z"},"time":"2026-06-01T09:00:00Z"}', False),
        ("not JSON", False),
    ],
)
def test_only_plain_lines_are_told_without_parsing(tmp_path: Path, second: str, plain: bool) -> None:
    """A later, a second or a hidden time, another form of it, and what is no line of this form: all are read."""
    path = tmp_path / "events"
    path.write_text(f'{HEAD}"time":"2026-06-01T10:00:00Z"}}\n{HEAD if second.startswith(chr(34)) else ""}{second}\n')

    assert _file(path)._is_plainly_in_order() is plain


def test_both_ways_agree(tmp_path: Path) -> None:
    """Random files of good and bad lines: what is plainly in order is in order when every line is read."""
    draw = random.Random(1)
    path = tmp_path / "events"
    seen = set()
    for _ in range(500):
        times = [f"2026-{draw.choice(['06', '06', '06', '13'])}-01T10:00:{draw.randrange(3) + at:02}Z" for at in range(draw.randrange(6))]
        ends = [draw.choice(["}", "}", "}", ""]) for _ in times]
        path.write_text("".join(f'{HEAD}"time":"{time}"{end}\n' for time, end in zip(times, ends, strict=True)))
        plain = _file(path)._is_plainly_in_order()
        seen.add((plain, _file(path)._first_received_before() is None))

    assert seen == {(True, True), (False, True), (False, False)}


def _file(path: Path) -> EventFile:
    return EventFile(path, EventReader(Rulebook(events={})), lambda line, reason: None)
