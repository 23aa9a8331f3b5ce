"""Parts of a text: the mainland's 70/67 for everything, GSM-7 and UCS-2 elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.parts import GSM7_BASIC, GSM7_EXTENSION, count_parts, size, split_parts, utf16_units

MAINLAND = [
    ("", 1), ("a", 1), ("a" * 70, 1), ("a" * 71, 2), ("a" * 134, 2), ("a" * 135, 3), ("好" * 70, 1), ("好" * 71, 2), ("好" * 500, 8),
    ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 35 + "a", 2), ("{" * 70, 1), ("【秒信通】" + "好" * 65, 1), ("【秒信通】" + "好" * 66, 2),
]  # fmt: skip
ELSEWHERE = [
    ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("€" * 153, 3),
    ("^{}\\[~]|€\f", 1),
    ("a" * 159 + "€", 2), ("a" * 152 + "€" + "a" * 8, 2), ("a" * 152 + "€" + "a" * 151, 2), ("a" * 152 + "€" + "a" * 152, 3),
    ("好" * 70, 1), ("好" * 71, 2), ("a" * 70 + "好", 2), ("好" * 134, 2), ("好" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2),
    ("😀" * 67, 3), ("好" * 66 + "😀" + "好" * 66, 3), ("`" + "a" * 70, 2), ("ç" * 71, 2), ("Ç" * 160, 1),
]  # fmt: skip
any_text = st.text(max_size=700) | st.text(GSM7_BASIC + GSM7_EXTENSION, max_size=700) | st.text("a€😀好", max_size=400)


@pytest.mark.parametrize(("text", "parts"), MAINLAND)
def test_on_the_mainland_every_utf16_unit_counts_one(text: str, parts: int) -> None:
    assert count_parts(text, mainland=True) == parts


@pytest.mark.parametrize(("text", "parts"), ELSEWHERE)
def test_elsewhere_the_alphabet_decides(text: str, parts: int) -> None:
    assert count_parts(text, mainland=False) == parts


@given(any_text, st.booleans())
def test_joined_the_parts_are_the_text(text: str, mainland: bool) -> None:
    assert "".join(split_parts(text, mainland)) == text


@given(any_text)
def test_the_count_is_that_of_the_parts(text: str) -> None:
    assert count_parts(text, mainland=False) == len(split_parts(text, mainland=False))


@given(any_text)
def test_on_the_mainland_only_an_uncut_emoji_can_need_more_parts_than_are_billed(text: str) -> None:
    billed = count_parts(text, mainland=True)
    parts = len(split_parts(text, mainland=True))

    assert billed <= parts <= max(1, -(-utf16_units(text) // 66))
    assert max(text, default="") > "\uffff" or parts == billed


@given(any_text, st.booleans())
def test_every_part_fits_and_no_pair_is_cut(text: str, mainland: bool) -> None:
    parts = split_parts(text, mainland)
    gsm = not mainland and all(character in GSM7_BASIC + GSM7_EXTENSION for character in text)
    sizes = [sum(1 + (c in GSM7_EXTENSION) for c in part) if gsm else utf16_units(part) for part in parts]

    assert max(sizes) <= ((160, 153) if gsm else (70, 67))[len(parts) > 1]


def test_134_units_with_an_emoji_on_the_edge() -> None:
    parts = split_parts("好" * 66 + "😀" + "好" * 60, mainland=False)

    assert [utf16_units(part) for part in parts] == [66, 62]


@given(st.text(max_size=50) | st.text(st.characters(categories=("Cs",)), max_size=5))
def test_units_are_those_of_utf16(text: str) -> None:
    assert utf16_units(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@given(st.text(GSM7_BASIC + GSM7_EXTENSION + "好😀", max_size=700).filter(lambda text: "\f" not in text))
def test_smsutil_counts_alike(text: str) -> None:
    """An independent counter (installed for tests only); it does not know the form feed."""
    smsutil = pytest.importorskip("smsutil")

    assert count_parts(text, mainland=False) == max(1, len(smsutil.split(text).parts))


@given(any_text, st.booleans())
def test_a_text_has_room_in_the_parts_it_needs(text: str, mainland: bool) -> None:
    """And not in one less."""
    used, room = size(text, mainland)
    parts = count_parts(text, mainland)

    assert used <= room
    assert parts in (1, 2) or used > room - room // parts * 2
