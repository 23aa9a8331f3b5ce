"""Opt-outs that outlive the erased: a number is remembered by a keyed hash, which leads back to nobody without the number at hand."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from engine.core.case import NEVER
from engine.core.facts import Cell
from engine.store import marks
from engine.store.store import Tx


class Tombstones:
    """Kept beside the other marks, under HMAC-SHA256 of the number with the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def put(self, tx: Tx, env: str, phone: str, scopes: Iterable[str]) -> None:
        """Remember what a number that is about to be forgotten was suppressed for."""
        marks.put(tx, env, self._name(phone), sorted(scopes))

    def raise_cells(self, tx: Tx, env: str, phones: Iterable[str]) -> dict[str, Cell]:
        """The cells of those numbers that come back, suppressed as they were, by number; of most nothing is remembered."""
        names = {self._name(phone): phone for phone in phones}
        found = marks.of_names(tx, env, names) if names else {}
        return {names[name]: _suppressed(scopes) for name, scopes in found.items() if scopes}

    def _name(self, phone: str) -> str:
        return "tombstone:" + hmac.new(self._secret, phone.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _suppressed(scopes: Iterable[str]) -> Cell:
    cell = Cell()
    cell.suppressed = frozenset(scopes)
    cell.expires = NEVER
    return cell
