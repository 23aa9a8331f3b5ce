"""Phone numbers: E.164 inside, masked for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

MAINLAND = "+86"
MASK = "****"
# phonenumbers also finds a number inside a sentence, in letters (1-800-FLOWERS) and before an extension; a phone field holds a number.
_WRITTEN = re.compile(r"[+＋]?[0-9０-９\s\-‐-―－()（）./]{3,40}").fullmatch
# What address books put around numbers.
_COPIED = " \t\r\n\u3000\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def normalise(phone: object, region: str = "CN") -> str | None:
    """E.164, or None when missing, not a text, or no valid number. A number without country code is one of `region`. Never raises."""
    return _normalise(phone, region) if type(phone) is str and len(phone) <= 40 else None


@lru_cache(maxsize=65536)
def _normalise(phone: str, region: str) -> str | None:
    if _mainland_mobile()(phone):  # nearly all: a fiftieth of the time that the library needs to find out the same
        return phone
    phone = phone.strip(_COPIED)
    if not _WRITTEN(phone):
        return None
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1)
def _mainland_mobile() -> Callable[[str], object]:
    """Tells a valid mobile number of mainland China in E.164, by the library's own pattern."""
    known = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    assert known is not None
    assert known.mobile is not None
    return re.compile(rf"\+86(?:{known.mobile.national_number_pattern})", re.ASCII).fullmatch


def is_mainland(e164: str) -> bool:
    """Whether the number is of mainland China. Hong Kong, Macao and Taiwan have country codes of their own (852, 853, 886)."""
    return e164.startswith(MAINLAND)


def region(e164: str) -> str:
    """The country of the price table (`CN`, `US`), "" when there is none (a satellite, an invalid number)."""
    return "CN" if e164.startswith(MAINLAND) else _region(e164)


@lru_cache(maxsize=65536)
def _region(e164: str) -> str:
    try:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return ""
    return found if found is not None and found.isalpha() else ""


def prefix(e164: str) -> str:
    """Without the last four digits: what neighbouring numbers share."""
    return e164[:-4]


def mask(phone: str) -> str:
    """`138****8000`: three characters, four stars, the last four. Mainland numbers lose +86; what is short keeps less.

    Also for what is no phone: 张三 is 张*, an e-mail or an address keeps its ends.
    """
    shown = phone[len(MAINLAND) :] if phone.startswith(MAINLAND) else phone
    if len(shown) >= 11:
        return f"{shown[:3]}{MASK}{shown[-4:]}"
    if len(shown) >= 7:
        return f"{shown[:2]}{MASK}{shown[-2:]}"
    return shown[:1] + "*" * max(len(shown) - 1, 1)
