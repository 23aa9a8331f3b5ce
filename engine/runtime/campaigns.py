"""Campaigns: an audience too large for one transaction, judged page by page. Who begins one is the desk, who pages it is the worker.

A page is one transaction with its cursor, so a killed campaign goes on where it stopped: nobody twice, nobody left out. People are looked
at in order of (phone, user id) and judged by the book in force, at the clock's now; what an occurrence is worth still counts from its own
instant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core.outcomes import Item, Verdict
from engine.core.zones import format_instant
from engine.runtime.books import Books
from engine.runtime.clock import Clock
from engine.runtime.desk import INLINE, Desk
from engine.runtime.errors import Conflict, NotFound
from engine.store import audit, campaigns, events, people
from engine.store.campaigns import Campaign
from engine.store.paging import Page
from engine.store.people import Person
from engine.store.store import Store, Tx

COUNTS = ("people", "looked", "judged", "sent", "deferred", "skipped")
# What may be done to a campaign, from which states, and what it is then.
ACTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "pause": (("running",), "paused"),
    "resume": (("paused",), "running"),
    "stop": (("running", "paused"), "stopped"),
}
_TOLD = {"pause": "paused", "resume": "resumed", "stop": "stopped"}
_LOOKED_AT = 10  # times as many people as a page judges are looked at for one page, so that a rare audience makes no long transaction
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """`inline`: audiences up to this are judged at once, without a campaign. `page`: people judged in one transaction. `per_second`: people
    that each campaign judges at most; None: as fast as it goes."""

    inline: int = INLINE
    page: int = 200  # 500 gained 0 to 15 %, and an event waits for a page
    per_second: float | None = None

    def __post_init__(self) -> None:
        if self.inline < 0 or self.page < 1 or (self.per_second is not None and not self.per_second > 0):
            raise ValueError("a campaign needs inline of 0 or more, a page of 1 or more, and per_second above 0 or none")

    @property
    def limit(self) -> int:
        """People that one page judges."""
        return self.page if self.per_second is None else max(1, min(self.page, int(self.per_second)))

    @property
    def pause(self) -> int:
        """Microseconds from one page to the next."""
        return 0 if self.per_second is None else int(self.limit * _SECOND / self.per_second)


class Campaigns:
    """Pages campaigns on, and lets people steer them."""

    def __init__(self, store: Store, books: Books, clock: Clock, settings: CampaignSettings | None = None) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._settings = settings or CampaignSettings()

    def step(self, env: str) -> bool:
        """Judge one page of the oldest campaign that may go on. False: there is none."""
        now = self._clock.now()
        with self._store.read() as tx:
            ready = [one for one in self._running(tx, env) if self._goes_on(one) <= now]
        return bool(ready) and self._store.transact(lambda tx: self._page(tx, env, ready[0].id))

    def next_due(self, env: str) -> int | None:
        """When a campaign may go on."""
        with self._store.read() as tx:
            return min(map(self._goes_on, self._running(tx, env)), default=None)

    def _running(self, tx: Tx, env: str) -> list[Campaign]:
        return campaigns.running(tx, env)

    def _goes_on(self, campaign: Campaign) -> int:
        return campaign.changed if campaign.cursor is None else campaign.changed + self._settings.pause

    def _page(self, tx: Tx, env: str, id: str) -> bool:
        if not events.lock_inbox(tx, env):
            return False
        campaign = campaigns.get(tx, env, id)
        desk = self._books.desk(tx, env)
        if campaign is None or campaign.state != "running" or desk is None:
            return False
        now = self._clock.now()
        desk.begin(now, "campaign", id)
        desk.campaign = id
        campaign = _without_removed(desk, campaign, now)
        looked, chosen, last = self._choose(desk, campaign, now)
        judged = desk.clockwork.visit(campaign.items, desk.gather(chosen), now) if chosen else 0
        counts = Counter(campaign.counts) + Counter(
            # `micros`: how long it has run, pauses left out; its pace is over that.
            {**verdict_counts(desk.told()), "looked": looked, "judged": judged, "micros": max(now - campaign.changed, 0)}
        )
        desk.save()
        state = "done" if last is None else "running"
        # One that has ended names nobody any more.
        after = replace(campaign, state=state, cursor=last, counts=counts, changed=now)
        campaigns.save(tx, env, after, "finished" if state == "done" else None)
        return True

    def _choose(self, desk: Desk, campaign: Campaign, now: int) -> tuple[int, list[Person], Person | None]:
        """(how many people were looked at, whom an audience may select, the last one looked at; None: nobody is left)."""
        if not campaign.items:
            return 0, [], None
        where = desk.may_select(campaign.items, now)
        limit = self._settings.limit
        most = limit * _LOOKED_AT if where is not None else limit
        looked, chosen, last = 0, [], None
        for person, may in people.look(desk.tx, desk.env, where, campaign.cursor, most):
            looked, last = looked + 1, person
            if may:
                chosen.append(person)
                if len(chosen) == limit:
                    return looked, chosen, last
        return looked, chosen, last if looked == most else None

    # ---- steering -----------------------------------------------------------------------------------------------------------------------

    def steer(self, env: str, id: str, action: str, reason: str, by: str) -> None:
        """Pause, resume or stop. Whom a stopped campaign has not reached get no verdict each; its rules get one. Its messages that have
        not left end as dispatch comes to them. The same again is nothing new. Raises NotFound and Conflict."""
        if action not in ACTIONS:
            raise NotFound(f"a campaign can {', '.join(ACTIONS)}, not {action}")
        self._store.transact(lambda tx: self._steer(tx, env, id, action, reason, by))

    def _steer(self, tx: Tx, env: str, id: str, action: str, reason: str, by: str) -> None:
        allowed, state = ACTIONS[action]
        campaign = campaigns.get(tx, env, id)
        if campaign is None:
            raise NotFound(f"there is no campaign {id}")
        if campaign.state == state:
            return
        if campaign.state not in allowed:
            raise Conflict(f"campaign {id} is {campaign.state}: one that is {' or '.join(allowed)} can {action}")
        now = self._clock.now()
        if state == "stopped":
            self._tell_stopped(tx, env, campaign, reason, now)
        cursor = None if state == "stopped" else campaign.cursor
        campaigns.save(tx, env, replace(campaign, state=state, cursor=cursor, changed=now), _TOLD[action])
        audit.add(tx, env, audit.Entry(now, by, f"campaign.{action}", {"id": id, "reason": reason}))

    def _tell_stopped(self, tx: Tx, env: str, campaign: Campaign, reason: str, now: int) -> None:
        desk = self._books.desk(tx, env)
        if desk is None:
            return
        detail = {"campaign": campaign.id, "reason": reason}
        desk.begin(now, "campaign", campaign.id)
        desk.note([Verdict(now, item.rule, None, "skip", "stopped", item.occurrence, detail) for item in campaign.items])
        desk.save()

    # ---- looking ------------------------------------------------------------------------------------------------------------------------

    def listed(self, env: str, limit: int = 100, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Campaigns with their progress, newest first."""
        with self._store.read() as tx:
            found = campaigns.newest(tx, env, cursor=cursor, limit=limit)
        return Page([view(one) for one in found.items], found.next)


def verdict_counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Of people, by what was decided for them and a rule."""
    counted = Counter(verdict.outcome for verdict in verdicts if verdict.user is not None or verdict.phone is not None)
    return {"sent": counted["send"], "deferred": counted["defer"], "skipped": counted["skip"]}


def view(campaign: Campaign) -> dict[str, Any]:
    """As people and programs read it. `people` were there when it began; sent, deferred and skipped count each rule by itself."""
    return {
        "id": campaign.id,
        "at": format_instant(campaign.instant),
        "state": campaign.state,
        "rules": [{"rule": item.rule, "occurrence": item.occurrence} for item in campaign.items],
        "counts": {name: campaign.counts.get(name, 0) for name in COUNTS},
        "began": format_instant(campaign.created),
        "changed": format_instant(campaign.changed),
    }


def _without_removed(desk: Desk, campaign: Campaign, now: int) -> Campaign:
    """Without the rules that the book in force no longer has for an audience, each of which gets one verdict."""

    def stands(item: Item) -> bool:
        rule = desk.plan.rules.get(item.rule)
        return rule is not None and rule.has_audience

    gone = [item for item in campaign.items if not stands(item)]
    if not gone:
        return campaign
    desk.note([Verdict(now, item.rule, None, "skip", "rule_removed", item.occurrence) for item in gone])
    return replace(campaign, items=[item for item in campaign.items if stands(item)])
