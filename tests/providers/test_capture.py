"""Capture and console: nothing leaves, and every outcome can be had."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import phonenumbers
import pytest

from providers.capture import DELIVERED, MAGIC, MAGIC_RANGE, CaptureProvider, Report
from providers.console import ConsoleProvider
from providers.contract import Accepted, Outcome, Reason, ReceiptStatus, Rejected, Request, RequestRefused, Submission, Unknown
from providers.settings import CommonSettings
from tests.providers.conftest import NOW, Kept

Make = Callable[..., CaptureProvider]
D, U, A, R = ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED, ReceiptStatus.ACCEPTED, ReceiptStatus.REJECTED


def sms(number: str = "+8613800138000", submission_id: str = "m1", **facts: object) -> Submission:
    return Submission(id=submission_id, to=number, channel="sms", text="您的验证码是839201", **facts)  # type: ignore[arg-type]


@pytest.fixture
def capture(build: Make) -> Make:
    return lambda **settings: build("capture", **{"channels": ["sms", "email"], **settings})


TAKEN = Accepted("capture-m1")


def in_file(path: Path) -> list[str]:
    """The ids of the lines that can be read."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        with suppress(ValueError):
            found.append(json.loads(line)["id"])
    return found


def test_who_is_killed_has_taken_what_stands_in_the_file(capture: Make, kept: Kept, tmp_path: Path) -> None:
    """The next process takes nothing of it again, and says what the first one may not have said."""
    path = tmp_path / "out.jsonl"
    capture(path=str(path), receipts="on_demand").submit([sms(), sms(submission_id="m2")])
    after = capture(path=str(path))

    assert after.query(None, "m2") is not None
    assert after.query(None, "m3") is None
    assert after.submit([sms(), sms(submission_id="m3")]) == [TAKEN, Accepted("capture-m3")]
    assert in_file(path) == ["m1", "m2", "m3"]
    assert [one.id for one in after.captured] == ["m1", "m2", "m3"]
    assert [(one.id, one.status) for one in kept.receipts.items] == [("m1", D), ("m3", D)]


def test_what_a_dead_process_was_to_report_can_be_asked_for(capture: Make, tmp_path: Path) -> None:
    """Its fate, as its number has it."""
    path = str(tmp_path / "out.jsonl")
    numbers = {"a": MAGIC_RANGE + "0002", "b": MAGIC_RANGE + "0006"}
    capture(path=path, receipts="on_demand").submit([sms(number, id) for id, number in numbers.items()])
    after = capture(path=path)

    assert [found.status for id in numbers if (found := after.query(None, id)) is not None] == [U, A]


def test_two_processes_share_a_file(capture: Make, tmp_path: Path) -> None:
    """Whoever comes second finds it there; `captured` is of both."""
    path = tmp_path / "out.jsonl"
    one, other = capture(path=str(path)), capture(path=str(path))
    one.submit([sms()])
    other.submit([sms(), sms(submission_id="m2")])
    one.submit([sms(submission_id="m2"), sms(submission_id="m3", send_until=NOW)])

    assert in_file(path) == ["m1", "m2", "m3"]
    assert [captured.id for captured in other.captured] == ["m1", "m2", "m3"]
    assert other.captured[-1].send_until == NOW


def test_a_line_that_was_cut_off_was_not_taken(capture: Make, tmp_path: Path) -> None:
    """Killed in the middle of writing: it is taken anew, on a line of its own."""
    path = tmp_path / "out.jsonl"
    path.write_text('{"id": "m0", "channel": "sms", "to": "+8613800138000"}\n{"id": "m1", "chan', "utf-8")
    provider = capture(path=str(path))

    assert provider.submit([sms(submission_id="m0"), sms()]) == [Accepted("capture-m0"), TAKEN]
    assert in_file(path) == ["m0", "m1"]


def test_what_cannot_be_written_is_not_taken(capture: Make, tmp_path: Path) -> None:
    """The next try takes it."""
    path = tmp_path / "folder" / "out.jsonl"
    provider = capture(path=str(path))
    with pytest.raises(OSError, match="No such file"):
        provider.submit([sms()])
    path.parent.mkdir()

    assert provider.submit([sms()]) == [TAKEN]
    assert in_file(path) == ["m1"]


@pytest.mark.parametrize(
    ("digits", "outcomes", "receipts"),
    [
        ("0001", [TAKEN], [D]),
        ("0002", [TAKEN], [U]),
        ("0003", [Rejected(Reason.DEAD_NUMBER, "MK:0001", False)] * 2, []),
        ("0004", [Rejected(Reason.THROTTLED, "IB:0008", True)] * 3, []),
        ("0005", [Unknown("magic number")], [D]),
        ("0006", [TAKEN], []),
        ("0007", [Rejected(Reason.BLOCKED_CONTENT, "MK:0115", False)], []),
        ("0008", [TAKEN], [U]),
        ("0009", [TAKEN], [R]),
        ("0010", [Rejected(Reason.UNSUBSCRIBED, "MBBLACK", False)], []),
        ("0011", [Rejected(Reason.MISCONFIGURED, "XA:0003", False)], []),
        ("0012", [Rejected(Reason.UNKNOWN_CODE, "ZZ:9999", False)], []),
        ("0013", [Rejected(Reason.THROTTLED, "IB:0008", True), TAKEN], [D]),
        ("0014", [Rejected(Reason.RETRY_LATER, "SYSERR", True), TAKEN], [D]),
        ("0015", [TAKEN], [D, D]),
        ("0016", [TAKEN], [D, A]),
        ("0017", [Unknown("magic number")], []),
        ("0018", [TAKEN], [D]),
        ("4711", [TAKEN], [D]),
    ],
)
def test_magic_numbers(capture: Make, kept: Kept, digits: str, outcomes: list[Outcome], receipts: list[ReceiptStatus]) -> None:
    """Each attempt at one message, then its receipts under our id."""
    provider = capture()

    assert [provider.submit([sms(MAGIC_RANGE + digits)])[0] for _ in outcomes] == outcomes
    assert [receipt.status for receipt in kept.receipts.items] == receipts
    assert {receipt.id for receipt in kept.receipts.items} <= {"m1"}


def test_every_magic_number_is_valid() -> None:
    """So that events and the API take them."""
    for digits in MAGIC:
        assert phonenumbers.is_valid_number(phonenumbers.parse(MAGIC_RANGE + digits))


def test_a_magic_number_answers(capture: Make, kept: Kept) -> None:
    capture().submit([sms(MAGIC_RANGE + "0018", sender="10690001")])

    [reply] = kept.inbound.items
    assert (reply.sender, reply.to, reply.text, reply.at) == (MAGIC_RANGE + "0018", "10690001", "TD", NOW)


def test_keeps_each_message_once(capture: Make, kept: Kept) -> None:
    """The same id again is the same message, also where the first outcome was unknown."""
    provider = capture()
    provider.submit([sms(MAGIC_RANGE + "0005"), sms(submission_id="m2")])

    assert provider.submit([sms(MAGIC_RANGE + "0005"), sms(submission_id="m2")]) == [TAKEN, Accepted("capture-m2")]
    assert [submission.id for submission in provider.captured] == ["m1", "m2"]
    assert len(kept.receipts.items) == 2


def test_can_be_asked(capture: Make) -> None:
    """By our id or by its own; silence is accepted, a rejected message was never there."""
    provider = capture()
    provider.submit([sms(), sms(MAGIC_RANGE + "0017", "m2"), sms(MAGIC_RANGE + "0003", "m3")])

    answers = [provider.query(None, "m1"), provider.query("capture-m1"), provider.query(None, "m2"), provider.query(None, "m3")]
    assert [answer.status if answer else None for answer in answers] == [D, D, A, None]


def test_receipts_on_demand(capture: Make, kept: Kept) -> None:
    """Nothing by itself, then of one message, then of all, each once."""
    provider = capture(receipts="on_demand")
    provider.submit([sms(submission_id=f"m{index}") for index in range(3)])

    assert kept.receipts.items == []
    assert (provider.release("m1"), provider.release("m1"), provider.release("?"), provider.release()) == (1, 0, 0, 2)
    assert [receipt.id for receipt in kept.receipts.items] == ["m1", "m0", "m2"]


def test_receipts_of_ones_own_choice(capture: Make, kept: Kept) -> None:
    provider = capture(receipts="on_demand")
    provider.submit([sms()])
    provider.report("m1", Report(U, Reason.DEAD_NUMBER, "MK:0001"))
    provider.report("m1", DELIVERED)

    assert [receipt.status for receipt in kept.receipts.items] == [U, D]
    answer = provider.query("capture-m1")
    assert answer is not None
    assert answer.status is D


def test_what_the_sink_refuses_stays_due(capture: Make, kept: Kept) -> None:
    """And the outcome is not lost."""
    provider = capture()
    kept.refuses = True
    assert provider.submit([sms()]) == [TAKEN]
    kept.refuses = False

    assert provider.release() == 1


def test_remembers_only_the_latest(capture: Make) -> None:
    provider = capture(keep=2, receipts="on_demand")
    provider.submit([sms(submission_id=f"m{index}") for index in range(5)])

    assert [submission.id for submission in provider.captured] == ["m3", "m4"]
    assert provider.release() == 2


def test_writes_lines_that_only_the_owner_reads(capture: Make, tmp_path: Path) -> None:
    """What was taken, as JSON; what was rejected is not there."""
    path = tmp_path / "out.jsonl"
    until = datetime(2026, 6, 1, 12, tzinfo=UTC)
    provider = capture(path=str(path))
    provider.submit([sms(send_until=until, params={"code": "839201"}), sms(MAGIC_RANGE + "0003", "m2")])
    provider.submit([Submission(id="m3", to="a@example.com", channel="email", content={"subject": "你好"})])

    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {
            "id": "m1",
            "channel": "sms",
            "to": "+8613800138000",
            "text": "您的验证码是839201",
            "params": {"code": "839201"},
            "send_until": "2026-06-01 12:00:00+00:00",
        },
        {"id": "m3", "channel": "email", "to": "a@example.com", "content": {"subject": "你好"}},
    ]
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_takes_receipts_and_replies_by_http(capture: Make) -> None:
    """With the token in the address or in the header."""
    provider = capture(token="t0ken")
    body = json.dumps([{"id": "m1", "status": "undelivered", "reason": "dead_number", "code": "MK:0001"}]).encode()
    [receipt] = provider.parse_receipt(Request(body, query="token=t0ken"))
    reply = json.dumps([{"from": "+8613800138000", "to": "1069", "text": "TD"}]).encode()
    [inbound] = provider.parse_inbound(Request(reply, {"authorization": "Bearer t0ken"}))

    assert (receipt.id, receipt.provider_id, receipt.status, receipt.reason) == ("m1", "capture-m1", U, Reason.DEAD_NUMBER)
    assert (inbound.sender, inbound.text) == ("+8613800138000", "TD")


@pytest.mark.parametrize(
    ("token", "request_"),
    [
        ("", Request(b"[]")),
        ("t", Request(b"[]")),
        ("t", Request(b"[]", query="token=x")),
        ("t", Request(b"{}", query="token=t")),
        ("t", Request(b"[1]", query="token=t")),
        ("t", Request(b"\xff", query="token=t")),
        ("t", Request(b'[{"id":"m1"}]', query="token=t")),
        ("t", Request(b'[{"id":"m1","status":"sent"}]', query="token=t")),
        ("t", Request(b'[{"id":"m1","status":"delivered","reason":["x"]}]', query="token=t")),
    ],
)
def test_refuses_other_requests(capture: Make, token: str, request_: Request) -> None:
    with pytest.raises(RequestRefused):
        capture(token=token).parse_receipt(request_)


def test_console_prints_masked_lines(kept: Kept) -> None:
    """One per message, on one line, without number and code."""
    stream = io.StringIO()
    provider = ConsoleProvider(CommonSettings(name="c", kind="console", channels=("sms", "email")), kept.sinks, stream)
    email = Submission(id="m2", to="anna@example.com", channel="email", content={"body": "订单20260601"})

    assert provider.submit([sms(), email]) == [Accepted("console-m1"), Accepted("console-m2")]
    assert stream.getvalue() == 'sms 138****8000 您的验证码是******\nemail ann****.com {"body": "订单******"}\n'
