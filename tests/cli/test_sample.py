"""`hongyan sample` and `init`: a book and a story to start with."""

import itertools
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from engine.core.facts import Event
from engine.events import EventReader
from engine.people import UserLine, UserReader
from engine.simulate import sample
from rules.checking import load_book
from tests.cli.conftest import O2O, Hongyan


def test_the_same_seed_gives_the_same_bytes(hongyan: Hongyan, tmp_path: Path) -> None:
    """Another seed gives another sample."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert hongyan("sample", "--orders", 30, "--seed", seed, "--out", tmp_path / name).code == 0
    a, b, c = ([(tmp_path / name / file).read_bytes() for file in ("users.jsonl", "events.jsonl")] for name in "abc")

    assert a == b
    assert a[0] != c[0]
    assert a[1] != c[1]


def test_without_a_folder_it_prints(hongyan: Hongyan) -> None:
    """Events, or users when asked for."""
    assert json.loads(hongyan("sample", "--orders", 1).out.splitlines()[0])["type"] == "order.completed"
    assert json.loads(hongyan("sample", "--orders", 1, "--print", "users").out.splitlines()[0])["id"] == "u0001"


def test_a_sample_fits_the_o2o_book() -> None:
    """Every line can be used, in order of `received`, and every kind of event occurs."""
    book = load_book(O2O).book
    assert book is not None
    events = [EventReader(book).read(line) for line in sample.events(200, seed=3)]
    good = [event for event in events if isinstance(event, Event)]
    received = [event.received for event in good]

    assert len(good) == len(events)
    assert received == sorted(received)
    assert {event.type for event in good} == set(book.events)
    assert all(isinstance(UserReader(book).read(line), UserLine) for line in sample.users(600, seed=3))


def test_a_sample_has_the_dirt_of_real_streams() -> None:
    """Late arrivals, repeated deliveries, people without a usable number, people who said no."""
    lines = list(sample.events(200, seed=3))
    people = list(sample.users(600, seed=3))
    times = [line["time"] for line in lines]

    assert times != sorted(times)
    assert max(Counter(line["id"] for line in lines).values()) == 2
    assert any("suppressed" in person for person in people)
    assert any(not person["phone"].startswith("+86") for person in people)
    assert any("timezone" in person for person in people)
    assert any("consent_marketing" not in person["attributes"] for person in people)


def test_a_sample_stays_within_its_days() -> None:
    """Before the first day lie old orders only; nothing lies after the last."""
    lines = list(sample.events(50, seed=1, start=date(2026, 7, 1), days=3))
    old = [line for line in lines if line["time"] < "2026-07-01"]

    assert {line["type"] for line in old} == {"order.completed"}
    assert {line["time"][:10] for line in lines if line["time"] > "2026-07-01"} == {"2026-07-01", "2026-07-02", "2026-07-03"}


def test_a_large_sample_is_made_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first events of a million orders come at once: only stories under way are held."""
    told = 0
    tell = sample._Story.tell

    def counting(self: sample._Story, type_: str, **data: object) -> sample._Story:
        nonlocal told
        told += 1
        return tell(self, type_, **data)

    monkeypatch.setattr(sample._Story, "tell", counting)
    first = list(itertools.islice(sample.events(1_000_000, seed=1, days=30), 10))

    assert len(first) == 10
    assert told < 1_000


def test_init_copies_the_book_that_ships(hongyan: Hongyan, tmp_path: Path) -> None:
    """The copy has the same findings."""
    target = tmp_path / "deep" / "book"
    outcome = hongyan("init", target)

    assert outcome.code == 0
    assert sorted(file.name for file in target.iterdir()) == sorted(file.name for file in O2O.glob("*.yaml"))
    assert hongyan("check", target).code == 0


def test_init_overwrites_nothing(hongyan: Hongyan, tmp_path: Path) -> None:
    """A folder that holds anything is refused, an empty one is not."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")

    assert hongyan("init", tmp_path / "empty").code == 0
    assert hongyan("init", tmp_path / "full").code == 2
    assert hongyan("init", tmp_path / "full" / "notes.txt").code == 2
