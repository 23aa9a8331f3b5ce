"""People: users in the order in which an audience is judged, and of each what SQL can ask (audience.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import isfinite
from typing import Any

import orjson
import sqlalchemy as sa

from engine.core.facts import Cell, UserCell
from engine.store import bulk
from engine.store.schema import people
from engine.store.store import Tx

Person = tuple[str, str]  # (phone or "", user id): the order in which an audience is judged


def differ(old: Cell | None, new: UserCell) -> bool:
    """Whether an audience could see the change."""
    return not isinstance(old, UserCell) or not (
        old.phone == new.phone
        and old.timezone == new.timezone
        and old.locale == new.locale
        and (old.attributes is new.attributes or old.attributes == new.attributes)
        and (old.traits is new.traits or old.traits == new.traits)
    )


def save(tx: Tx, env: str, users: Collection[UserCell]) -> None:
    """Take over what audiences read of these users. Called by cells.save, in the same transaction."""
    bulk.insert(tx, people, [_row(env, cell) for cell in users], on_conflict="replace")


def _row(env: str, cell: UserCell) -> dict[str, Any]:
    facts = _facts(cell)
    return {
        "env": env,
        "user": cell.id,
        "phone": cell.phone or "",
        "timezone": cell.timezone,
        "locale": cell.locale,
        "attributes": facts[0] if facts is not None else "{}",
        "traits": facts[1] if facts is not None else "{}",
        "odd": facts is None,
    }


def _facts(cell: UserCell) -> tuple[str, str] | None:
    """Attributes and traits as JSON; None when they hold what a database would refuse or read otherwise: NUL, infinite or huge numbers."""
    if any(type(state) is float and not isfinite(state) for state in cell.traits.values()):
        return None
    try:
        attributes, traits = orjson.dumps(cell.attributes), orjson.dumps(cell.traits)
    except TypeError:
        return None
    if b"\\u0000" in attributes or b"\\u0000" in traits:
        return None
    return attributes.decode(), traits.decode()


def page(tx: Tx, env: str, where: sa.ColumnElement[bool] | None = None, after: Person | None = None, limit: int = 1000) -> list[Person]:
    """People for whom `where` (of audience.py) may hold, in order, after a person."""
    statement = sa.select(people.c.phone, people.c.user).where(people.c.env == env)
    if where is not None:
        statement = statement.where(where)
    if after is not None:
        statement = statement.where(_after(after))
    rows = tx.execute(statement.order_by(people.c.phone, people.c.user).limit(limit))
    return [(phone, user) for phone, user in rows]


def look(
    tx: Tx, env: str, where: sa.ColumnElement[bool] | None = None, after: Person | None = None, limit: int = 1000
) -> Iterator[tuple[Person, bool]]:
    """The next people in order, each with whether `where` may hold: unlike `page` it ends after so many rows, however few are chosen."""
    chosen = sa.true() if where is None else where
    statement = sa.select(people.c.phone, people.c.user, chosen.label("chosen")).where(people.c.env == env)
    if after is not None:
        statement = statement.where(_after(after))
    with tx.execute(statement.order_by(people.c.phone, people.c.user).limit(limit)) as rows:
        for phone, user, may in rows:
            yield (phone, user), bool(may)


def _after(person: Person) -> sa.ColumnElement[bool]:
    phone, user = sa.bindparam(None, person[0], people.c.phone.type), sa.bindparam(None, person[1], people.c.user.type)
    return sa.tuple_(people.c.phone, people.c.user) > sa.tuple_(phone, user)


def count(tx: Tx, env: str, where: sa.ColumnElement[bool] | None = None) -> int:
    """How many people there are for whom `where` may hold."""
    statement = sa.select(sa.func.count()).select_from(people).where(people.c.env == env)
    return int(tx.execute(statement if where is None else statement.where(where)).scalar() or 0)


def of_phone(tx: Tx, env: str, phone: str, limit: int = 20) -> list[str]:
    """The users who have a number, in order."""
    statement = sa.select(people.c.user).where(people.c.env == env, people.c.phone == phone)
    return list(tx.execute(statement.order_by(people.c.user).limit(limit)).scalars())
