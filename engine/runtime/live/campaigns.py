"""Campaigns as they run: how far, how fast, when done, and who has stopped them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.store import audit, campaigns, figures
from engine.store.audit import Entry
from engine.store.campaigns import Campaign
from engine.store.paging import Page
from engine.store.store import Tx

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign and how it goes. `per_second`: people looked at, over the time in which it ran; `done_at`: at that pace; None: not known.
    `steered`: who paused, resumed or stopped it last. `messages`: state -> number."""

    campaign: Campaign
    people: int
    looked: int
    sent: int
    deferred: int
    skipped: int
    per_second: float | None
    done_at: int | None
    steered: Entry | None
    messages: Mapping[str, int]

    @property
    def share(self) -> float:
        """How far it has come, of 1."""
        return 1.0 if self.campaign.state == "done" else min(self.looked / self.people, 1.0) if self.people else 0.0

    @property
    def left(self) -> int:
        """People whom it has not looked at."""
        return 0 if self.campaign.state == "done" else max(self.people - self.looked, 0)


def current(tx: Tx, env: str, now: int, limit: int = 6) -> list[Progress]:
    """Those that run or are paused, the oldest first."""
    found = campaigns.listed(tx, env, ("running", "paused"), limit)[::-1]
    return [progress(tx, env, one, now) for one in found]


def newest(tx: Tx, env: str, now: int, *, cursor: str | None = None, limit: int = 20) -> Page[Progress]:
    """All of them, the newest first."""
    found = campaigns.newest(tx, env, cursor=cursor, limit=limit)
    return Page([progress(tx, env, one, now) for one in found.items], found.next)


def progress(tx: Tx, env: str, campaign: Campaign, now: int) -> Progress:
    """How a campaign goes."""
    counts = campaign.counts
    looked, people, ran = counts.get("looked", 0), counts.get("people", 0), counts.get("micros", 0)
    per_second = looked / ran * _SECOND if ran > 0 and looked else None
    left = max(people - looked, 0)
    done_at = now + int(left / per_second * _SECOND) if per_second and campaign.state == "running" else None
    told = figures.of(tx, env, f"campaign:{campaign.id}", figures.hour(campaign.created))
    states = {what.removeprefix("message "): max(number, 0) for what, number in told.items()}
    return Progress(
        campaign, people, looked, counts.get("sent", 0), counts.get("deferred", 0), counts.get("skipped", 0), per_second, done_at,
        _steered(tx, env, campaign), states,
    )  # fmt: skip


def _steered(tx: Tx, env: str, campaign: Campaign) -> Entry | None:
    kinds: Sequence[str] = {"paused": ("campaign.pause",), "stopped": ("campaign.stop",)}.get(campaign.state, ())
    for kind in kinds:
        for entry in audit.newest(tx, env, what=kind, limit=100).items:
            if entry.detail.get("id") == campaign.id:
                return entry
    return None
