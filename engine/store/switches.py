"""Switches: a rule, a message type, a channel or a provider that is stopped, with name and reason."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store import networks
from engine.store.schema import marks, switches
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that is stopped: `rule:x`, `type:marketing`, `channel:sms`, `provider:smsc`."""

    what: str
    at: int
    who: str
    reason: str


def stop(tx: Tx, env: str, switch: Switch) -> bool:
    """Stop something; False when it is stopped already."""
    if tx.execute(sa.select(switches.c.what).where(switches.c.env == env, switches.c.what == switch.what)).scalar() is not None:
        return False
    tx.execute(sa.insert(switches).values(env=env, what=switch.what, at=switch.at, who=switch.who, reason=switch.reason))
    return True


def resume(tx: Tx, env: str, what: str) -> bool:
    """Let it go on; False when it was not stopped."""
    return tx.execute(sa.delete(switches).where(switches.c.env == env, switches.c.what == what)).rowcount > 0


def in_force(tx: Tx, env: str) -> list[Switch]:
    """What is stopped, in order of name."""
    return [Switch(*row) for row in tx.execute(_ALL, {"env": env})]


def state(tx: Tx, env: str) -> tuple[frozenset[str], str]:
    """(what is stopped, how often the list of blocked networks was changed), in one statement: workers ask in every transaction."""
    rows = tx.run(_STATE, {"env": env, "mark": networks.CHANGES}).all()
    changes = next((what for kind, what in rows if kind == "networks"), "0")
    return frozenset(what for kind, what in rows if kind == "stopped"), changes


_STATE = sa.union_all(
    sa.select(sa.literal_column("'stopped'"), switches.c.what).where(switches.c.env == sa.bindparam("env")),
    sa.select(sa.literal_column("'networks'"), marks.c.body).where(
        marks.c.env == sa.bindparam("env"), marks.c.name == sa.bindparam("mark")
    ),
)
_ALL = (
    sa.select(switches.c.what, switches.c.at, switches.c.who, switches.c.reason)
    .where(switches.c.env == sa.bindparam("env"))
    .order_by(switches.c.what)
)
