"""The timeline and the summary: what people read."""

import io
from typing import Any

import pytest

from cli.timeline import Tally, Timeline
from rules.model import Rulebook


def message(**more: Any) -> dict[str, Any]:
    """A message line."""
    whole = {"kind": "message", "at": "2026-06-01T15:59:59Z", "rule": "r", "user": "u1", "type": "notification", "channel": "sms"}
    rest = {"to": "+8613800138000", "text": "好", "parts": 1, "cost": None, "template": "t", "variant": None, "occurrence": "e1"}
    return {**whole, **rest, **more}


def verdict(**more: Any) -> dict[str, Any]:
    """A verdict line."""
    whole = {"kind": "verdict", "at": "2026-06-01T15:59:59Z", "rule": "r", "user": "u1", "outcome": "skip", "reason": "expired"}
    return {**whole, "detail": {}, "occurrence": "e1", **more}


def rows(*lines: dict[str, Any], **of_the_book: Any) -> list[str]:
    """The rows without their time and person."""
    book = Rulebook(**{"timezone": "Asia/Shanghai", "locale": "zh_CN", **of_the_book})
    return [row.partition("  ● ")[2] or row.partition("  ⊘ ")[2] or row for row in Timeline(book, io.StringIO()).rows(lines)]


def test_each_day_has_a_heading_in_the_books_zone() -> None:
    """A second before midnight and midnight are two days."""
    shown = rows(message(), message(at="2026-06-01T16:00:00Z"), message(at="2026-06-01T16:00:01Z"))

    assert shown == ["2026-06-01 周一 Asia/Shanghai", "已发送  r  好", "2026-06-02 周二 Asia/Shanghai", "已发送  r  好", "已发送  r  好"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (message(text="一\n二"), "已发送  r  一 二"),
        (message(channel="caller_card", text=None, template="call"), "已发送  r  [来电名片 call]"),
        (message(channel="video_sms", text=None, template=""), "已发送  r  [视频短信]"),
        (verdict(), "已跳过  r  已过期 expired"),
        (verdict(reason="late", detail={"due": "2026-06-01T02:00:00Z"}), "已跳过  r  太迟 late  due 2026-06-01 10:00:00"),
        (verdict(reason="capped", detail={"cap": {"max": 1}, "count": 1}), '已跳过  r  频次已满 capped  cap {"max":1}, count 1'),
    ],
)
def test_a_row_says_what_and_why(line: dict[str, Any], expected: str) -> None:
    """Texts on one line; other channels by name; reasons with their facts, instants in local time."""
    assert rows(line)[1] == expected


def test_a_verdict_that_sent_is_its_message() -> None:
    """One row, not two."""
    assert len(rows(verdict(outcome="send", reason="ok"), message())) == 2


def test_other_books_are_read_in_english() -> None:
    """The language is that of the book."""
    assert rows(verdict(), locale="en_GB", timezone="UTC") == ["2026-06-01 Mon UTC", "Skipped    r  Expired expired"]


def test_colours_are_for_terminals_only() -> None:
    """A file or a pipe gets plain text."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    book = Rulebook(timezone="UTC")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("TERM", "xterm")
        coloured = "".join(Timeline(book, Terminal()).rows([message()]))
        patch.setenv("NO_COLOR", "1")
        plain = "".join(Timeline(book, Terminal()).rows([message()]))

    assert "\x1b[32m" in coloured
    assert "\x1b" not in plain


def test_the_summary_counts_messages_parts_and_cost() -> None:
    """The busiest rule first; what no price table knows is named."""
    tally = Tally()
    lines = [message(cost=0.05), message(cost=0.1, parts=2), message(rule="q"), verdict()]

    assert list(tally.count(lines)) == lines
    assert list(tally.summary(Rulebook(), 10, 2, 1, 1)) == [
        "10 events, 1 seen before, 2 lines refused; 3 messages in 4 parts; cost 0.15, without 1 message that no price table knows",
        "  2  r",
        "  1  q",
        "1 timer still pending at the end",
    ]
