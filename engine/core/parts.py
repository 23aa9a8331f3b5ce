"""How many sms a text is, and where it is cut.

On mainland numbers every UTF-16 unit counts 1 (ASCII too): 70 in one part, else 67 in each. Elsewhere GSM-7 (160, else 153, an extension
character counts 2) or, with any character outside of it, UCS-2 (70, else 67).
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 500  # of a whole text, signature and ending included; characters are code points, `len(text)`

UCS2_SINGLE, UCS2_PART = 70, 67  # UTF-16 units
GSM7_SINGLE, GSM7_PART = 160, 153  # septets

# GSM 03.38 without the escape itself, which is no character.
GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"
_IS_GSM7 = re.compile(f"[{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]*").fullmatch
_EXTENSIONS = re.compile(f"[{re.escape(GSM7_EXTENSION)}]").findall
_EXTENSION_SET = frozenset(GSM7_EXTENSION)


def utf16_units(text: str) -> int:
    """Length in UTF-16 units: 1 for each character, 2 beyond U+FFFF. A lone surrogate counts 1."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def count_parts(text: str, mainland: bool) -> int:
    """The number of sms; an empty text is 1."""
    if mainland:
        units = utf16_units(text)
        return 1 if units <= UCS2_SINGLE else -(-units // UCS2_PART)
    if _IS_GSM7(text):
        extensions = len(_EXTENSIONS(text))
        if len(text) + extensions <= GSM7_SINGLE:
            return 1
        if not extensions:
            return -(-len(text) // GSM7_PART)
    elif len(text) <= UCS2_SINGLE // 2:
        return 1
    return len(split_parts(text, mainland=False))


def size(text: str, mainland: bool) -> tuple[int, int]:
    """How long the text is, and how much fits into the parts that it needs: in UTF-16 units, or in septets where GSM-7 does."""
    gsm7 = not mainland and _IS_GSM7(text) is not None
    used = len(text) + len(_EXTENSIONS(text)) if gsm7 else utf16_units(text)
    parts = count_parts(text, mainland)
    single, part = (GSM7_SINGLE, GSM7_PART) if gsm7 else (UCS2_SINGLE, UCS2_PART)
    return used, single if parts == 1 else parts * part


def split_parts(text: str, mainland: bool) -> list[str]:
    """The text in parts; joined they are the text again. No character is cut, so none of its two units or septets stands alone.

    Outside the mainland there are `count_parts` of them. On the mainland the count is what is billed, ceil(units / 67), as if a surrogate
    pair could be cut; as none is, an emoji that straddles an edge moves on and leaves its part at 66 units, and where the last part has
    no room left the text needs more parts than are billed. Without characters beyond U+FFFF the two always agree.
    """
    if not mainland and _IS_GSM7(text):
        return _cut(text, [2 if character in _EXTENSION_SET else 1 for character in text], GSM7_SINGLE, GSM7_PART)
    return _cut(text, [2 if character > "\uffff" else 1 for character in text], UCS2_SINGLE, UCS2_PART)


def _cut(text: str, sizes: list[int], single: int, part: int) -> list[str]:
    if sum(sizes) <= single:
        return [text]
    parts = []
    start = filled = 0
    for index, size in enumerate(sizes):
        if filled + size > part:
            parts.append(text[start:index])
            start, filled = index, 0
        filled += size
    return [*parts, text[start:]]
