"""PDUs, made and read by smpplib, which nothing else here touches.

Its Client is not used: it logs whole PDUs (texts, the password), loses bytes when a read times out, and stops at optional parameters that
it does not expect. Optional parameters are therefore read here, by tag, leniently.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smpplib import consts, exceptions, smpp  # type: ignore[import-untyped]

HEADER_BYTES = 16
MOST_BYTES = 64 * 1024
MOST_SEQUENCE = 0x7FFFFFFF

OK = 0x00
INVALID_COMMAND = 0x03
TEMPORARY = 0x64  # ESME_RX_T_APPN: "send it again later"
RECEIPTED_MESSAGE_ID, NETWORK_ERROR_CODE, MESSAGE_PAYLOAD, MESSAGE_STATE = 0x001E, 0x0423, 0x0424, 0x0427
SAR_REFERENCE, SAR_TOTAL, SAR_INDEX = 0x020C, 0x020E, 0x020F
UDH = 0x40  # esm_class

_COMMANDS = {
    0x80000000: "generic_nack",
    0x00000004: "submit_sm",
    0x80000004: "submit_sm_resp",
    0x80000003: "query_sm_resp",
    0x00000005: "deliver_sm",
    0x00000006: "unbind",
    0x80000006: "unbind_resp",
    0x80000009: "bind_transceiver_resp",
    0x00000015: "enquire_link",
    0x80000015: "enquire_link_resp",
    0x00000102: "alert_notification",
}
_UNKNOWN_ANSWER = "unknown_resp"
_STATUS_NAMES: Mapping[int, str] = {
    value: name.removeprefix("SMPP_") for name, value in vars(consts).items() if name.startswith("SMPP_ESME_R") and isinstance(value, int)
}


class BadPdu(Exception):
    """Bytes that are no PDU; the stream cannot be followed any further."""


class Numbers:
    """What smpplib asks for a sequence number: the one that was given."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence

    def next_sequence(self) -> int:
        return self.sequence


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU that came in. Texts are bytes; `command` is "" for a request that we do not know."""

    command: str
    status: int
    sequence: int
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """A field as text, "" without it."""
        return bytes(self.fields.get(name) or b"").decode("latin-1")

    def number(self, name: str) -> int:
        return int(self.fields.get(name) or 0)


def status_name(status: int) -> str:
    """`ESME_RTHROTTLED`, or `0x00000400` for what SMPP 3.4 leaves to the gateway."""
    return _STATUS_NAMES.get(status, f"0x{status:08X}")


def make(command: str, sequence: int, status: int = OK, **fields: Any) -> bytes:
    """A PDU as bytes. Raises ValueError for a field that cannot be written."""
    pdu = smpp.make_pdu(command, client=Numbers(sequence), **fields)
    pdu.sequence = sequence
    pdu.status = status
    try:
        return bytes(pdu.generate())
    except struct.error as error:
        raise ValueError(str(error)) from None


def cut(buffer: bytearray) -> bytes | None:
    """Take one whole PDU off the front of what was received, None if there is none yet. Raises BadPdu."""
    if len(buffer) < HEADER_BYTES:
        return None
    length = int.from_bytes(buffer[:4], "big")
    if not HEADER_BYTES <= length <= MOST_BYTES:
        raise BadPdu(f"a length of {length} bytes")
    if len(buffer) < length:
        return None
    raw = bytes(buffer[:length])
    del buffer[:length]
    return raw


def read(raw: bytes) -> Pdu:
    """A PDU of its bytes. A body that cannot be read leaves the fields empty: the header is enough to answer."""
    _, code, status, sequence = struct.unpack(">LLLL", raw[:HEADER_BYTES])
    command = _COMMANDS.get(code, _UNKNOWN_ANSWER if code & 0x80000000 else "")
    if command in ("", _UNKNOWN_ANSWER) or len(raw) == HEADER_BYTES:
        return Pdu(command, status, sequence)
    tails: list[bytes] = []
    try:
        pdu = smpp.make_pdu(command, client=Numbers(sequence), allow_unknown_opt_params=True)
        pdu.parse_optional_params = tails.append
        pdu.parse(raw)
    except (struct.error, ValueError, TypeError, KeyError, IndexError, exceptions.UnknownCommandError):
        return Pdu(command, status, sequence)
    fields = {name: getattr(pdu, name, None) for name in pdu.params_order}
    return Pdu(command, status, sequence, fields, _options(b"".join(tails)))


def _options(tail: bytes) -> dict[int, bytes]:
    options = {}
    position = 0
    while position + 4 <= len(tail):
        tag, length = struct.unpack_from(">HH", tail, position)
        options[tag] = tail[position + 4 : position + 4 + length]
        position += 4 + length
    return options
