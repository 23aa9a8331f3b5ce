"""Fields by name (`event.amount`, `user.tier`, `a.city`): their declared type and how to read them from a Scope.

A value read here is already of its declared type: `datetime` is an int (microseconds, UTC), `date` a datetime.date, the others are
plain JSON values. None means missing, null, or a value that is not of the declared type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.facts import Scope
from rules.model import FieldDef

Reader = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One readable field. `root` is `event`, `user`, or an alias. `type` as in FIELD_TYPES, or "any" where events disagree."""

    name: str
    root: str
    type: str
    read: Reader
    # For a trait over a window: the next instant > scope.now at which its value can change by time alone. None: never.
    next_change: Callable[[Scope], int | None] | None = None
    declared: FieldDef | None = None  # for enum labels, secret and personal; None for built-ins and traits


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields one place may read. Raises KeyError with the name for an unknown field (`check` has refused such a book before)."""

    by_name: Mapping[str, Field]

    def __getitem__(self, name: str) -> Field:
        return self.by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name
