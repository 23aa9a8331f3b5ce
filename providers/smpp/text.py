"""A text as the bytes of short messages, and back. No part cuts a surrogate pair or an escape pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Alphabet = Literal["auto", "gsm7", "ucs2"]

DEFAULT, ASCII, BINARY, LATIN1, BINARY_TOO, UCS2, GBK = 0, 1, 2, 3, 4, 8, 15  # data_coding
MOST_PARTS = 255
GSM7_SINGLE, GSM7_PART = 160, 153  # septets, each in a byte of its own here
UCS2_SINGLE, UCS2_PART = 140, 134  # bytes

_ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {"\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65}
_ENCODED = {character: bytes([code]) for code, character in enumerate(_BASIC) if code != _ESCAPE}
_ENCODED |= {character: bytes([_ESCAPE, code]) for character, code in _EXTENSION.items()}
_EXTENDED = {code: character for character, code in _EXTENSION.items()}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as `data_coding` and parts; the parts of a long one have no header yet."""

    data_coding: int
    parts: Sequence[bytes]


def encode(text: str, alphabet: Alphabet, *, mainland: bool) -> Encoded:
    """`auto` is UCS-2 on the mainland, where every character counts the same, and GSM-7 elsewhere if the text allows it.

    `gsm7` is GSM-7 wherever the text allows it.
    """
    wants_gsm7 = alphabet == "gsm7" or (alphabet == "auto" and not mainland)
    if wants_gsm7 and all(character in _ENCODED for character in text):
        return Encoded(DEFAULT, _cut([_ENCODED[character] for character in text], GSM7_SINGLE, GSM7_PART))
    return Encoded(UCS2, _cut([character.encode("utf-16-be", "replace") for character in text], UCS2_SINGLE, UCS2_PART))


def _cut(characters: Sequence[bytes], single: int, part: int) -> list[bytes]:
    whole = b"".join(characters)
    if len(whole) <= single:
        return [whole]
    parts = [bytearray()]
    for character in characters:
        if len(parts[-1]) + len(character) > part:
            parts.append(bytearray())
        parts[-1] += character
    return [bytes(part) for part in parts]


def with_headers(parts: Sequence[bytes], reference: int) -> list[bytes]:
    """Each part behind the six bytes by which a phone joins them; `reference` is 0 to 255. One part alone has none."""
    if len(parts) == 1:
        return list(parts)
    return [bytes([5, 0, 3, reference, len(parts), index]) + part for index, part in enumerate(parts, 1)]


def decode(raw: bytes, data_coding: int) -> str:
    """The text of a message from a phone. What cannot be read becomes U+FFFD; binary data are read as Latin-1."""
    if data_coding == DEFAULT:
        return _decode_gsm7(raw)
    encoding = {ASCII: "ascii", UCS2: "utf-16-be", GBK: "gb18030"}.get(data_coding, "latin-1")
    return raw.decode(encoding, "replace")


def _decode_gsm7(raw: bytes) -> str:
    characters = []
    is_escaped = False
    for code in raw:
        if is_escaped:
            characters.append(_EXTENDED.get(code) or (_BASIC[code] if code < 128 else "\ufffd"))
            is_escaped = False
        elif code == _ESCAPE:
            is_escaped = True
        else:
            characters.append(_BASIC[code] if code < 128 else "\ufffd")
    return "".join(characters)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a long message: which message of its sender, how many there are, which this is (from 1), and its bytes."""

    reference: int
    total: int
    index: int
    raw: bytes


def take_header(raw: bytes) -> Piece:
    """A message's bytes without their user data header. Total 1 where the header says nothing of parts."""
    end = min(1 + raw[0], len(raw)) if raw else 0
    body = raw[end:]
    position = 1
    while position + 2 <= end:
        kind, length = raw[position], raw[position + 1]
        value = raw[position + 2 : position + 2 + length]
        if (kind, length) == (0, 3) and len(value) == 3:
            return Piece(value[0], value[1], value[2], body)
        if (kind, length) == (8, 4) and len(value) == 4:
            return Piece(value[0] << 8 | value[1], value[2], value[3], body)
        position += 2 + length
    return Piece(0, 1, 1, body)
