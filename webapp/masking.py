"""Phone numbers masked for everybody who may not see them: wherever they stand in an answer, not only in `phone` and `to`."""

from __future__ import annotations

import re
from typing import Any

from engine.core.phones import mask
from webapp.service import Key

NUMBER_FIELDS = ("phone", "to")
# E.164, or a mainland number without its country code; not inside a longer word or number.
_NUMBER = re.compile(r"(?<![0-9A-Za-z+])(?:\+\d{7,15}|(?:0086|86)?1[3-9]\d{9})(?![0-9A-Za-z])", re.ASCII)


def sees_personal(key: Key) -> bool:
    """Whether the key's role may see phone numbers: `admin`, or a `viewer` with the flag."""
    return key.role == "admin" or (key.role == "viewer" and key.personal)


def masked(value: Any) -> Any:
    """A copy of a JSON value with its phone numbers masked. Values of `phone` and `to` are masked whatever they look like."""
    if type(value) is str:
        return _in_text(value)
    if type(value) is list:
        return [masked(item) for item in value]
    if isinstance(value, dict):
        return {_in_text(name): _field(name, item) for name, item in value.items()}
    return value


def _field(name: str, value: Any) -> Any:
    return mask(value) if name in NUMBER_FIELDS and type(value) is str and value else masked(value)


def _in_text(text: str) -> str:
    # Most texts are too short to hold a number.
    return _NUMBER.sub(lambda found: mask(found[0]), text) if len(text) >= 8 else text
