"""Log lines are JSON, share a trace, and hold nothing personal."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from engine import observe


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged; the set-up of the test run comes back afterwards."""
    root = logging.getLogger()
    before, level, of_traces = list(root.handlers), root.level, observe._handler
    stream = io.StringIO()
    observe.set_up(stream)
    yield stream
    root.handlers, root.level, observe._handler = before, level, of_traces
    structlog.reset_defaults()


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_is_json_with_time_level_and_logger(lines: io.StringIO) -> None:
    """structlog's lines and those of `logging` look alike."""
    structlog.get_logger("ours").info("done", count=3)
    logging.getLogger("theirs").warning("took %d s", 4)
    ours, theirs = read(lines)

    assert (ours["event"], ours["level"], ours["logger"], ours["count"]) == ("done", "info", "ours", 3)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("took 4 s", "warning", "theirs")
    assert ours["timestamp"].endswith("Z")


def test_lines_of_the_trace_look_like_all_others(lines: io.StringIO) -> None:
    """And hold nothing personal, should a name of ours do so."""
    assert observe.heard()
    observe.tell([{"event": "decided", "trace": "0123456789abcdef", "env": "live", "sent": ["of 13800138000"], "reason": None}])
    structlog.get_logger("hongyan.trace").info("decided")
    told, other = read(lines)

    assert told.keys() - {"trace", "env", "sent", "reason"} == other.keys()
    assert (told["event"], told["trace"], told["logger"], told["level"]) == ("decided", "0123456789abcdef", "hongyan.trace", "info")
    assert told["sent"] == ["of 138****8000"]


def test_what_nobody_reads_is_not_made() -> None:
    """Before the set-up, and where the level is higher."""
    assert observe._handler is None or logging.getLogger("hongyan.trace").isEnabledFor(logging.INFO)
    logging.getLogger("hongyan.trace").setLevel(logging.WARNING)
    try:
        assert not observe.heard()
    finally:
        logging.getLogger("hongyan.trace").setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("to +8613800138000 now", "to 138****8000 now"),
        ("13800138000", "138****8000"),
        ("86 13800138000,", "86 138****8000,"),
        ("order 20260601138001380001", "order 20260601138001380001"),
        ("您的验证码是 482913，五分钟内有效", "您的验证码是 ******，五分钟内有效"),
        ("your code: 482913", "your code: ******"),
        ("key hy_live_AbC-d_9 refused", "key hy_live_****** refused"),
        ("postgresql+psycopg://hongyan:geheim@db/x is away", "postgresql+psycopg://hongyan:******@db/x is away"),
        ("took 482913 microseconds", "took 482913 microseconds"),
    ],
)
def test_texts_are_masked(said: str, shown: str) -> None:
    """What is no number of a person stays readable."""
    assert observe.mask_text(said) == shown


def test_values_and_tracebacks_are_masked(lines: io.StringIO) -> None:
    """However deep."""
    structlog.get_logger().info("x", phone="+8613800138000", code="482913", deep={"to": ["+8613900139000"], "token": "abc"}, n=1, none=None)
    try:
        raise ValueError("no such phone +8613700137000")
    except ValueError:
        logging.getLogger("y").exception("failed for %s", "+8613600136000")
    text = lines.getvalue()

    assert not any(secret in text for secret in ("13800138000", "13900139000", "13700137000", "13600136000", "482913", "abc"))
    assert read(lines)[0]["deep"] == {"to": ["139****9000"], "token": "******"}
    assert "ValueError" in read(lines)[1]["exception"]
