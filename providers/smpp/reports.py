"""What comes in by deliver_sm: receipts in both forms (text and optional parameters), and messages from phones, joined when in parts."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from providers.codes import read_state
from providers.contract import Inbound, Reason, Receipt, ReceiptStatus
from providers.smpp import text, wire
from providers.smpp.wire import Pdu

_TYPE = 0x3C  # of esm_class
_RECEIPT, _NOTE_ON_THE_WAY = 0x04, 0x20
_MESSAGE_STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}
_ID = re.compile(r"\bid:\s*(\S+)", re.IGNORECASE)
_STATE = re.compile(r"\bstat:\s*(\S+)", re.IGNORECASE)
_ERROR = re.compile(r"\berr:\s*(?!text:)(\S+)", re.IGNORECASE)
_MAINLAND_MOBILE = re.compile(r"(?:\+|00)?(?:86)?(1[3-9]\d{9})")
_HEX = re.compile(r"[0-9a-fA-F]{1,16}")


def is_receipt(pdu: Pdu) -> bool:
    """Some gateways leave the type out of esm_class and rely on the optional parameter."""
    return pdu.number("esm_class") & _TYPE in (_RECEIPT, _NOTE_ON_THE_WAY) or wire.RECEIPTED_MESSAGE_ID in pdu.options


def read_receipt(pdu: Pdu, at: datetime) -> Receipt | None:
    """None for a receipt that does not say of which message it is. `at` is the instant of arrival: a receipt's own dates have no zone."""
    raw = _body(pdu)
    said = raw.decode("utf-16-be" if pdu.number("data_coding") == text.UCS2 else "latin-1", "replace")
    optional_id = pdu.options.get(wire.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1").strip()
    text_id = _found(_ID, said)
    provider_id = optional_id or text_id
    if not provider_id:
        return None
    status, reason, code = _state(pdu, said)
    phone = read_phone(pdu.text("source_addr"), pdu.number("source_addr_ton"))
    others = dict.fromkeys(([text_id] if text_id else []) + other_spellings(provider_id))
    others.pop(provider_id, None)
    return Receipt(None, provider_id, status, at, reason, code, tuple(others), phone if phone.startswith("+") else None)


def read_query(pdu: Pdu, submission_id: str, provider_id: str, at: datetime) -> Receipt | None:
    """The answer to query_sm; None where it holds no state that we know."""
    state = _MESSAGE_STATES.get(pdu.number("message_state"))
    if state is None:
        return None
    status, reason, code = read_state(state, str(pdu.number("error_code")))
    return Receipt(submission_id or None, provider_id, status, at, reason, code)


def _state(pdu: Pdu, said: str) -> tuple[ReceiptStatus, Reason | None, str]:
    optional = _MESSAGE_STATES.get(int.from_bytes(pdu.options.get(wire.MESSAGE_STATE, b""), "big"), "")
    network = pdu.options.get(wire.NETWORK_ERROR_CODE, b"")  # a byte for the network's kind, two for its code
    error = _found(_ERROR, said) or (str(int.from_bytes(network[1:3], "big")) if len(network) == 3 else "")
    return read_state(_found(_STATE, said) or optional or "UNKNOWN", error)


def other_spellings(provider_id: str) -> list[str]:
    """The same number as gateways spell it elsewhere: hex and decimal, bare and padded. Nothing for what is no number."""
    if not _HEX.fullmatch(provider_id):
        return []
    spellings = []
    if provider_id.isdecimal():
        number = int(provider_id)
        spellings = [f"{number:x}", f"{number:X}", f"{number:08x}", f"{number:08X}", f"{number}", f"{number:010d}"]
    number = int(provider_id, 16)
    spellings += [f"{number}", f"{number:010d}", provider_id.lower(), provider_id.upper(), f"{number:x}", f"{number:X}"]
    return [spelling for spelling in dict.fromkeys(spellings) if spelling != provider_id]


def read_phone(address: str, ton: int) -> str:
    """E.164 where the country is certain, else the address as it is. A mainland mobile needs no country code."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return address
    if ton == 1 or address.startswith("+"):
        return f"+{digits}"
    mobile = _MAINLAND_MOBILE.fullmatch(address)
    return f"+86{mobile[1]}" if mobile else address


@dataclass(slots=True)
class _Group:
    first_seen: float  # seconds of the monotonic clock
    pieces: dict[int, str] = field(default_factory=dict)


Key: TypeAlias = tuple[str, str, int, int]  # from, to, reference, total


class Joiner:
    """Joins messages that phones sent in parts. Not for several threads.

    Bounded by number and age; what becomes too old is handed out as far as it came, rather than dropped.
    """

    def __init__(self, most: int = 1000, oldest_seconds: float = 600.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._groups: OrderedDict[Key, _Group] = OrderedDict()
        self._most = most
        self._oldest_seconds = oldest_seconds
        self._monotonic = monotonic

    def add(self, pdu: Pdu, at: datetime) -> tuple[list[Inbound], Key | None]:
        """The messages that are whole (or given up) by this one, and what to `forget` once they are kept."""
        sender = read_phone(pdu.text("source_addr"), pdu.number("source_addr_ton"))
        to = pdu.text("destination_addr")
        piece = _piece(pdu)
        said = text.decode(piece.raw, pdu.number("data_coding"))
        if piece.total <= 1:
            return [Inbound(sender, to, said, at)], None
        key = (sender, to, piece.reference, piece.total)
        given_up = self._give_up(key, at)
        group = self._groups.setdefault(key, _Group(self._monotonic()))
        group.pieces[piece.index] = said
        if len(group.pieces) < piece.total:
            return given_up, None
        return [*given_up, _joined(key, group, at)], key

    def forget(self, key: Key) -> None:
        """A whole message was kept. Until then its last part may come again."""
        self._groups.pop(key, None)

    def _give_up(self, but: Key, at: datetime) -> list[Inbound]:
        now = self._monotonic()
        given_up = []
        for key, group in list(self._groups.items()):
            is_too_old = now - group.first_seen > self._oldest_seconds
            if key == but or not (is_too_old or len(self._groups) >= self._most):
                break
            given_up.append(_joined(key, self._groups.pop(key), at))
        return given_up


def _joined(key: Key, group: _Group, at: datetime) -> Inbound:
    return Inbound(key[0], key[1], "".join(group.pieces[index] for index in sorted(group.pieces)), at)


def _piece(pdu: Pdu) -> text.Piece:
    body = _body(pdu)
    if pdu.number("esm_class") & wire.UDH:
        return text.take_header(body)
    reference, total, index = (
        int.from_bytes(pdu.options.get(tag, b""), "big") for tag in (wire.SAR_REFERENCE, wire.SAR_TOTAL, wire.SAR_INDEX)
    )
    return text.Piece(reference, total, index, body)


def _body(pdu: Pdu) -> bytes:
    return bytes(pdu.fields.get("short_message") or b"") or pdu.options.get(wire.MESSAGE_PAYLOAD, b"")


def _found(pattern: re.Pattern[str], said: str) -> str:
    match = pattern.search(said)
    return match[1] if match else ""
