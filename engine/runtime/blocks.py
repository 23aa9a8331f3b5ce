"""The list of what stops messages, as one: blocked networks first, then suppressed numbers."""

from __future__ import annotations

from typing import Any

from engine.core.zones import format_instant
from engine.store import networks, suppressions
from engine.store.paging import Page
from engine.store.store import Tx

# Which of the two a cursor goes on with; behind it stands that list's own, or nothing at its beginning.
_NETWORKS, _NUMBERS = "n.", "p."


def listed_blocks(tx: Tx, env: str, limit: int, cursor: str | None) -> Page[dict[str, Any]]:
    """One page. Raises BadCursor."""
    shown: list[dict[str, Any]] = []
    if cursor is None or cursor.startswith(_NETWORKS):
        found = networks.listed(tx, env, cursor=(cursor or "").removeprefix(_NETWORKS) or None, limit=limit)
        shown = [{"network": one.network, "scope": "blocked", "reason": one.reason, "at": format_instant(one.at)} for one in found.items]
        if found.next is not None:
            return Page(shown, _NETWORKS + found.next)
        if len(shown) == limit:
            return Page(shown, _NUMBERS)
        cursor = None
    numbers = suppressions.listed(tx, env, cursor=(cursor or "").removeprefix(_NUMBERS) or None, limit=limit - len(shown))
    shown += [{"phone": one.phone, "scope": one.scope, "reason": one.reason, "at": format_instant(one.at)} for one in numbers.items]
    return Page(shown, _NUMBERS + numbers.next if numbers.next is not None else None)
