"""`hongyan simulate`, `explain` and `compare`: what goes where, and what people see."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cli.compare import report_table
from tests.cli.conftest import BOOK, Hongyan

ROOT = Path(__file__).parents[2]


def test_jsonl_is_data_only(hongyan: Hongyan, book: Path, events: Path) -> None:
    """Messages on standard output, the summary on standard error."""
    outcome = hongyan("simulate", book, "--events", events, "--format", "jsonl")
    (line,) = map(json.loads, outcome.out.splitlines())

    assert outcome.code == 0
    assert list(line) == [
        "kind", "at", "rule", "user", "type", "channel", "to", "text", "parts", "cost", "template", "variant", "occurrence",
    ]  # fmt: skip
    assert (line["at"], line["to"], line["cost"]) == ("2026-06-01T02:01:00Z", "+8613800138000", None)
    assert outcome.err.splitlines() == ["2 events; 1 message in 1 part", "  1  order-created 下单确认"]


def test_the_table_masks_numbers_and_shows_local_time(hongyan: Hongyan, book: Path, events: Path) -> None:
    """A heading per day; what was skipped appears with --verdicts, in words."""
    outcome = hongyan("simulate", book, "--events", events, "--verdicts")
    heading, sent, skipped = outcome.out.splitlines()

    assert heading == "2026-06-01 周一 Asia/Shanghai"
    assert sent == "  10:01:00  u1 138****8000    ● 已发送  下单确认  【秒信通】订单A1已收到。"
    assert skipped.startswith("  10:02:00  u1                ⊘ 已跳过  下单确认  条件不成立 condition_false")
    assert "13800138000" not in outcome.out


def test_prices_come_from_the_settings(hongyan: Hongyan, book: Path, events: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has its cost, and the summary the total."""
    (tmp_path / "hongyan.toml").write_text("[prices.sms]\nCN = 0.05\n")
    monkeypatch.setenv("HONGYAN_SETTINGS", str(tmp_path / "hongyan.toml"))
    outcome = hongyan("simulate", book, "--events", events, "--format", "jsonl")

    assert json.loads(outcome.out)["cost"] == 0.05
    assert "; cost 0.05" in outcome.err


def test_lines_that_cannot_be_used_are_named(hongyan: Hongyan, book: Path, events: Path) -> None:
    """The rest goes on; the exit code tells."""
    events.write_text(events.read_text() + '{"type": "order.creatd"}\n{\n')
    outcome = hongyan("simulate", book, "--events", events, "--format", "jsonl")

    assert outcome.code == 1
    assert len(outcome.out.splitlines()) == 1
    assert f'{events}: line 3: type: no event "order.creatd" in the book; did you mean "order.created"?' in outcome.err
    assert f"{events}: line 4: is not JSON" in outcome.err
    assert "2 events, 2 lines refused; 1 message" in outcome.err


def test_a_bar_on_the_terminal_leaves_the_data_alone(book: Path, events: Path, tmp_path: Path) -> None:
    """With people at standard error and a file at standard output, each gets its own."""
    events.write_text(events.read_text() + "{\n")
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "cli.main", "simulate", book, "--events", events, "--format", "jsonl"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "1000"}
    with (tmp_path / "out.jsonl").open("wb") as out:
        code = subprocess.run(command, cwd=ROOT, stdout=out, stderr=terminal, env=environment, check=False).returncode
    os.close(terminal)
    shown = os.read(master, 1 << 16).decode()
    os.close(master)

    assert code == 1
    assert [json.loads(line)["rule"] for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()] == ["order-created"]
    assert "line 3: is not JSON" in shown
    assert "2 events, 1 line refused; 1 message in 1 part" in shown


def test_users_and_receipts_are_read_too(hongyan: Hongyan, book: Path, events: Path, tmp_path: Path) -> None:
    """A suppressed user gets nothing; a receipt of an unknown rule is refused."""
    (tmp_path / "users.jsonl").write_text('{"id": "u1", "phone": "+8613800138000", "suppressed": ["all"]}\n')
    (tmp_path / "receipts.jsonl").write_text('{"rule": "nobody", "status": "delivered"}\n')
    users, receipts = tmp_path / "users.jsonl", tmp_path / "receipts.jsonl"
    outcome = hongyan("simulate", book, "--events", events, "--users", users, "--receipts", receipts)

    assert (outcome.code, outcome.out) == (1, "")
    assert f'{receipts}: line 1: rule: no rule "nobody" in the book' in outcome.err


def test_the_clock_runs_between_from_and_until(hongyan: Hongyan, book: Path, events: Path) -> None:
    """A time without offset is one in the book's zone."""
    assert hongyan("simulate", book, "--events", events, "--from", "2026-06-01T10:01").out != ""
    assert hongyan("simulate", book, "--events", events, "--from", "2026-06-01T10:01:01").out == ""
    assert hongyan("simulate", book, "--events", events, "--until", "2026-06-01T02:00:59Z").out == ""


def test_explain_shows_values(hongyan: Hongyan, book: Path, events: Path) -> None:
    """One tree per judgement of the rule."""
    outcome = hongyan("explain", book, "--rule", "order-created", "--events", events)

    assert outcome.code == 0
    assert "event.amount" in outcome.out


def test_explain_says_when_there_is_nothing_to_explain(hongyan: Hongyan, book: Path, events: Path) -> None:
    """An empty answer would look like a defect."""
    outcome = hongyan("explain", book, "--rule", "order-created", "--events", events, "--user", "u9")

    assert (outcome.code, outcome.out) == (1, "")
    assert "no verdict about u9" in outcome.err


def test_compare_counts_what_changes(hongyan: Hongyan, book: Path, events: Path, tmp_path: Path) -> None:
    """A book that also thanks for free orders sends one more; a threshold makes that an exit code."""
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "book.yaml").write_text(BOOK.replace("{above: 0}", "{at_least: 0}"), encoding="utf-8")
    outcome = hongyan("compare", book, changed, "--events", events, "--format", "json")
    found = json.loads(outcome.out)

    assert outcome.code == 0
    assert found["messages"] == {"old": 1, "new": 2}
    assert [(rule["rule"], rule["added"], rule["removed"], rule["changed"]) for rule in found["rules"]] == [("order-created", 1, 0, 0)]
    assert hongyan("compare", book, changed, "--events", events, "--threshold", "1").code == 0
    assert hongyan("compare", book, changed, "--events", events, "--threshold", "0").code == 1


def test_compare_of_equal_books_says_so(hongyan: Hongyan, book: Path, events: Path) -> None:
    """One line instead of an empty table."""
    assert "no difference" in hongyan("compare", book, book, "--events", events).out


def test_the_table_of_a_comparison_is_aligned() -> None:
    """Numbers to the right, costs with a sign."""
    rule = {"rule": "a", "old": 1, "new": 1_200, "added": 1_199, "removed": 0, "changed": 0, "cost_old": 0.05, "cost_new": 60.0}
    shift = {"rule": "a", "from": "skip capped", "to": "send ok", "count": 1_199}
    cost, messages = {"old": 0.05, "new": 60.0}, {"old": 1, "new": 1_200}
    found = {"old": "x", "new": "x", "events": 1_200, "messages": messages, "cost": cost, "rules": [rule], "verdicts": [shift]}

    assert list(report_table(found)) == [
        "1,200 events; messages 1 → 1,200; cost 0.05 → 60.00",
        "rule  before  after   added  removed  changed    cost",
        "a          1  1,200  +1,199       -0       ~0  +59.95",
        "a: skip capped → send ok, 1,199 times",
    ]
