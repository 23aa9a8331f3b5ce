"""Campaigns: how far each has come through its people. A page of people and the cursor behind it are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.core.outcomes import Item
from engine.store import codec, deliveries
from engine.store.columns import Among, names
from engine.store.paging import Page, page, place_of
from engine.store.people import Person
from engine.store.schema import campaigns, people
from engine.store.store import Tx

STATES = ("running", "paused", "stopped", "done")


@dataclass(frozen=True, slots=True)
class Campaign:
    """Every rule with an audience that fires at one instant. `cursor` is the last person judged; None: not begun."""

    id: str
    instant: int
    items: Sequence[Item]
    state: str = "running"
    cursor: Person | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    created: int = 0
    changed: int = 0


def add(tx: Tx, env: str, campaign: Campaign) -> bool:
    """Begin a campaign; False when there is one of this id."""
    if get(tx, env, campaign.id) is not None:
        return False
    values = _values(campaign) | {"env": env, "id": campaign.id, "instant": campaign.instant, "created": campaign.created}
    tx.execute(sa.insert(campaigns).values(**values))
    _tell(tx, env, campaign, "started", campaign.created)
    return True


def save(tx: Tx, env: str, campaign: Campaign, told: str | None = None) -> None:
    """Keep items, state, cursor, counts and `changed`. `told`: what webhooks hear (`paused`, `finished` ...); None: nothing."""
    tx.execute(sa.update(campaigns).where(campaigns.c.env == env, campaigns.c.id == campaign.id).values(**_values(campaign)))
    if told is not None:
        _tell(tx, env, campaign, told, campaign.changed)


def _tell(tx: Tx, env: str, campaign: Campaign, what: str, at: int) -> None:
    detail = {"state": campaign.state, "counts": dict(campaign.counts)}
    deliveries.note(tx, [deliveries.Happened(env, f"campaign.{what}", f"campaign:{campaign.id}", at, detail)])


def _values(campaign: Campaign) -> dict[str, Any]:
    phone, user = campaign.cursor if campaign.cursor is not None else (None, None)
    return {
        "state": campaign.state,
        "cursor_phone": phone,
        "cursor_user": user,
        "counts": codec.dumps(dict(campaign.counts)),
        "changed": campaign.changed,
        "rules": codec.dumps(sorted({item.rule for item in campaign.items})),
        "body": codec.encode_items(campaign.items),
    }


def get(tx: Tx, env: str, id: str) -> Campaign | None:
    """A campaign; in a writing transaction nobody else pages it, or changes its state, until its end."""
    statement = sa.select(campaigns).where(campaigns.c.env == env, campaigns.c.id == id)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    row = tx.execute(statement).one_or_none()
    return _campaign(row) if row is not None else None


def stopped(tx: Tx, env: str, ids: Collection[str]) -> frozenset[str]:
    """Those of these campaigns that somebody has stopped."""
    if not ids:
        return frozenset()
    return frozenset(tx.execute(_STOPPED, {"env": env, "ids": sorted(ids)}).scalars())


_STOPPED = sa.select(campaigns.c.id).where(
    campaigns.c.env == sa.bindparam("env"), Among(campaigns.c.id, names("ids")), campaigns.c.state == "stopped"
)


def listed(tx: Tx, env: str, states: Collection[str] = STATES, limit: int = 1000) -> list[Campaign]:
    """Campaigns in these states, newest first."""
    columns = campaigns.c
    statement = sa.select(campaigns).where(columns.env == env, columns.state.in_(list(states)))
    return [_campaign(row) for row in tx.execute(statement.order_by(columns.instant.desc(), columns.id).limit(limit))]


def running(tx: Tx, env: str) -> list[Campaign]:
    """Campaigns under way, oldest first. Cheap: the worker asks whenever nothing else waits."""
    return [_campaign(row) for row in tx.execute(_RUNNING, {"env": env})]


_RUNNING = (
    sa.select(campaigns)
    .where(campaigns.c.env == sa.bindparam("env"), campaigns.c.state == "running")
    .order_by(campaigns.c.instant, campaigns.c.id.desc())
)


def newest(tx: Tx, env: str, *, cursor: str | None = None, limit: int = 100) -> Page[Campaign]:
    """Campaigns, newest first."""
    columns = campaigns.c
    statement = sa.select(campaigns).where(columns.env == env)
    if cursor is not None:
        instant, id = place_of(cursor, int, str)
        later = sa.and_(columns.instant == instant, columns.id > sa.bindparam(None, id, columns.id.type))
        statement = statement.where(sa.or_(columns.instant < instant, later))
    rows = tx.execute(statement.order_by(columns.instant.desc(), columns.id).limit(limit + 1))
    return page([_campaign(row) for row in rows], limit, lambda one: (one.instant, one.id))


def forget(tx: Tx, env: str, user: str) -> None:
    """Let no cursor name a user who is about to be erased: it goes back to the person before, who is the last one judged then, too."""
    for row in tx.execute(sa.select(campaigns).where(campaigns.c.env == env, campaigns.c.cursor_user == user)).all():
        phone, name = sa.bindparam(None, row.cursor_phone, people.c.phone.type), sa.bindparam(None, user, people.c.user.type)
        earlier = sa.select(people.c.phone, people.c.user).where(
            people.c.env == env, sa.tuple_(people.c.phone, people.c.user) < sa.tuple_(phone, name)
        )
        last = tx.execute(earlier.order_by(people.c.phone.desc(), people.c.user.desc()).limit(1)).one_or_none()
        before = {"cursor_phone": last.phone, "cursor_user": last.user} if last is not None else {"cursor_phone": None, "cursor_user": None}
        tx.execute(sa.update(campaigns).where(campaigns.c.env == env, campaigns.c.id == row.id).values(**before))


def _campaign(row: Any) -> Campaign:
    cursor = (row.cursor_phone, row.cursor_user) if row.cursor_user is not None else None
    counts = codec.loads(row.counts)
    return Campaign(row.id, row.instant, codec.decode_items(row.body), row.state, cursor, counts, row.created, row.changed)
