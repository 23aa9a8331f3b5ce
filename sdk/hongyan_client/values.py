"""Values between Python and JSON: instants always have an offset, and no number changes on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")


def instant_text(value: datetime) -> str:
    """RFC 3339 in UTC. A naive datetime is refused: nobody knows which instant it is."""
    if value.utcoffset() is None:
        raise ValueError("a datetime needs a time zone: datetime.now(timezone.utc), or .replace(tzinfo=...)")
    return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def instant(text: str) -> datetime:
    """The instant of an RFC 3339 text, in UTC; digits beyond microseconds are dropped. `fromisoformat` knows no "Z" before Python 3.11."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 instant")
    day, time, fraction, offset = match.groups()
    whole = datetime.fromisoformat(f"{day}T{time}{'+00:00' if offset in 'Zz' else offset}")
    return whole.astimezone(timezone.utc) + timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))


def encode(value: Any) -> bytes:
    """JSON as the server takes it. Raises ValueError or TypeError for what JSON cannot say (NaN, naive datetimes, odd objects)."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_encode_other)
    return text.encode()


def _encode_other(value: object) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        number = float(value)
        if Decimal(repr(number)) != value:  # also NaN
            raise ValueError("a Decimal has more digits than a JSON number keeps: send it as a text")
        return number
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def segment(name: str, value: str) -> str:
    """`value` as one segment of a path. The three that a path cannot hold are refused, lest a request go elsewhere."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    if value in ("", ".", ".."):
        raise ValueError(f"{name} must not be {value!r}")
    return quote(value, safe="")


def present(**fields: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
