"""The id that everything about one occurrence shares, from the event to the receipts of its messages, in whichever process.

It is worked out from the environment and the occurrence's name, so every message has it without carrying it. Says nothing about anybody.
"""

from __future__ import annotations

import re
from hashlib import sha256

# Of one of several `before` (`e1@-3d`): what its timers come to belongs to the event.
_OFFSET = re.compile(r"@-\d+[smhdw]$")
_ID = re.compile(r"[0-7][0-9a-f]{15}").fullmatch


def origin_of(occurrence: str) -> str:
    """The name of the event that an occurrence goes back to; of what goes back to none, its own."""
    return _OFFSET.sub("", occurrence) if "@-" in occurrence else occurrence


def trace_of(env: str, occurrence: str) -> str:
    """The trace id of an event (its occurrence's name, case.occurrence_of), of its timers, or of a tick or crossing."""
    return f"{trace_number(env, occurrence):016x}"


def trace_number(env: str, occurrence: str) -> int:
    """The same as the database keeps it: 63 bits."""
    written = f"{env}|{origin_of(occurrence)}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(written).digest()[:8], "big") >> 1


def number_of(id: str) -> int | None:
    """The number of a trace id; None for what is none."""
    return int(id, 16) if _ID(id) else None
