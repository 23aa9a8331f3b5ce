"""Numbers and texts as they may be printed. The same rule for numbers as in the engine, which providers do not import; a test compares."""

from __future__ import annotations

import re

_MAINLAND = "+86"
_MASK = "****"
_DIGITS = re.compile(r"\d{4,}")


def mask(address: str) -> str:
    """`138****8000`; what is no phone keeps its ends."""
    shown = address.removeprefix(_MAINLAND)
    if len(shown) >= 11:
        return f"{shown[:3]}{_MASK}{shown[-4:]}"
    if len(shown) >= 7:
        return f"{shown[:2]}{_MASK}{shown[-2:]}"
    return shown[:1] + "*" * max(len(shown) - 1, 1)


def mask_text(text: str) -> str:
    """Without any run of four digits or more: codes, numbers, orders."""
    return _DIGITS.sub(lambda run: "*" * min(len(run[0]), 6), text)
