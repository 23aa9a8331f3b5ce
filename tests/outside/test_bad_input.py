"""Input that cannot be used: named with line and reason, the rest goes on; nothing hostile reaches a text or brings the command down."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from . import cases
from .conftest import Hongyan, Result

BOOK = "rules:\n  r: {on: made, send: {type: notification, sms: \"{{ event.k }}{{ event.s | default('') }}\"}}\n"
BAD_LINE = 37  # far from the beginning, and a number that nothing else in these files holds
TIME = "2026-06-01T02:00:00Z"


def event(number: int, **fields: Any) -> dict:
    """A good event."""
    return {"id": f"e-{number:03}", "type": "made", "time": TIME, "user": "u1", "data": {"k": f"k{number:03}"}, **fields}


def line(**fields: Any) -> bytes:
    """An event as a line, good but for the fields given; None leaves a field out."""
    return json.dumps({name: value for name, value in event(999, **fields).items() if value is not None}).encode()


class Files:
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.book = cases.write_book(folder / "book", BOOK)
        self.users = cases.write_lines(folder / "users.jsonl", [{"id": "u1", "phone": "+8613800138001"}])
        self.events = folder / "events.jsonl"
        self.good = [json.dumps(event(n)).encode() for n in range(1, 40)]

    def with_bad(self, bad: bytes) -> "Files":
        """Good lines around one bad one, which is line 37."""
        self.events.write_bytes(b"\n".join([*self.good[: BAD_LINE - 1], bad, *self.good[BAD_LINE - 1 :]]) + b"\n")
        return self

    def run(self, hongyan: Hongyan, *more: object) -> Result:
        """Simulate."""
        return hongyan("simulate", self.book, "--events", self.events, "--users", self.users, "--format", "jsonl", *more)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A book, a user and a place for events."""
    return Files(tmp_path)


def names_line(stderr: str, number: int) -> list[str]:
    """The lines of standard error that name a line of the input."""
    return [text for text in stderr.splitlines() if re.search(rf"(?<![\w.+-]){number}(?![\w.-])", text)]


BAD = {
    "broken-json": (b'{"id": "x", ', ""),
    "no-json-at-all": (b"hello", ""),
    "a-list": (b"[1, 2]", ""),
    "a-string": (b'"made"', ""),
    "a-number": (b"42", ""),
    "null": (b"null", ""),
    "two-objects": (line() + b" " + line(), ""),
    "trailing-comma": (b'{"id": "x",}', ""),
    "single-quotes": (b"{'id': 'x'}", ""),
    "not-a-number": (b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"k","n":NaN}}', ""),
    "infinity": (b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"k","n":-Infinity}}', ""),
    "not-utf-8": (b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"\xff\xfe"}}', ""),
    "gbk": ('{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"订单"}}'.encode("gbk"), ""),
    "lone-surrogate-in-data": (line(data={"k": "k", "s": "\ud83d"}), ""),
    "lone-surrogate-in-id": (line(id="\udc00"), ""),
    "deep-nesting": (b'{"id":' + b"[" * 100_000, ""),
    "deep-nesting-closed": (b'{"id":"x","data":' + b"[" * 50_000 + b"]" * 50_000 + b"}", ""),
    "unknown-type": (line(type="order.exploded"), "order.exploded"),
    "no-type": (line(type=None), "type"),
    "type-not-a-string": (line(type=5), "type"),
    "no-id": (line(id=None), "id"),
    "no-time": (line(time=None), "time"),
    "time-without-offset": (line(time="2026-06-01T02:00:00"), "2026-06-01T02:00:00"),
    "received-without-offset": (line(received="2026-06-01T02:00:00"), "2026-06-01T02:00:00"),
    "time-no-time": (line(time="yesterday"), "yesterday"),
    "time-a-number": (line(time=1780000000), ""),
    "time-that-does-not-exist": (line(time="2026-02-30T02:00:00Z"), "2026-02-30"),
    "data-missing-field": (line(data={}), "k"),
    "data-wrong-type": (line(data={"k": "k", "n": "3"}), "n"),
    "data-number-for-string": (line(data={"k": 5}), "k"),
    "data-boolean-for-number": (line(data={"k": "k", "n": True}), "n"),
    "data-fraction-for-integer": (line(data={"k": "k", "i": 1.5}), "i"),
    "data-naive-datetime": (line(data={"k": "k", "at": "2026-06-01T02:00:00"}), "at"),
    "data-no-date": (line(data={"k": "k", "day": "2026-13-01"}), "day"),
    "data-list-member": (line(data={"k": "k", "l": [1]}), "l"),
    "data-not-an-object": (line(data=[1]), "data"),
    "user-a-number": (line(user=42), "user"),
    "user-an-empty-object": (line(user={}), "user"),
    "user-a-list": (line(user=["u1"]), "user"),
    "user-phone-a-number": (line(user={"id": "u1", "phone": 138}), ""),
    "user-attribute-wrong-type": (line(user={"id": "u1", "attributes": {"score": "viel"}}), "score"),
    "user-timezone-unknown": (line(user={"id": "u1", "timezone": "Mars/Olympus"}), ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_the_rest_goes_on(name: str, files: Files, hongyan: Hongyan) -> None:
    """A line that cannot be used is named on standard error with its line number and reason; the rest goes on; exit 1."""
    bad, reason = BAD[name]
    expected = [event(n)["data"]["k"] for n in range(1, 40)]

    result = files.with_bad(bad).run(hongyan)

    assert result.returncode == 1
    assert [message["text"] for message in cases.parse(result.stdout)] == expected
    assert "Traceback" not in result.stderr
    named = names_line(result.stderr, BAD_LINE)
    assert named, result.stderr
    assert any(reason in text for text in result.stderr.splitlines()), result.stderr


LENIENT = {
    "empty-line": b"",
    "blanks": b"   \t ",
    "huge-integer": b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"x","n":' + b"9" * 6000 + b"}}",
    "huge-exponent": b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"x","n":1e99999}}',
    "tiny-exponent": b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"x","n":1e-99999}}',
    "huge-int-in-integer": line(data={"k": "x", "i": 2**200}),
    "unknown-data-field": line(data={"k": "x", "zzz": 1}),
    "unknown-field": line(zzz=1),
    "year-1": line(time="0001-01-01T00:00:00+14:00"),
    "year-9999": line(time="9999-12-31T23:59:59-12:00"),
    "leap-second": line(time="2016-12-31T23:59:60Z"),
    "nul-in-id": line(id="a\0b"),
    "very-long-id": line(id="i" * 100_000),
    "very-long-string": line(data={"k": "x" * 1_000_000}),
    "double-keys": b'{"id":"x","id":"y","type":"made","time":"2026-06-01T02:00:00Z","user":"u1","data":{"k":"x"}}',
    "user-null": b'{"id":"x","type":"made","time":"2026-06-01T02:00:00Z","user":null,"data":{"k":"x"}}',
    "user-empty": line(user=""),
    "invalid-phone": line(user={"phone": "12"}),
    "phone-of-letters": line(user={"phone": "call me"}),
    "broadcast-with-a-user": line(type="cast"),
    "ip-nonsense": line(data={"k": "x", "ip": "999.1.1.1/nope"}),
    "received-before-time": line(received="2026-06-01T01:00:00Z"),
}


@pytest.mark.parametrize("name", LENIENT)
def test_odd_lines_never_stop_the_others(name: str, files: Files, hongyan: Hongyan) -> None:
    """Whether such a line is used or refused: no crash, and every good line is judged."""
    expected = {event(n)["data"]["k"] for n in range(1, 40)}

    result = files.with_bad(LENIENT[name]).run(hongyan)

    assert result.returncode in (0, 1)
    assert expected <= {message["text"] for message in cases.parse(result.stdout)}
    assert "Traceback" not in result.stderr
    if result.returncode:
        assert names_line(result.stderr, BAD_LINE), result.stderr


def test_several_bad_lines_are_all_named(files: Files, hongyan: Hongyan) -> None:
    """All, not only the first."""
    files.events.write_bytes(b"\n".join([b"{", *files.good[:30], b"{", *files.good[30:], b"{"]))

    result = files.run(hongyan)

    assert result.returncode == 1
    assert len(cases.parse(result.stdout)) == 39
    assert all(names_line(result.stderr, number) for number in (1, 32, 42)), result.stderr


def test_lines_may_end_as_in_windows(files: Files, hongyan: Hongyan) -> None:
    """CRLF is white space to JSON."""
    files.events.write_bytes(b"\r\n".join(files.good) + b"\r\n")

    result = files.run(hongyan)

    assert (result.returncode, len(cases.parse(result.stdout))) == (0, 39)


def test_the_last_line_needs_no_end(files: Files, hongyan: Hongyan) -> None:
    """A file without a final line feed."""
    files.events.write_bytes(b"\n".join(files.good))

    result = files.run(hongyan)

    assert (result.returncode, len(cases.parse(result.stdout))) == (0, 39)


def test_a_byte_order_mark_costs_one_line_at_most(files: Files, hongyan: Hongyan) -> None:
    """Either it is ignored, or line 1 is named."""
    files.events.write_bytes(b"\xef\xbb\xbf" + b"\n".join(files.good) + b"\n")

    result = files.run(hongyan)

    count = len(cases.parse(result.stdout))
    assert (result.returncode, count) in ((0, 39), (1, 38))
    assert result.returncode == 0 or names_line(result.stderr, 1)


def test_line_separators_of_unicode_do_not_end_a_line(files: Files, hongyan: Hongyan) -> None:
    """A line of the input ends with a line feed, not with U+2028, U+0085 or a form feed inside a string."""
    odd = json.dumps(event(500, data={"k": "a\u2028b\u0085c"}), ensure_ascii=False).encode()
    files.events.write_bytes(b"\n".join([odd, *files.good, b"{"]) + b"\n")

    result = files.run(hongyan)

    assert len(cases.parse(result.stdout)) == 40
    assert names_line(result.stderr, 41), result.stderr


def test_users_and_receipts_are_checked_alike(files: Files, hongyan: Hongyan) -> None:
    """Input files: a line that cannot be used is named with its number and reason."""
    files.events.write_bytes(b"\n".join(files.good))
    users = [
        {"id": "u1", "phone": "+8613800138001"},
        {"phone": "+8613800138002"},
        {"id": "u3", "phone": "+8613800138003", "attributes": {"score": "viel"}},
        {"id": "u4", "timezone": "Mars/Olympus"},
    ]
    files.users.write_text("\n".join([*map(json.dumps, users), "{", '"u5"']), encoding="utf-8")

    result = files.run(hongyan)

    assert result.returncode == 1
    assert len(cases.parse(result.stdout)) == 39
    assert all(names_line(result.stderr, number) for number in (2, 3, 4, 5, 6)), result.stderr
    assert "users" in result.stderr


def test_bad_receipts(files: Files, hongyan: Hongyan) -> None:
    """A receipt with an unknown status or without an offset in its time is named."""
    files.events.write_bytes(b"\n".join(files.good))
    receipts = files.folder / "receipts.jsonl"
    receipts.write_text(
        '{"rule":"r","user":"u1","at":"2026-06-01T02:00:10Z","status":"delivered"}\n'
        '{"rule":"r","user":"u1","at":"2026-06-01T02:00:10Z","status":"eaten"}\n'
        '{"rule":"r","user":"u1","at":"2026-06-01T02:00:10","status":"delivered"}\n'
        "{\n",
        encoding="utf-8",
    )

    result = files.run(hongyan, "--receipts", receipts)

    assert result.returncode == 1
    assert len(cases.parse(result.stdout)) == 39
    assert all(names_line(result.stderr, number) for number in (2, 3, 4)), result.stderr


def test_compressed_files(files: Files, hongyan: Hongyan) -> None:
    """Input files may be `.gz`."""
    files.events.write_bytes(b"\n".join(files.good))
    plain = files.run(hongyan)
    files.events = files.folder / "events.jsonl.gz"
    files.events.write_bytes(gzip.compress(b"\n".join(files.good)))

    packed = files.run(hongyan)

    assert (packed.returncode, packed.stdout) == (0, plain.stdout)


def test_a_compressed_file_cut_short(files: Files, hongyan: Hongyan) -> None:
    """Unreadable input: no crash, said on standard error, exit not 0."""
    whole = gzip.compress(b"\n".join(json.dumps(event(n)).encode() for n in range(5000)))
    files.events = files.folder / "events.jsonl.gz"
    files.events.write_bytes(whole[: len(whole) // 2])

    result = files.run(hongyan)

    assert result.returncode in (1, 2)
    assert "Traceback" not in result.stderr
    assert "events.jsonl.gz" in result.stderr


def test_a_compressed_file_that_is_none(files: Files, hongyan: Hongyan) -> None:
    """Only called `.gz`: read as what it is, or refused as unreadable; never half."""
    files.events = files.folder / "events.jsonl.gz"
    files.events.write_bytes(b"\n".join(files.good))

    result = files.run(hongyan)

    assert (result.returncode, len(cases.parse(result.stdout))) in ((0, 39), (2, 0))
    assert "Traceback" not in result.stderr


def test_accepting_unknown_events(files: Files, hongyan: Hongyan) -> None:
    """unknown_events: refuse | accept."""
    cases.write_book(
        files.folder / "book", BOOK + "book: {id: t, name: 试, timezone: Asia/Shanghai, locale: zh_CN, unknown_events: accept}\n"
    )

    result = files.with_bad(line(type="order.exploded")).run(hongyan)

    assert (result.returncode, len(cases.parse(result.stdout))) == (0, 39)


WRONG_BOOKS = {
    "unknown-name": "rules:\n  r: {on: nothing, send: {type: notification, sms: 好}}\n",
    "bad-yaml": "rules:\n  r: {on: made, send: {type: notification\n",
    "unknown-key": "rules:\n  r: {on: made, sned: {type: notification, sms: 好}}\n",
    "type-mismatch": "rules:\n  r: {on: made, when: {event.n: viel}, send: {type: notification, sms: 好}}\n",
    "two-of-a-name": "rules:\n  r: {on: made, send: {type: notification, sms: 好}}\n  r: {on: paid, send: {type: notification, sms: 好}}\n",
    "python-tag": "rules: !!python/object/apply:os.system ['true']\n",
    "two-triggers": "rules:\n  r: {on: {event: made, count: made}, send: {type: notification, sms: 好}}\n",
}


@pytest.mark.parametrize("name", WRONG_BOOKS)
def test_a_book_with_errors(name: str, files: Files, hongyan: Hongyan) -> None:
    """A book with errors: findings on standard error, standard output empty, exit 1."""
    files.events.write_bytes(b"\n".join(files.good))
    cases.write_book(files.folder / "book", "rules: {}\n")
    (files.folder / "book" / "case.yaml").write_text(WRONG_BOOKS[name], encoding="utf-8")

    result = files.run(hongyan)

    assert (result.returncode, result.stdout) == (1, "")
    assert "case.yaml" in result.stderr
    assert "Traceback" not in result.stderr


def test_warnings_do_not_stop_anything(files: Files, hongyan: Hongyan) -> None:
    """Only errors make a book unusable; an unused template is no reason to stop."""
    files.events.write_bytes(b"\n".join(files.good))
    cases.write_book(files.folder / "book", BOOK + "templates: {never: {sms: 好}}\n")

    result = files.run(hongyan)

    assert (result.returncode, len(cases.parse(result.stdout))) == (0, 39)


USAGE = [
    (),
    ("fly",),
    ("simulate",),
    ("simulate", "BOOK"),
    ("simulate", "BOOK", "--events"),
    ("simulate", "BOOK", "--events", "EVENTS", "--format", "xml"),
    ("simulate", "BOOK", "--events", "EVENTS", "--from", "yesterday"),
    ("simulate", "BOOK", "--events", "EVENTS", "--colour"),
    ("simulate", "BOOK", "--events", "MISSING"),
    ("simulate", "MISSING", "--events", "EVENTS"),
    ("simulate", "BOOK", "--events", "EVENTS", "--users", "MISSING"),
    ("simulate", "BOOK", "--events", "EVENTS", "--receipts", "MISSING"),
    ("simulate", "BOOK", "--events", "BOOK"),
    ("check",),
    ("check", "MISSING"),
]


@pytest.mark.parametrize("args", USAGE, ids=[" ".join(args) or "nothing" for args in USAGE])
def test_wrong_usage(args: tuple[str, ...], files: Files, hongyan: Hongyan) -> None:
    """2 wrong usage or unreadable input; said on standard error, standard output empty."""
    files.events.write_bytes(b"\n".join(files.good))
    places = {"BOOK": files.book, "EVENTS": files.events, "MISSING": files.folder / "missing"}

    result = hongyan(*[places.get(arg, arg) for arg in args])

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_an_unsorted_file_equals_a_sorted_one(files: Files, hongyan: Hongyan) -> None:
    """a file not in that order is sorted outside memory"""
    cases.write_book(
        files.folder / "book",
        "user: {traits: {mades: {on: made, take: count}}}\n"
        'rules:\n  r: {on: made, send: {type: notification, sms: "{{ event.k }}{{ user.mades }}"}}\n',
    )
    events = [event(n, time=f"2026-06-01T02:{n:02}:00Z") for n in range(40)]
    cases.write_lines(files.events, events)
    ordered = files.run(hongyan, "--verdicts")
    mixed = [events[(n * 17) % 40] for n in range(40)]
    cases.write_lines(files.events, mixed)

    result = files.run(hongyan, "--verdicts")

    assert (result.returncode, result.stdout) == (0, ordered.stdout)
    assert len(cases.parse(result.stdout)) == 80


def test_lines_of_an_unsorted_file_keep_their_numbers(files: Files, hongyan: Hongyan) -> None:
    """named with its line number - of the file as it was given."""
    events = [event(n, time=f"2026-06-01T02:{40 - n:02}:00Z") for n in range(36)]
    lines = [json.dumps(e) for e in events]
    files.events.write_text("\n".join([*lines, '{"id": 5', *lines[:0]]), encoding="utf-8")

    result = files.run(hongyan)

    assert result.returncode == 1
    assert names_line(result.stderr, BAD_LINE), result.stderr
    assert len(cases.parse(result.stdout)) == 36


def test_strict_order_refuses(files: Files, hongyan: Hongyan) -> None:
    """or refused with `--strict-order`; a file in order is not."""
    events = [event(n, time=f"2026-06-01T02:{n:02}:00Z") for n in range(40)]
    cases.write_lines(files.events, events)
    fine = files.run(hongyan, "--strict-order")
    cases.write_lines(files.events, [*events[:20], events[30], *events[20:30], *events[31:]])

    refused = files.run(hongyan, "--strict-order")

    assert fine.returncode == 0
    assert len(cases.parse(fine.stdout)) == 40
    assert refused.returncode in (1, 2)
    assert refused.stderr.strip()
    assert "Traceback" not in refused.stderr


def test_order_is_of_received(files: Files, hongyan: Hongyan) -> None:
    """Events are judged in order of `received`: late events do not make a file unsorted."""
    events = [event(n, time="2026-06-01T02:00:00Z", received=f"2026-06-01T02:{n:02}:00Z") for n in range(40)]
    events[20]["time"] = "2026-05-01T00:00:00Z"
    cases.write_lines(files.events, events)

    result = files.run(hongyan, "--strict-order")

    assert (result.returncode, len(cases.parse(result.stdout))) == (0, 40)


def cloud(number: int, **fields: Any) -> dict:
    """A CloudEvents 1.0 event in JSON."""
    return {
        "specversion": "1.0",
        "id": f"c-{number:03}",
        "source": "/shop",
        "type": "made",
        "time": "2026-06-01T02:00:00Z",
        "subject": "u1",
        "datacontenttype": "application/json",
        "data": {"k": f"k{number:03}"},
        **fields,
    }


def test_cloudevents(files: Files, hongyan: Hongyan) -> None:
    """CloudEvents 1.0 JSON is taken too, with `subject` as the user."""
    cases.write_lines(files.events, [event(1), cloud(2), cloud(3, time="2026-06-01T10:00:00+08:00", traceparent="00-ab-cd-01")])

    result = files.run(hongyan)

    assert result.returncode == 0, result.stderr
    assert {(m["user"], m["text"], m["at"]) for m in cases.parse(result.stdout)} == {("u1", f"k00{n}", TIME) for n in (1, 2, 3)}


def test_cloudevents_are_told_apart_by_source_and_id(files: Files, hongyan: Hongyan) -> None:
    """An event whose (source, id) was seen is not judged again."""
    cases.write_lines(files.events, [cloud(1), cloud(1), cloud(1, source="/other"), cloud(2)])

    result = files.run(hongyan)

    assert [m["text"] for m in cases.parse(result.stdout)] == ["k001", "k001", "k002"]


def test_cloudevents_without_a_time_are_named(files: Files, hongyan: Hongyan) -> None:
    """An event needs its time."""
    bad = cloud(9)
    del bad["time"]

    result = files.with_bad(json.dumps(bad).encode()).run(hongyan)

    assert result.returncode == 1
    assert names_line(result.stderr, BAD_LINE), result.stderr


HOSTILE = {
    "brackets": "【某宝】客服",
    "brackets-in-pieces": "【【】】",
    "right-to-left": "abc\u202egnp.exe",
    "zero-width-in-a-url": "ev\u200bil.com",
    "controls": "a\x00\x07\x1b[31mb\r\nc\u0085d\x7fe",
    "url": "http://evil.com/a",
    "url-upper": "HTTP://EVIL.COM",
    "url-in-chinese": "请点evil.com领奖",
    "url-www": "www.evil.shop",
    "url-removed-makes-a-url": "evhttp://x.com il.com",
    "url-nested": "hthttp://a.com/tp://evil.com",
    "url-user": "http://bank.cn@evil.com/",
    "url-port": "evil.com:8080/x",
    "url-of-chinese-domain": "http://支付宝.中国/登录",
    "url-full-width-dot": "evil。com",
    "jinja": "{{ user.phone }}",
    "jinja-statement": "{% for x in range(9) %}x{% endfor %}",
    "jinja-attribute": "{{ ''.__class__.__mro__ }}",
    "format": "%s%n{0.__class__}",
    "html": "<script>alert(1)</script>",
    "long": "长" * 1000,
    "astral": "😀" * 20,
    "newlines": "\n\n\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_never_reaches_a_text(name: str, files: Files, hongyan: Hongyan) -> None:
    """From every value 【, 】 and control characters are removed, and URLs; a template in a value is only text."""
    cases.write_lines(files.events, [event(1, data={"k": "k1", "s": HOSTILE[name]}), event(2)])

    result = files.run(hongyan, "--verdicts")

    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    got = cases.parse(result.stdout)
    assert [line["outcome"] for line in got if line["kind"] == "verdict"] == ["skip" if name == "long" else "send", "send"]
    for message in (line for line in got if line["kind"] == "message"):
        assert not re.search("[【】\x00-\x1f\x7f-\x9f]", message["text"]), message
        assert not re.search(r"(?i)evil\.com|evil\.shop|x\.com|a\.com|https?://|www\.|13800138001", message["text"]), message


@pytest.mark.parametrize("field", ["id", "user", "source", "key"])
def test_hostile_names_do_no_harm(field: str, files: Files, hongyan: Hongyan) -> None:
    """Ids with separators, quotes, path pieces and control characters are only ids."""
    names = ["a|b", "a:b", "../../etc/passwd", "'; drop table users;--", "a\tb", "ü 鸿雁", "*", "a/b?c=d#e", "%00", '"']
    events = []
    for number, name in enumerate(names):
        one = event(number)
        if field == "key":
            one["data"]["k"] = name
        else:
            one[field] = {"id": name, "phone": "+8613800138001"} if field == "user" else name
        events.append(one)
    cases.write_lines(files.events, events)

    result = files.run(hongyan, "--verdicts")

    assert result.returncode == 0, result.stderr
    assert sum(line["kind"] == "message" for line in cases.parse(result.stdout)) == len(names)


def test_empty_input(files: Files, hongyan: Hongyan) -> None:
    """No events: nothing to say, and nothing wrong."""
    files.events.write_bytes(b"")

    result = files.run(hongyan, "--verdicts")

    assert (result.returncode, result.stdout) == (0, "")


def test_the_same_in_a_process_of_its_own(files: Files, hongyan: Hongyan, hongyan_alone: Hongyan) -> None:
    """The command people start gives the same bytes and exit code as the call in this process."""
    files.with_bad(b"{")
    here = files.run(hongyan, "--verdicts")

    alone = files.run(hongyan_alone, "--verdicts")

    assert (alone.returncode, alone.stdout) == (here.returncode, here.stdout)
    assert names_line(alone.stderr, BAD_LINE)
