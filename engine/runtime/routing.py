"""Which provider carries a message: routes by channel, and of every account whether it may be given anything now.

An account has a rate (a token bucket), a breaker that opens after failures and is closed again by probes, a pause when it says that we are
too fast, and a mark for slow receipts. All of it is in memory and per process; instants are microseconds and come from the caller.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from engine.core.chance import share
from engine.core.phones import region
from engine.nearest import did_you_mean
from engine.settings import SettingsError
from providers.contract import Accepted, Outcome, Reason, Rejected, Unknown
from rules.model import CHANNELS, MESSAGE_TYPES

SECOND = 1_000_000
WITHOUT_ROUTE = "capture"  # carries a channel that has no route

# ---- routes -----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """For which messages something counts. What is empty asks nothing."""

    countries: frozenset[str] = frozenset()  # ISO 3166, of the number
    prefixes: tuple[str, ...] = ()  # of the E.164 number: a network's ranges
    types: frozenset[str] = frozenset()

    def fits(self, to: str, type: str) -> bool:
        """Whether a message of this type to this number is meant."""
        return (
            (not self.types or type in self.types)
            and (not self.prefixes or to.startswith(self.prefixes))
            and (not self.countries or region(to) in self.countries)
        )


@dataclass(frozen=True, slots=True)
class Leg:
    """A provider in a route. Neighbours with a weight share their places: who comes first is drawn, stably for a message."""

    provider: str
    weight: float | None = None
    condition: Condition = Condition()


@dataclass(frozen=True, slots=True)
class Route:
    """The providers of a channel, in the order in which they are tried."""

    channel: str
    legs: tuple[Leg, ...]
    condition: Condition = Condition()

    def order(self, to: str, type: str, id: str) -> tuple[str, ...]:
        """The providers for one message."""
        fitting = [leg for leg in self.legs if leg.condition.fits(to, type)]
        ordered: list[Leg] = []
        run: list[Leg] = []
        for leg in fitting:
            if leg.weight is None:
                ordered += [*_drawn(run, id), leg]
                run = []
            else:
                run.append(leg)
        return tuple(dict.fromkeys(leg.provider for leg in (*ordered, *_drawn(run, id))))


def _drawn(legs: Sequence[Leg], id: str) -> list[Leg]:
    """By weight, without replacement (Efraimidis and Spirakis)."""
    if len(legs) < 2:
        return list(legs)
    return sorted(legs, key=lambda leg: share(f"route|{leg.provider}|{id}") ** (1 / (leg.weight or 1)), reverse=True)


_MOST_AT_ONCE = 1_000
_CONDITIONS = ("countries", "prefixes", "types")


def read_routes(tables: Iterable[Mapping[str, Any]], providers: Mapping[str, Iterable[str]]) -> list[Route]:
    """The `[[routes]]` of the settings. `providers`: name -> its channels. Raises SettingsError."""
    routes = []
    for number, table in enumerate(tables, 1):
        where = f"routes[{number}]"
        _known(table, ("channel", "providers", *_CONDITIONS), where)
        channel = table.get("channel")
        if channel not in CHANNELS:
            raise SettingsError(f"{where}: channel must be one of {', '.join(CHANNELS)}{did_you_mean(str(channel), CHANNELS)}")
        legs = table.get("providers")
        if not isinstance(legs, list) or not legs:
            raise SettingsError(f"{where}: providers must be a list, in order")
        routes.append(Route(channel, tuple(_leg(leg, channel, providers, where) for leg in legs), _condition(table, where)))
    return routes


def _leg(value: Any, channel: str, providers: Mapping[str, Iterable[str]], where: str) -> Leg:
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: a provider is a name, or a table with a name")
    _known(table, ("name", "weight", *_CONDITIONS), where)
    name, weight = table.get("name"), table.get("weight")
    if not isinstance(name, str) or name not in providers:
        raise SettingsError(f'{where}: unknown provider "{name}"{did_you_mean(str(name), providers)}')
    if channel not in providers[name]:
        raise SettingsError(f"{where}: {name} does not carry {channel}")
    if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf")):
        raise SettingsError(f"{where}: the weight of {name} must be a number above 0")
    return Leg(name, weight, _condition(table, where))


def _condition(table: Mapping[str, Any], where: str) -> Condition:
    lists = {}
    for name in _CONDITIONS:
        value = table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise SettingsError(f"{where}: {name} must be a list of texts")
        lists[name] = value
    for country in lists["countries"]:
        if len(country) != 2 or not country.isascii() or not country.isupper():
            raise SettingsError(f'{where}: "{country}" is not a country of two capital letters, like CN')
    for prefix in lists["prefixes"]:
        if not prefix.startswith("+") or not prefix[1:].isdecimal():
            raise SettingsError(f'{where}: "{prefix}" is not the beginning of a number, like +86170')
    for type in lists["types"]:
        if type not in MESSAGE_TYPES:
            raise SettingsError(f'{where}: unknown message type "{type}"{did_you_mean(type, MESSAGE_TYPES)}')
    return Condition(frozenset(lists["countries"]), tuple(lists["prefixes"]), frozenset(lists["types"]))


def _known(table: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for name in table:
        if name not in names:
            raise SettingsError(f'{where}: unknown entry "{name}"{did_you_mean(name, names)}')


# ---- accounts ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """When an account is left alone. Durations are seconds."""

    failures: int = 5  # in a row: the breaker opens
    share: float = 0.5  # ... or this share of the latest `window` answers, once there are `least`
    window: int = 50
    least: int = 20
    open_seconds: float = 10  # doubles each time that it opens again, ...
    longest_seconds: float = 300
    calm_seconds: float = 600  # ... and starts anew after so long without
    probes: int = 3  # good answers, one at a time, before it is closed
    lanes: int = 2  # batches at once: a gateway that hangs must not hold every dispatcher
    throttles: int = 3  # messages throttled in a row before the whole account pauses: one number may have had its share
    slow_seconds: float = 120  # a median delay of receipts above this: others go first ...
    slow_hold_seconds: float = 600  # ... for so long
    slow_least: int = 20


class Breaker:
    """Closed: all may pass. Open: nothing, until an instant. Then half open: one at a time, until enough have passed or one has failed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._row = 0  # failures without a success in between
        self._latest: deque[bool] = deque(maxlen=limits.window)
        self._opened = 0  # how many times in a row
        self._last_opened = 0
        self._open_until: int | None = None
        self._probing = False
        self._good = 0

    @property
    def state(self) -> str:
        """closed, or not."""
        return "closed" if self._open_until is None else "open" if not self._good and not self._probing else "half_open"

    def ready_at(self, now: int) -> int:
        """From when on something may pass; `now` or earlier: now."""
        if self._open_until is None:
            return now
        return now + SECOND if self._probing else self._open_until

    def begin(self) -> bool:
        """A batch goes out. True: it is a probe, of one message."""
        if self._open_until is None:
            return False
        self._probing = True
        return True

    def abandon(self, probe: bool) -> None:
        """The batch did not go after all."""
        if probe:
            self._probing = False

    def answered(self, good: bool, now: int, *, probe: bool) -> None:
        """One answer. While open, answers to what was under way before say nothing new."""
        if self._open_until is not None:
            if not probe:
                return
            self._probing = False
            if not good:
                self._open(now)
                return
            self._good += 1
            if self._good >= self._limits.probes:
                self._close()
            return
        self._row = 0 if good else self._row + 1
        self._latest.append(good)
        bad = self._latest.count(False)
        many = len(self._latest) >= self._limits.least and bad >= self._limits.share * len(self._latest)
        if not good and (self._row >= self._limits.failures or many):
            self._open(now)

    def _open(self, now: int) -> None:
        if now - self._last_opened > self._limits.calm_seconds * SECOND:
            self._opened = 0
        length = min(self._limits.open_seconds * 2**self._opened, self._limits.longest_seconds)
        self._opened = min(self._opened + 1, 30)
        self._last_opened = now
        self._open_until = now + int(length * SECOND)
        self._good = 0

    def _close(self) -> None:
        self._open_until = None
        self._row = 0
        self._latest.clear()


class Bucket:
    """At most `per_second` on average, a tenth of a second's worth at once. A text of several parts may borrow, and is waited for."""

    def __init__(self, per_second: float | None) -> None:
        self._rate = per_second
        self._burst = max(1.0, per_second / 10) if per_second is not None else 0.0
        self._tokens = self._burst
        self._at = 0

    def ready_at(self, now: int) -> int:
        """From when on there is a token."""
        if self._rate is None:
            return now
        self._refill(now)
        return now if self._tokens >= 1 else now + int((1 - self._tokens) / self._rate * SECOND) + 1

    def take(self, parts: int, now: int) -> bool:
        """Take one token for each part; False: not now."""
        if self._rate is None:
            return True
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= parts
        return True

    def give_back(self, parts: int) -> None:
        """They were not used."""
        self._tokens = min(self._tokens + parts, self._burst)

    def _refill(self, now: int) -> None:
        assert self._rate is not None
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) / SECOND * self._rate)
            self._at = now


@dataclass(slots=True)
class Account:
    """What is known of one provider just now."""

    limits: Limits
    breaker: Breaker
    bucket: Bucket
    is_fake: bool = False  # its outcomes are somebody's trials: nothing follows from them
    busy: int = 0
    at_once: int = 32  # messages of the next batch, so many as it takes in about a second
    throttled: int = 0  # messages in a row
    paused_until: int = 0
    delays: deque[int] = field(default_factory=lambda: deque(maxlen=50))  # of receipts
    slow_until: int = 0

    def closed_until(self, now: int) -> int:
        """Until when others have to take its messages; `now` or earlier: it is open."""
        return max(self.breaker.ready_at(now), self.paused_until)


class Lane:
    """One batch on its way to one provider. `take` what goes along, then `leave` with the answers, or without any."""

    __slots__ = ("_account", "_lock", "_now", "_parts", "_probe", "_taken", "provider")

    def __init__(self, provider: str, account: Account, lock: threading.Lock, now: int) -> None:
        self.provider = provider
        self._account = account
        self._lock = lock
        self._now = now
        self._probe = account.breaker.begin()
        self._taken = 0
        self._parts = 0
        account.busy += 1

    def take(self, parts: int) -> bool:
        """Whether one more message goes along."""
        with self._lock:
            if (self._probe and self._taken) or self._taken >= self._account.at_once or not self._account.bucket.take(parts, self._now):
                return False
            self._taken += 1
            self._parts += parts
            return True

    def leave(self, outcomes: Sequence[Outcome], now: int) -> None:
        """The answers are there; none: nothing was sent."""
        with self._lock:
            account = self._account
            account.busy -= 1
            if not outcomes:
                account.bucket.give_back(self._parts)
                account.breaker.abandon(self._probe)
                return
            _note_pace(account, self._taken, now - self._now)
            for outcome in outcomes if not account.is_fake else ():
                account.breaker.answered(_is_good(outcome), now, probe=self._probe)
                _note_throttling(account, outcome, now)


def _is_good(outcome: Outcome) -> bool:
    """Whether the gateway works: what it refuses for the message's own sake says that it does."""
    return not (isinstance(outcome, Unknown) or (isinstance(outcome, Rejected) and outcome.reason is Reason.RETRY_LATER))


def _note_pace(account: Account, taken: int, elapsed: int) -> None:
    """A batch is looked at once, and its last message leaves when the gateway lets it: so a slow one gets small batches, and what a
    cancellation, an opt-out or quiet hours stop in between is not on its way already."""
    if elapsed > SECOND:
        account.at_once = max(1, taken * SECOND // elapsed)
    elif taken >= account.at_once and 2 * elapsed <= SECOND:
        account.at_once = min(2 * account.at_once, _MOST_AT_ONCE)


def _note_throttling(account: Account, outcome: Outcome, now: int) -> None:
    if isinstance(outcome, Accepted):
        account.throttled = 0
    elif isinstance(outcome, Rejected) and outcome.reason is Reason.THROTTLED:
        account.throttled += 1
        over = account.throttled - account.limits.throttles
        if over >= 0:
            account.paused_until = max(account.paused_until, now + int(min(0.5 * 2 ** min(over, 10), 30) * SECOND))


class Routing:
    """Routes and accounts together. May be shared by threads."""

    def __init__(
        self,
        routes: Sequence[Route] = (),
        per_second: Mapping[str, float | None] | None = None,
        limits: Limits | None = None,
        fakes: Iterable[str] = (WITHOUT_ROUTE,),
    ) -> None:
        self._routes = tuple(routes)
        self._per_second = dict(per_second or {})
        self._limits = limits or Limits()
        self._fakes = frozenset(fakes)
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()

    def order(self, channel: str, to: str, type: str, id: str) -> tuple[str, ...]:
        """The providers that may carry a message, in order: of the first route of the channel that fits. Empty: none fits."""
        routes = [route for route in self._routes if route.channel == channel]
        if not routes:
            return (WITHOUT_ROUTE,)
        fitting = next((route for route in routes if route.condition.fits(to, type)), None)
        return fitting.order(to, type, id) if fitting is not None else ()

    def branches(self, channel: str) -> bool:
        """Whether messages of the channel may go to different providers, so that one must not hold up another's."""
        return len({leg.provider for route in self._routes if route.channel == channel for leg in route.legs}) > 1

    def choose(self, candidates: Sequence[str], now: int) -> tuple[str | None, int]:
        """The first that is not closed, those with slow receipts last; else None, and when to look again."""
        with self._lock:
            accounts = [(name, self._account(name)) for name in candidates]
            for slow in (False, True):
                for name, account in accounts:
                    if (account.slow_until > now) is slow and account.closed_until(now) <= now:
                        return name, now
            return None, min([account.closed_until(now) for _, account in accounts], default=now)

    def enter(self, provider: str, now: int) -> Lane | None:
        """A lane for one batch; None: too many are under way, it is closed, or its rate is used up."""
        with self._lock:
            account = self._account(provider)
            if account.busy >= self._limits.lanes or account.closed_until(now) > now or account.bucket.ready_at(now) > now:
                return None
            return Lane(provider, account, self._lock, now)

    def ready_at(self, provider: str, now: int) -> int:
        """From when on the account may take something."""
        with self._lock:
            account = self._account(provider)
            return max(account.closed_until(now), account.bucket.ready_at(now))

    def receipt_came(self, provider: str, delay: int, now: int) -> None:
        """A message arrived so many microseconds after the gateway took it."""
        with self._lock:
            account = self._account(provider)
            account.delays.append(delay)
            limits = self._limits
            if len(account.delays) >= limits.slow_least and median(account.delays) > limits.slow_seconds * SECOND:
                account.slow_until = now + int(limits.slow_hold_seconds * SECOND)
                account.delays.clear()  # judged anew afterwards

    def health(self, now: int) -> dict[str, dict[str, Any]]:
        """Every account that was used: its breaker, whether it is paused or slow, and how many batches are under way."""
        with self._lock:
            return {
                name: {
                    "breaker": account.breaker.state,
                    "open": account.closed_until(now) <= now,
                    "paused": account.paused_until > now,
                    "slow": account.slow_until > now,
                    "busy": account.busy,
                }
                for name, account in sorted(self._accounts.items())
            }

    def _account(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            bucket = Bucket(self._per_second.get(name))
            account = self._accounts[name] = Account(self._limits, Breaker(self._limits), bucket, name in self._fakes)
        return account
