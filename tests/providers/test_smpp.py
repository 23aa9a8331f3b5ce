"""SMPP against a gateway that we did not write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from providers.contract import Accepted, Provider, Reason, ReceiptStatus, Rejected, Submission, Unknown
from tests.providers.conftest import NOW, Kept, Smsc

Make = Callable[..., Provider]
LONG = "您的订单已经送达" * 20  # 160 characters
SHORT_PATIENCE = {"response_timeout_seconds": 0.3}


def sms(number: int | str = "0000", text: str = "您的验证码是123456", submission_id: str = "m1", **facts: Any) -> Submission:
    return Submission(id=submission_id, to=f"+861380013{number}", channel="sms", text=text, **facts)


def test_takes_a_message_and_brings_its_receipt(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """The id of the answer is the id of the receipt."""
    [outcome] = smpp().submit([sms()])

    [submit] = smsc.wait("submit")
    [receipt] = kept.receipts.wait()
    assert outcome == Accepted(str(submit["number"]))
    assert (receipt.provider_id, receipt.status, receipt.code, receipt.phone) == (
        str(submit["number"]),
        ReceiptStatus.DELIVERED,
        "DELIVRD",
        "+8613800130000",
    )
    assert receipt.at == NOW
    assert smsc.wait("deliver_sm_resp")[0]["status"] == 0


def test_writes_what_the_gateway_has_to_know(smpp: Make, smsc: Smsc) -> None:
    """Addresses with their kinds, UCS-2, a receipt asked for, the account's own password."""
    smpp().submit([sms(text="你好", send_until=datetime(2026, 6, 1, 20, 30, tzinfo=timezone(timedelta(hours=8))))])

    [submit] = smsc.wait("submit")
    [bind] = smsc.wait("bind")
    assert (submit["to"], submit["ton"], submit["from"], submit["from_ton"]) == ("8613800130000", 1, "10690001", 0)
    assert (submit["text"], submit["data_coding"], submit["esm_class"], submit["registered_delivery"]) == ("你好", 8, 0, 1)
    assert submit["validity"] == "2026-06-01T12:30:00.000Z"
    assert (bind["system_id"], bind["password"], bind["version"]) == ("hongyan", "secret", 0x34)


@pytest.mark.parametrize(
    ("to", "text", "sizes", "data_coding"),
    [
        ("+8613800130000", LONG, [67, 67, 26], 8),
        ("+8613800130000", "a" * 71, [67, 4], 8),  # the mainland counts ASCII like anything else
        ("+14155550100", "a" * 160, [160], 0),
        ("+14155550100", "a" * 161, [153, 8], 0),
        ("+14155550100", "a" * 152 + "€" + "b" * 10, [152, 11], 0),  # the euro, an escape and a letter, moves on whole
        ("+8613800130000", "a" * 66 + "😀" + "b" * 10, [66, 12], 8),  # so does a surrogate pair
    ],
    ids=["chinese", "ascii-mainland", "gsm7-one", "gsm7-two", "escape-pair", "surrogate-pair"],
)
def test_splits_long_texts(smpp: Make, smsc: Smsc, kept: Kept, to: str, text: str, sizes: list[int], data_coding: int) -> None:
    """Each part within its size, joined the text again, one number for all, a receipt only for the last, whose id is the message's."""
    [outcome] = smpp().submit([Submission(id="m1", to=to, channel="sms", text=text)])

    parts = smsc.wait("submit", len(sizes))
    assert [len(part["text"].encode("utf-16-le")) // 2 for part in parts] == sizes
    assert "".join(part["text"] for part in parts) == text
    assert {part["data_coding"] for part in parts} == {data_coding}
    assert [part["registered_delivery"] for part in parts] == [0] * (len(parts) - 1) + [1]
    assert outcome == Accepted(str(parts[-1]["number"]))
    assert [receipt.provider_id for receipt in kept.receipts.wait()] == [str(parts[-1]["number"])]
    if len(parts) > 1:
        assert {part["esm_class"] for part in parts} == {0x40}
        assert {part["udh"][:4] for part in parts} == {"0003"}  # the header without its length, which node-smpp takes off
        assert [part["udh"][-4:] for part in parts] == [f"{len(parts):02x}{index:02x}" for index in range(1, len(parts) + 1)]
        assert len({part["udh"][-6:-4] for part in parts}) == 1


def test_two_long_messages_have_two_reference_numbers(smpp: Make, smsc: Smsc) -> None:
    smpp().submit([sms(text=LONG, submission_id="m1"), sms(text=LONG, submission_id="m2")])

    assert len({part["udh"][-6:-4] for part in smsc.wait("submit", 6)}) == 2


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        ("9002", Rejected(Reason.THROTTLED, "ESME_RTHROTTLED", True)),
        ("9003", Rejected(Reason.THROTTLED, "ESME_RMSGQFUL", True)),
        ("9005", Rejected(Reason.DEAD_NUMBER, "ESME_RINVDSTADR", False)),
        ("9007", Rejected(Reason.UNKNOWN_CODE, "0x000004FF", False)),
    ],
)
def test_a_refusal_has_its_reason(smpp: Make, number: str, outcome: Rejected) -> None:
    """The gateway's status decides; one that no table has is unknown, and final here."""
    assert smpp().submit([sms(number)]) == [outcome]


def test_one_refused_part_refuses_the_whole(smpp: Make, kept: Kept) -> None:
    """No phone shows a message without its second part."""
    assert smpp().submit([sms("9006", LONG)]) == [Rejected(Reason.THROTTLED, "ESME_RTHROTTLED", True)]


def test_outcomes_stand_in_the_order_of_the_batch(smpp: Make, smsc: Smsc) -> None:
    """Pipelined through a window of four, each answer finds its message."""
    batch = [sms("9002" if index % 3 else "0000", submission_id=f"m{index}") for index in range(60)]

    outcomes = smpp(window=4).submit(batch)

    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [index % 3 == 0 for index in range(60)]


def test_without_an_answer_nobody_knows(smpp: Make, smsc: Smsc) -> None:
    """A gateway that hangs; the message after it is answered as always."""
    assert smpp(**SHORT_PATIENCE).submit([sms("9001"), sms("0000", submission_id="m2")])[0] == Unknown("no answer")


def test_a_late_answer_comes_as_a_receipt(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """Under our id, with the gateway's: so that the receipt that follows is recognised."""
    smpp(**SHORT_PATIENCE).submit([sms("9001", LONG)])
    submits = smsc.wait("submit", 3)
    smsc.order("answer")

    [receipt] = kept.receipts.wait()
    assert (receipt.id, receipt.provider_id, receipt.status) == ("m1", str(submits[-1]["number"]), ReceiptStatus.ACCEPTED)


def test_a_full_window_keeps_the_rest_back(smpp: Make, smsc: Smsc) -> None:
    """What never left is rejected, not unknown, and waits for the window once, not once each."""
    outcomes = smpp(window=2, **SHORT_PATIENCE).submit([sms("9001", submission_id=f"m{index}") for index in range(50)])

    assert outcomes == [Unknown("no answer")] * 2 + [Rejected(Reason.RETRY_LATER, "window_full", True)] * 48
    assert len(smsc.wait("submit")) == 2


def test_a_slow_gateway_does_not_hold_a_batch_for_long(smpp: Make, smsc: Smsc) -> None:
    """Each answer comes in time, but the last message would leave long after the service has looked at it."""
    smsc.mode(delay=300)
    outcomes = smpp(window=1, response_timeout_seconds=0.5).submit([sms(submission_id=f"m{index}") for index in range(40)])

    sent = len(smsc.wait("submit"))
    assert sent < 20
    assert outcomes[sent:] == [Rejected(Reason.RETRY_LATER, "window_full", True)] * (40 - sent)


def test_what_is_late_when_its_turn_comes_does_not_leave(smpp: Make, smsc: Smsc) -> None:
    """The service looks at it again; the others leave."""
    late = sms(submission_id="m1", send_until=NOW - timedelta(seconds=1))
    outcomes = smpp().submit([late, sms(submission_id="m2", send_until=NOW)])

    assert outcomes[0] == Rejected(Reason.RETRY_LATER, "late", True)
    assert isinstance(outcomes[1], Accepted)
    assert len(smsc.wait("submit")) == 1


def test_a_connection_lost_in_the_middle_leaves_it_unknown(smpp: Make, smsc: Smsc) -> None:
    """It was written, and the gateway hung up. The next message goes over a new connection."""
    provider = smpp()

    assert provider.submit([sms("9004")]) == [Unknown("no answer")]
    smsc.wait("bind", 2)
    assert isinstance(provider.submit([sms()])[0], Accepted)


def test_nobody_there_is_certain(build: Make) -> None:
    """No connection, nothing sent, no waiting for answers."""
    provider = build("smpp", channels=["sms"], host="127.0.0.1", port=1, system_id="x", reconnect_seconds=60.0)

    assert provider.submit([sms()]) == [Rejected(Reason.RETRY_LATER, "not_connected", True)]
    assert not provider.health().ok


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0D, Rejected(Reason.MISCONFIGURED, "ESME_RBINDFAIL", False)),
        (0x0E, Rejected(Reason.MISCONFIGURED, "ESME_RINVPASWD", False)),
        (0x400, Rejected(Reason.MISCONFIGURED, "0x00000400", False)),
        (0x58, Rejected(Reason.THROTTLED, "ESME_RTHROTTLED", True)),
        (0x08, Rejected(Reason.RETRY_LATER, "ESME_RSYSERR", True)),
    ],
)
def test_a_refused_bind_has_its_reason(smpp: Make, smsc: Smsc, status: int, outcome: Rejected) -> None:
    """What a gateway does not explain is ours to repair."""
    smsc.mode(refuse=status)
    provider = smpp(reconnect_seconds=60.0)

    assert provider.submit([sms()]) == [outcome]
    assert provider.health().detail == f"not bound: {outcome.code}"


def test_a_bind_without_an_answer_is_given_up(smpp: Make, smsc: Smsc) -> None:
    smsc.mode(hang_bind=True)

    [outcome] = smpp(connect_timeout_seconds=0.2).submit([sms()])

    assert outcome == Rejected(Reason.RETRY_LATER, "connect_timeout", True)


def test_binds_again_after_a_loss(smpp: Make, smsc: Smsc) -> None:
    """Without being asked to submit: receipts and replies must find their way."""
    smpp().open()
    smsc.wait("bind")
    smsc.order("drop")

    smsc.wait("bind", 2)


def test_a_silent_gateway_is_asked_and_left(smpp: Make, smsc: Smsc) -> None:
    """enquire_link without an answer ends the connection; the next is made."""
    smsc.mode(deaf=True)
    smpp(enquire_link_seconds=0.05, response_timeout_seconds=0.1).open()

    smsc.wait("enquire_link", 2)
    smsc.wait("bind", 2)


def test_an_answered_enquire_link_keeps_the_connection(smpp: Make, smsc: Smsc) -> None:
    provider = smpp(enquire_link_seconds=0.02)
    provider.open()

    smsc.wait("enquire_link", 5)
    assert len(smsc.wait("bind")) == 1
    assert provider.health().ok


def test_answers_the_gateways_questions(smpp: Make, smsc: Smsc) -> None:
    """enquire_link, a command that we do not know, unbind: in good order each, and back again afterwards."""
    smpp().open()
    smsc.wait("bind")
    smsc.order("enquire")
    smsc.wait("enquire_link_resp")
    smsc.order("raw", hex="00000010000001110000000000000099")
    assert smsc.wait("generic_nack")[0]["status"] == 3
    smsc.order("unbind")
    smsc.wait("unbind_resp")
    smsc.wait("bind", 2)


def test_nonsense_ends_the_connection(smpp: Make, smsc: Smsc) -> None:
    """After a length that cannot be, nothing that follows can be read."""
    smpp().open()
    smsc.wait("bind")
    smsc.order("raw", hex="ffffffff")
    smsc.order("raw", hex="00" * 12)

    smsc.wait("bind", 2)


def test_close_unbinds(smpp: Make, smsc: Smsc) -> None:
    """And nothing is taken afterwards."""
    provider = smpp()
    provider.submit([sms()])
    provider.close()

    smsc.wait("unbind")
    assert provider.submit([sms()]) == [Rejected(Reason.RETRY_LATER, "closed", True)]
    assert provider.health().detail.endswith("closed")


@pytest.mark.parametrize("form", ["text", "tlv", "both"])
@pytest.mark.parametrize(
    ("stat", "err", "status", "reason", "code"),
    [
        ("DELIVRD", "000", ReceiptStatus.DELIVERED, None, "DELIVRD"),
        ("EXPIRED", "000", ReceiptStatus.UNDELIVERED, Reason.RETRY_LATER, "EXPIRED"),
        ("REJECTD", "000", ReceiptStatus.REJECTED, Reason.OTHER_CHANNEL, "REJECTD"),
    ],
)
def test_reads_receipts_in_both_forms(
    smpp: Make, smsc: Smsc, kept: Kept, form: str, stat: str, err: str, status: ReceiptStatus, reason: Reason | None, code: str
) -> None:
    smsc.mode(receipts=form, stat=stat, err=err)
    [outcome] = smpp().submit([sms()])

    [receipt] = kept.receipts.wait()
    assert isinstance(outcome, Accepted)
    assert (receipt.provider_id, receipt.status, receipt.reason, receipt.code) == (outcome.provider_id, status, reason, code)


def test_the_networks_code_says_more_than_the_state(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    smsc.mode(stat="UNDELIV", err="MK:0001")
    smpp().submit([sms()])

    [receipt] = kept.receipts.wait()
    assert (receipt.reason, receipt.code) == (Reason.DEAD_NUMBER, "UNDELIV MK:0001")


@pytest.mark.parametrize(("ids", "receipt_ids"), [("hex", "decimal"), ("decimal", "hex")])
def test_tolerates_ids_in_another_base(smpp: Make, smsc: Smsc, kept: Kept, ids: str, receipt_ids: str) -> None:
    """The answer's id is among the receipt's other spellings, and the phone is there to make sure."""
    smsc.mode(ids=ids, receipt_ids=receipt_ids)
    [outcome] = smpp().submit([sms()])

    [receipt] = kept.receipts.wait()
    assert isinstance(outcome, Accepted)
    assert receipt.provider_id != outcome.provider_id
    assert outcome.provider_id in receipt.other_ids
    assert receipt.phone == "+8613800130000"


def test_passes_receipts_on_as_they_come(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """Twice, late and out of order: whoever keeps states decides."""
    smsc.mode(hold=True, repeat=2)
    outcomes = smpp().submit([sms(submission_id=f"m{index}") for index in range(3)])
    smsc.order("release", reversed=True)

    ids = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert [receipt.provider_id for receipt in kept.receipts.wait(6)] == [one for one in reversed(ids) for _ in range(2)]


def test_a_receipt_may_be_there_before_the_answer(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    smsc.mode(early=True)
    [outcome] = smpp().submit([sms()])

    assert isinstance(outcome, Accepted)
    assert kept.receipts.wait()[0].provider_id == outcome.provider_id


def test_what_comes_with_the_binds_answer_is_not_lost(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """Gateways send what has piled up at once."""
    smsc.mode(on_bind={"source_addr": "8613800138000", "source_addr_ton": 1, "destination_addr": "10690001", "short_message": "TD"})
    smpp().open()

    assert kept.inbound.wait()[0].text == "TD"


def test_what_the_sink_cannot_keep_is_asked_for_again(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """A temporary status instead of an acknowledgement."""
    kept.refuses = True
    smpp().submit([sms()])

    assert smsc.wait("deliver_sm_resp")[0]["status"] == 0x64
    assert kept.receipts.items == []


REPLY = {"source_addr": "13800138000", "source_addr_ton": 0, "destination_addr": "106900010012"}


@pytest.mark.parametrize(
    ("hex_text", "data_coding", "text"),
    [
        ("5444", 0, "TD"),
        ("1b6500", 0, "€@"),
        ("90008ba2", 8, "退订"),
        ("cdcbb6a9", 15, "退订"),
        ("d83dde00", 8, "😀"),
    ],
    ids=["gsm7", "gsm7-escape", "ucs2", "gbk", "surrogates"],
)
def test_reads_replies(smpp: Make, smsc: Smsc, kept: Kept, hex_text: str, data_coding: int, text: str) -> None:
    """From a mainland number, which needs no country code, to the account's number with an extension."""
    smpp().open()
    smsc.wait("bind")
    smsc.deliver(**REPLY, hex=hex_text, data_coding=data_coding)

    [reply] = kept.inbound.wait()
    assert (reply.sender, reply.to, reply.text, reply.at) == ("+8613800138000", "106900010012", text, NOW)


def test_joins_replies_in_parts(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    """In whatever order, with a part that comes twice, and two messages at the same time."""
    smpp().open()
    smsc.wait("bind")
    for reference, index, letter in [("07", "02", "b"), ("08", "01", "x"), ("07", "02", "b"), ("07", "01", "a"), ("08", "02", "y")]:
        smsc.deliver(**REPLY, hex=letter.encode().hex(), udh=f"050003{reference}02{index}", data_coding=0, esm_class=0x40)

    assert [reply.text for reply in kept.inbound.wait(2)] == ["ab", "xy"]
    assert len(smsc.wait("deliver_sm_resp", 5)) == 5


def test_joins_replies_in_parts_by_optional_parameters(smpp: Make, smsc: Smsc, kept: Kept) -> None:
    smpp().open()
    smsc.wait("bind")
    for index, letter in [(2, "b"), (1, "a")]:
        smsc.deliver(**REPLY, short_message="", message_payload=letter, sar_msg_ref_num=300, sar_total_segments=2, sar_segment_seqnum=index)

    assert kept.inbound.wait()[0].text == "ab"


def test_the_gateway_can_be_asked(smpp: Make, smsc: Smsc) -> None:
    """By its id; what it does not know is None."""
    provider = smpp()
    [outcome] = provider.submit([sms()])
    assert isinstance(outcome, Accepted)

    assert provider.query(outcome.provider_id) is None
    smsc.mode(query={"message_state": 5, "error_code": 7})
    receipt = provider.query(outcome.provider_id, "m1")
    assert receipt is not None
    assert (receipt.id, receipt.status, receipt.code) == ("m1", ReceiptStatus.UNDELIVERED, "UNDELIV 7")
    assert {event["from"] for event in smsc.wait("query", 2)} == {"10690001"}


def test_logs_no_number_and_no_text(smpp: Make, smsc: Smsc, kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative level, through a message, its receipt, a reply, a refused sink and a loss."""
    caplog.set_level(logging.DEBUG)
    provider = smpp()
    provider.submit([sms(text="您的验证码是839201")])
    kept.refuses = True
    provider.submit([sms(text="您的验证码是839201", submission_id="m2")])
    smsc.deliver(**REPLY, short_message="839201")
    smsc.wait("deliver_sm_resp", 3)
    smsc.order("drop")
    smsc.wait("bind", 2)

    assert "sink refused" in caplog.text
    for secret in ("839201", "13800130000", "13800138000", "secret", "839201".encode("utf-16-be").hex()):
        assert secret not in caplog.text


def test_many_threads_share_one_connection(smpp: Make, smsc: Smsc) -> None:
    """Each gets the outcomes of its own batch."""
    provider = smpp(window=8)
    outcomes: dict[int, list[object]] = {}

    def work(worker: int) -> None:
        batch = [sms("9005" if worker % 2 else "0000", submission_id=f"{worker}-{index}") for index in range(20)]
        outcomes[worker] = list(provider.submit(batch))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(smsc.wait("bind")) == 1
    for worker in range(4):
        assert {type(outcome) for outcome in outcomes[worker]} == {Rejected if worker % 2 else Accepted}
    assert len(smsc.wait("submit", 80)) == 80
