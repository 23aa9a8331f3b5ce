"""Delivery by provider and channel: of what was accepted, of what has an end, and how long receipts take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store import figures
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Rate:
    """Attempts that began since an instant, by what is known of them now. `delay_p95`: microseconds from the attempt to `delivered`, to a
    tenth. `health`: the account's, as far as this process sends."""

    provider: str
    channel: str
    accepted: int  # with those that have an end since
    delivered: int
    final: int
    rejected: int
    unknown: int
    delay_p95: int | None
    health: Mapping[str, Any] | None

    @property
    def of_accepted(self) -> float | None:
        """Delivered, of all that was accepted."""
        return self.delivered / self.accepted if self.accepted else None

    @property
    def of_final(self) -> float | None:
        """Delivered, of what has an end."""
        return self.delivered / self.final if self.final else None


def rates(tx: Tx, env: str, providers: Iterable[str], since: int, health: Mapping[str, Mapping[str, Any]]) -> Sequence[Rate]:
    """A row for each provider and channel that was used in the hours from `since` on, and one for each provider that was not."""
    rows = []
    for provider in providers:
        counts = figures.of(tx, env, f"provider:{provider}", figures.hour(since))
        p95 = figures.quantile(figures.of(tx, env, f"delay:{provider}", figures.hour(since)), 0.95)
        by_channel: dict[str, Counter[str]] = {}
        for what, number in counts.items():
            channel, _, kind = what.partition(" ")
            by_channel.setdefault(channel, Counter())[kind] = max(number, 0)
        for channel, kinds in sorted(by_channel.items()) or [("", Counter[str]())]:
            final = kinds["delivered"] + kinds["undelivered"]
            rows.append(
                Rate(
                    provider, channel, kinds["accepted"] + final, kinds["delivered"], final, kinds["rejected"], kinds["unknown"], p95,
                    health.get(provider),
                )
            )  # fmt: skip
    return rows
