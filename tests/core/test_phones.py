"""Phone numbers: what is one, whose it is, and what people may see of it."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import phones


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+8613800138000", "+8613800138000"),
        ("13800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("0086 138 0013 8000", "+8613800138000"),
        ("138-0013-8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        (" +8613800138000\n", "+8613800138000"),
        ("\u202d13800138000\u202c", "+8613800138000"),
        ("19212345678", "+8619212345678"),  # 中国广电
        ("(010) 6554-1234", "+861065541234"),
        ("400 800 1234", "+864008001234"),
        ("+852 9123 4567", "+85291234567"),
        ("+1 415-555-2671", "+14155552671"),
        ("1380013800", None),
        ("138001380001", None),
        ("14912345678", None),
        ("10690001234", None),
        ("95588", None),
        ("110", None),
        ("+", None),
        ("", None),
        ("none", None),
        ("1-800-FLOWERS", None),
        ("call 13800138000", None),
        ("13800138000;ext=1", None),
        ("tel:+8613800138000", None),
        ("138\ud8000138000", None),
        ("1" * 10_000, None),
        (None, None),
        (13800138000, None),
        (True, None),
        (["13800138000"], None),
        ({}, None),
    ],
)
def test_a_valid_number_becomes_e164(written: object, expected: str | None) -> None:
    assert phones.normalise(written) == expected


def test_a_number_without_country_is_one_of_the_region() -> None:
    assert phones.normalise("020 7946 0018", "GB") == "+442079460018"
    assert phones.normalise("13800138000", "nowhere") is None


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text("+0123456789 -()", max_size=45) | st.none() | st.integers() | st.binary())
def test_nothing_raises_and_e164_is_stable(written: object) -> None:
    number = phones.normalise(written)

    assert number is None or (number.startswith("+") and phones.normalise(number) == number)


@pytest.mark.parametrize(
    ("number", "mainland", "region", "prefix"),
    [
        ("+8613800138000", True, "CN", "+861380013"),
        ("+85291234567", False, "HK", "+8529123"),
        ("+886912345678", False, "TW", "+88691234"),
        ("+14155552671", False, "US", "+1415555"),
        ("+16135550123", False, "CA", "+1613555"),
        ("+80012345678", False, "", "+8001234"),
        ("+999", False, "", ""),
    ],
)
def test_country_and_prefix(number: str, mainland: bool, region: str, prefix: str) -> None:
    assert (phones.is_mainland(number), phones.region(number), phones.prefix(number)) == (mainland, region, prefix)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800138000", "138****8000"), ("13800138000", "138****8000"), ("+85291234567", "+85****4567"), ("+861065541234", "10****34"),
        ("张三", "张*"), ("欧阳小明", "欧***"), ("x", "x*"), ("", "*"), ("1234567", "12****67"), ("someone@example.com", "som****.com"),
    ],
)  # fmt: skip
def test_a_masked_number_keeps_its_ends(number: str, shown: str) -> None:
    assert phones.mask(number) == shown


@settings(max_examples=500)
@given(st.from_regex(r"\+86(1[0-9]{9,11}|[2-9][0-9]{7,9})", fullmatch=True))
def test_the_short_way_is_the_librarys(number: str) -> None:
    """For mainland numbers the library's pattern alone is asked; it must not say anything else."""
    try:
        parsed = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        expected = None
    else:
        is_valid = phonenumbers.is_valid_number(parsed)
        expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if is_valid else None

    assert phones.normalise(number) == expected
