"""SMPP without a connection: texts in parts, PDUs as others read them, receipts and replies as odd as they come."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.parts import GSM7_BASIC, GSM7_EXTENSION, split_parts
from providers.contract import Reason, ReceiptStatus
from providers.smpp import reports, text, wire
from providers.smpp.wire import Pdu
from tests.providers.conftest import NOW

GSM7 = st.text(st.sampled_from(GSM7_BASIC + GSM7_EXTENSION), min_size=1, max_size=500)
ANY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=500)


@given(GSM7 | ANY, st.booleans())
def test_parts_are_those_that_the_engine_counts(message: str, mainland: bool) -> None:
    """What a preview says is what leaves: the engine's split, encoded."""
    encoded = text.encode(message, "auto", mainland=mainland)

    assert [text.decode(part, encoded.data_coding) for part in encoded.parts] == split_parts(message, mainland)


@given(GSM7 | ANY, st.booleans(), st.integers(0, 255))
def test_parts_with_headers_are_joined_to_the_text_again(message: str, mainland: bool, reference: int) -> None:
    """As a phone does it; no part is longer than a short message."""
    encoded = text.encode(message, "auto", mainland=mainland)
    messages = text.with_headers(encoded.parts, reference)

    assert all(len(one) <= 140 for one in messages) or encoded.data_coding == text.DEFAULT
    assert all(len(one) <= 160 for one in messages)
    if len(messages) > 1:
        pieces = [text.take_header(one) for one in messages]
        assert [(piece.reference, piece.total, piece.index) for piece in pieces] == [
            (reference, len(pieces), index) for index in range(1, len(pieces) + 1)
        ]
        messages = [piece.raw for piece in pieces]
    assert text.decode(b"".join(messages), encoded.data_coding) == message


@given(st.binary(max_size=200), st.integers(0, 255))
def test_reads_any_bytes(raw: bytes, data_coding: int) -> None:
    """A gateway may send what it wants; nothing raises."""
    text.decode(raw, data_coding)
    text.take_header(raw)
    text.decode(text.take_header(raw).raw, data_coding)


@given(st.binary(max_size=120), st.sampled_from([0x80000004, 0x05, 0x80000003, 0x80000009, 0x07, 0x80000007]))
def test_reads_any_body(body: bytes, command: int) -> None:
    pdu = wire.read((16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(8) + body)

    if pdu.command == "deliver_sm":
        reports.read_receipt(pdu, NOW)
        reports.Joiner().add(pdu, NOW)
    if pdu.command == "query_sm_resp":
        reports.read_query(pdu, "", "1", NOW)


def test_a_16_bit_reference_is_read_too() -> None:
    """Some phones count their long messages in two bytes, and put other elements first."""
    assert text.take_header(bytes.fromhex("0a 0502aaaa 0804012c0302") + b"rest") == text.Piece(300, 3, 2, b"rest")


def test_optional_parameters_that_nobody_expects_are_skipped() -> None:
    """smpplib alone stops at them: one that it does not know, one that it does not expect here, one of another length."""
    body = b"1001\0" + bytes.fromhex("1400 0002 3132  001e 0003 414200  0427 0002 0002")
    pdu = wire.read((16 + len(body)).to_bytes(4, "big") + (0x80000004).to_bytes(4, "big") + bytes(8) + body)

    assert pdu.text("message_id") == "1001"
    assert pdu.options == {0x1400: b"12", wire.RECEIPTED_MESSAGE_ID: b"AB\0", wire.MESSAGE_STATE: b"\0\2"}


def test_a_stream_is_cut_into_pdus() -> None:
    """However it arrives; a length that cannot be is the end."""
    stream = wire.make("enquire_link", 7) + wire.make("unbind", 8)
    buffer = bytearray()
    raws = []
    for byte in stream:
        buffer.append(byte)
        if (raw := wire.cut(buffer)) is not None:
            raws.append(raw)

    assert [(wire.read(raw).command, wire.read(raw).sequence) for raw in raws] == [("enquire_link", 7), ("unbind", 8)]
    for length in (0, 15, 65 * 1024, 0xFFFFFFFF):
        with pytest.raises(wire.BadPdu):
            wire.cut(bytearray(length.to_bytes(4, "big") + bytes(12)))


def receipt_pdu(said: str = "", options: dict[int, bytes] | None = None, source: bytes = b"8613800138000", ton: int = 1) -> Pdu:
    fields = {"short_message": said.encode(), "esm_class": 4, "source_addr": source, "source_addr_ton": ton}
    return Pdu("deliver_sm", 0, 1, fields, options or {})


@pytest.mark.parametrize(
    ("said", "options", "provider_id", "status", "reason", "code"),
    [
        ("id:A1 sub:001 stat:DELIVRD err:000 text:x", {}, "A1", "delivered", None, "DELIVRD"),
        ("ID: A1 STAT: delivrd ERR: 0", {}, "A1", "delivered", None, "DELIVRD"),
        ("id:1 stat:MK:0001 err:MK:0001", {}, "1", "undelivered", Reason.DEAD_NUMBER, "MK:0001 MK:0001"),
        ("id:1 stat:ZZ:0001 err: text:x", {}, "1", "undelivered", Reason.UNKNOWN_CODE, "ZZ:0001"),
        ("id:1 stat:UNDELIV err:017 text:", {}, "1", "undelivered", Reason.OTHER_CHANNEL, "UNDELIV 017"),
        ("id:1 stat:UNKNOWN err:000", {}, "1", "undelivered", Reason.UNKNOWN_CODE, "UNKNOWN"),
        ("id:1 stat:ACCEPTD err:000", {}, "1", "accepted", None, "ACCEPTD"),
        ("", {0x1E: b"A1\0", 0x427: b"\2"}, "A1", "delivered", None, "DELIVRD"),
        ("", {0x1E: b"A1", 0x427: b"\5", 0x423: b"\3\0\x11"}, "A1", "undelivered", Reason.OTHER_CHANNEL, "UNDELIV 17"),
        ("", {0x1E: b"A1", 0x427: b"\1"}, "A1", "accepted", None, "ENROUTE"),
        ("", {0x1E: b"A1"}, "A1", "undelivered", Reason.UNKNOWN_CODE, "UNKNOWN"),
    ],
)
def test_reads_receipts(said: str, options: dict[int, bytes], provider_id: str, status: str, reason: Reason | None, code: str) -> None:
    receipt = reports.read_receipt(receipt_pdu(said, options), NOW)

    assert receipt is not None
    assert (receipt.provider_id, receipt.status, receipt.reason, receipt.code) == (provider_id, ReceiptStatus(status), reason, code)


def test_a_receipt_without_an_id_is_none() -> None:
    assert reports.read_receipt(receipt_pdu("stat:DELIVRD"), NOW) is None


@pytest.mark.parametrize(
    ("provider_id", "spelling"),
    [("A", "10"), ("10", "A"), ("10", "a"), ("26", "0000001A"), ("1A", "0000000026"), ("0000000026", "1a"), ("0000000026", "26")],
)
def test_other_spellings_of_an_id(provider_id: str, spelling: str) -> None:
    assert spelling in reports.other_spellings(provider_id)
    assert provider_id not in reports.other_spellings(provider_id)


@pytest.mark.parametrize("provider_id", ["", "msg-1", "0b6c2e4e-9d2b", "f" * 17])
def test_what_is_no_number_has_no_other_spelling(provider_id: str) -> None:
    assert reports.other_spellings(provider_id) == []


@pytest.mark.parametrize(
    ("address", "ton", "phone"),
    [
        ("8613800138000", 1, "+8613800138000"),
        ("+8613800138000", 0, "+8613800138000"),
        ("8613800138000", 0, "+8613800138000"),
        ("008613800138000", 0, "+8613800138000"),
        ("13800138000", 0, "+8613800138000"),
        ("14155550100", 1, "+14155550100"),
        ("10690001", 0, "10690001"),
        ("Bank", 5, "Bank"),
    ],
)
def test_reads_phones(address: str, ton: int, phone: str) -> None:
    assert reports.read_phone(address, ton) == phone


def part(reference: int, index: int, letter: str, total: int = 2) -> Pdu:
    body = bytes([5, 0, 3, reference, total, index]) + letter.encode()
    fields = {"short_message": body, "esm_class": 0x40, "source_addr": b"13800138000", "destination_addr": b"1069"}
    return Pdu("deliver_sm", 0, 1, fields)


def test_what_never_becomes_whole_is_handed_out_after_a_while() -> None:
    """As far as it came, when the next part of anything arrives."""
    clock = iter([0.0, 0.0, 601.0, 601.0])
    joiner = reports.Joiner(monotonic=lambda: next(clock))
    assert joiner.add(part(1, 2, "b"), NOW) == ([], None)

    replies, key = joiner.add(part(2, 1, "x"), NOW)
    assert [reply.text for reply in replies] == ["b"]
    assert key is None


def test_the_number_of_unfinished_messages_is_bounded() -> None:
    joiner = reports.Joiner(most=10)

    given_up = [reply.text for index in range(50) for reply in joiner.add(part(index, 1, "a"), NOW)[0]]
    assert len(given_up) == 40


def test_a_whole_message_is_kept_until_it_is_safe() -> None:
    """Its last part may come again; once forgotten, its number may be another message's."""
    joiner = reports.Joiner()
    joiner.add(part(1, 1, "a"), NOW)
    replies, key = joiner.add(part(1, 2, "b"), NOW)
    again, same = joiner.add(part(1, 2, "b"), NOW)
    assert [reply.text for reply in [*replies, *again]] == ["ab", "ab"]
    assert key == same
    assert key is not None
    joiner.forget(key)

    assert joiner.add(part(1, 1, "c"), NOW) == ([], None)


def dissected(folder: Path, raws: list[bytes], fields: list[str]) -> list[list[str]]:
    """PDUs as Wireshark's own dissector reads them."""
    for tool in ("tshark", "text2pcap"):
        if shutil.which(tool) is None:
            pytest.skip("Wireshark's reading of our bytes needs tshark: apt-get install tshark")
    dump = "\n".join(f"0000 {raw.hex(' ')}" for raw in raws)
    (folder / "dump.txt").write_text(dump + "\n")
    subprocess.run(["text2pcap", "-q", "-T", "40000,2775", "dump.txt", "dump.pcap"], cwd=folder, check=True, capture_output=True)
    command = ["tshark", "-r", "dump.pcap", "-d", "tcp.port==2775,smpp", "-T", "fields", "-E", "separator=|"]
    for name in [*fields, "_ws.malformed", "_ws.expert.message"]:
        command += ["-e", name]
    printed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return [line.split("|") for line in printed.splitlines()]


def test_wireshark_reads_what_we_write(tmp_path: Path) -> None:
    """A bind, the parts of a long message, a question, a goodbye: nothing malformed, each field where it belongs."""
    encoded = text.encode("您好" * 50, "auto", mainland=True)
    common = {"source_addr_ton": 0, "source_addr_npi": 1, "source_addr": "10690001", "dest_addr_ton": 1, "dest_addr_npi": 1}
    parts = [
        wire.make(
            "submit_sm", 2, short_message=raw, esm_class=wire.UDH, data_coding=8, destination_addr="8613800138000",
            registered_delivery=1, validity_period="260601123000000+", **common,
        )
        for raw in text.with_headers(encoded.parts, 7)
    ]  # fmt: skip
    raws = [
        wire.make("bind_transceiver", 1, system_id="hongyan", password="secret", system_type=""),
        *parts,
        wire.make("query_sm", 3, message_id="1001", source_addr_ton=0, source_addr_npi=1, source_addr="10690001"),
        wire.make("unbind", 4),
    ]
    names = ["smpp.command_id", "smpp.sequence_number", "smpp.destination_addr", "smpp.data_coding", "smpp.esm.submit.features"]

    rows = dissected(tmp_path, raws, [*names, "gsm_sms.udh.mm.msg_parts", "gsm_sms.udh.mm.msg_part"])

    assert [int(row[0], 16) for row in rows] == [9, 4, 4, 3, 6]
    assert [row[1] for row in rows] == ["1", "2", "2", "3", "4"]
    assert [row[2] for row in rows[1:3]] == ["8613800138000"] * 2
    assert [int(row[3], 16) for row in rows[1:3]] == [8, 8]
    assert [(row[5], row[6]) for row in rows[1:3]] == [("2", "1"), ("2", "2")]
    assert not any(re.search("malformed", "|".join(row), re.IGNORECASE) for row in rows)
