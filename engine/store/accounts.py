"""Accounts: people who sign in to the console. Only a hash of the password is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.store.schema import accounts
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. `generation`: a session that was begun in an earlier one is over."""

    name: str
    role: str
    personal: bool
    phone: str | None
    hash: str = field(repr=False)
    generation: int
    created: int
    disabled: int | None = None


_COLUMNS = sa.select(*[accounts.c[name] for name in Account.__slots__])


def add(tx: Tx, account: Account) -> None:
    """Keep a new account. The name must be free."""
    tx.execute(sa.insert(accounts).values({name: getattr(account, name) for name in Account.__slots__}))


def get(tx: Tx, name: str) -> Account | None:
    """The account of this name, disabled or not. In a writing transaction nobody else changes it until its end."""
    statement = _COLUMNS.where(accounts.c.name == name)
    if tx.writing and tx.is_postgresql:
        statement = statement.with_for_update()
    row = tx.execute(statement).one_or_none()
    return Account(*row) if row is not None else None


def listed(tx: Tx) -> list[Account]:
    """Every account, in order of name."""
    return [Account(*row) for row in tx.execute(_COLUMNS.order_by(accounts.c.name))]


def change(tx: Tx, name: str, **values: Any) -> None:
    """Change columns of an account."""
    tx.execute(sa.update(accounts).where(accounts.c.name == name).values(**values))
