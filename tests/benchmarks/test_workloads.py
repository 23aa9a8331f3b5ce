"""What the benchmarks promise of their inputs. Nothing is timed here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.decide import joins
from benchmarks.decide.peers import PEERS, hongyan
from benchmarks.decide.workload import SIZES, TYPES, Event, Rule, expected, make_events, make_rules
from benchmarks.replay.generated import write_events
from rules.checking import check


def holds(rule: Rule, event: Event) -> bool:
    tests = (rule.store == event["store"], event["tier"] in rule.tiers, event["amount"] >= rule.amount, event["weight"] <= rule.weight)
    return rule.type == event["type"] and all(tests)


def test_an_event_matches_as_many_rules_at_every_size() -> None:
    counts = [[len(ids) for ids in expected(make_rules(size), make_events(size, 2_000))] for size in SIZES]

    assert counts[0] == counts[1] == counts[2]
    assert 0.9 < sum(counts[0]) / 2_000 < 1.2


def test_the_expected_matches_are_those_of_the_four_tests() -> None:
    rules, events = make_rules(1_000), make_events(1_000, 200)

    assert expected(rules, events) == [sorted(rule.id for rule in rules if holds(rule, event)) for event in events]


def test_rules_are_spread_evenly_over_the_types() -> None:
    types = [rule.type for rule in make_rules(1_000)]

    assert {types.count(type) for type in types} == {1_000 // TYPES}
    with pytest.raises(ValueError, match="multiple"):
        make_rules(150)


def test_hongyan_agrees_with_plain_python() -> None:
    """As a rulebook in YAML, through compile and decide."""
    rules, events = make_rules(100), make_events(100, 200)

    assert hongyan.run(hongyan.prepare(rules), events) == expected(rules, events)


def test_the_book_of_the_workload_has_no_errors() -> None:
    assert check(hongyan.book_files(make_rules(100))).errors == ()


def test_every_engine_of_the_table_has_its_file() -> None:
    files = {file.stem for file in (Path(hongyan.__file__).parent).glob("*.py")} - {"__init__"}

    assert set(PEERS) == files


@pytest.mark.parametrize("kind", ["sequence", "together"])
def test_the_books_of_the_joins_have_no_errors(kind: str) -> None:
    assert check({"book.yaml": joins.book(kind, 4)}).errors == ()


def test_a_longer_history_goes_on_where_a_shorter_one_ends(tmp_path: Path) -> None:
    write_events(tmp_path / "short", 500)
    write_events(tmp_path / "long", 2_000)
    short, long = (file.read_text(encoding="utf-8").splitlines() for file in (tmp_path / "short", tmp_path / "long"))
    times = [json.loads(line)["time"] for line in long]

    assert long[:500] == short
    assert times == sorted(times)
