"""Every setting in one typed place: `hongyan.toml`, then the environment. Unknown entries are refused.

Each entry with one value is also a variable: `HONGYAN_` and its name in capitals, `_` for each dot. docs/settings.md lists them; a test
compares the two.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.nearest import did_you_mean
from rules.model import CHANNELS, Duration
from rules.values import duration

DEFAULT_FILE = "hongyan.toml"
PREFIX = "HONGYAN_"
FILE_VARIABLE = "HONGYAN_SETTINGS"
# Not ours: variables of the client (sdk/) and of the benchmarks, which may stand in the same environment.
OTHERS = frozenset({"HONGYAN_URL", "HONGYAN_KEY", "HONGYAN_BENCH_PYTHON"})

# Every top-level entry there is, with what it is for; docs/settings.md lists the same.
ENTRIES: Mapping[str, str] = {
    "database": "where events, users, messages and books are kept",
    "broker": "an AMQP address that starts the cluster's hints",
    "secret": "pepper and signing key",
    "clock": "real, or test for a clock that the API moves",
    "retention": "how long events, messages and verdicts are kept",
    "campaigns": "how fast they go through their people",
    "webhooks": "where they may be posted to",
    "server": "host, port, trusted_proxies",
    "providers": "gateways, each with a name, a kind and its channels",
    "routes": "which providers carry a channel, in order",
    "prices": "the price of one part, per channel and country",
}

Prices = Mapping[str, Mapping[str, float]]


class SettingsError(Exception):
    """Settings that cannot be used: where, and what would be right."""


# ---- what there is ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept after they happened."""

    events: Duration = field(default=Duration(90, "d"))
    messages: Duration = field(default=Duration(365, "d"))
    verdicts: Duration = field(default=Duration(90, "d"))


@dataclass(frozen=True, slots=True)
class CampaignPace:
    """How fast campaigns go. `per_second`: people that each campaign judges at most; None: as fast as it goes."""

    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where webhooks may be posted to. `allow_private`: to whatever this machine can reach; `allow_http`: unencrypted."""

    allow_private: bool = False
    allow_http: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """Where HTTP is served. `trusted_proxies`: networks whose `X-Forwarded-*` are believed."""

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings. `file` is the one that was read, None without one. Its repr shows nothing secret."""

    prices: Prices = field(default_factory=dict)  # channel -> ISO 3166 country -> price of one part
    file: Path | None = None
    database: str = field(default="sqlite:///hongyan.db", repr=False)
    broker: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)  # "": kept beside the database (engine.secret)
    clock: Literal["real", "test"] = "real"
    retention: Retention = Retention()
    campaigns: CampaignPace = CampaignPace()
    webhooks: WebhookSettings = WebhookSettings()
    server: Server = Server()
    providers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  # tables as written: each kind reads its own
    routes: tuple[Mapping[str, Any], ...] = ()  # tables as written

    def price(self, channel: str, country: str) -> float | None:
        """The price of one part, or None where no table says."""
        return self.prices.get(channel, {}).get(country)

    def masked(self) -> dict[str, Any]:
        """Everything as it is in force, JSON-ready, without what is secret."""
        return {
            "database": without_password(self.database),
            "broker": without_password(self.broker),
            "secret": _MASK if self.secret else "",
            "clock": self.clock,
            "retention": {name: str(getattr(self.retention, name)) for name in Retention.__slots__},
            "campaigns": {"per_second": self.campaigns.per_second},
            "webhooks": {name: getattr(self.webhooks, name) for name in WebhookSettings.__slots__},
            "server": {"host": self.server.host, "port": self.server.port, "trusted_proxies": list(self.server.trusted_proxies)},
            "providers": [{name: _masked(name, value) for name, value in table.items()} for table in self.providers],
            "routes": [dict(table) for table in self.routes],
            "prices": {channel: dict(countries) for channel, countries in self.prices.items()},
        }


_MASK = "******"
# What a provider's table may show. Everything else with a text in it is masked: a new kind's secret must not wait to be known here.
_SHOWN = frozenset({"name", "kind", "channels", "host", "port", "per_second", "sender", "region", "encoding", "bind", "system_type"})
_PASSWORD = re.compile(r"(//[^/@]*?:)[^/]*(@)")


def without_password(address: str) -> str:
    """An address with the password masked, and without the query, which may hold one too."""
    return _PASSWORD.sub(rf"\1{_MASK}\2", address).partition("?")[0]


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping) and list(value) == ["env"]:
        return {"env": value["env"]}
    if name in _SHOWN or isinstance(value, bool | int | float):
        return list(value) if isinstance(value, tuple) else value
    return _MASK


# ---- reading ----------------------------------------------------------------------------------------------------------------------------


def load(environment: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Settings from the file that HONGYAN_SETTINGS names, else from hongyan.toml in `folder` if there is one. Raises SettingsError."""
    named = environment.get(FILE_VARIABLE)
    path = Path(named) if named else (folder or Path()) / DEFAULT_FILE
    entries = _read(path, must_exist=bool(named))
    where = {name: f"{path}: {name}" for name in SCALARS}
    values = _flat(entries, str(path))
    prices = _prices(entries.get("prices", {}), str(path))
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE or variable in OTHERS:
            continue
        entry = _scalar_of(variable)
        if entry is None:
            _price_from_environment(variable, text, prices)
        else:
            values[entry], where[entry] = text, variable
    read = {entry: SCALARS[entry](value, where[entry]) for entry, value in values.items()}
    return Settings(
        prices=prices,
        file=path if entries or path.is_file() else None,
        retention=Retention(**_below("retention", read)),
        campaigns=CampaignPace(**_below("campaigns", read)),
        webhooks=WebhookSettings(**_below("webhooks", read)),
        server=Server(**_below("server", read)),
        providers=_providers(entries.get("providers", []), str(path)),
        routes=_routes(entries.get("routes", []), str(path)),
        **{entry: value for entry, value in read.items() if "." not in entry},
    )


def _below(section: str, read: Mapping[str, Any]) -> dict[str, Any]:
    return {entry.partition(".")[2]: value for entry, value in read.items() if entry.startswith(section + ".")}


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{path}: there is no such file ({FILE_VARIABLE})") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    try:
        entries = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    _known(entries, ENTRIES, str(path), "entry")
    return entries


def _known(given: Iterable[str], known: Iterable[str], where: str, what: str) -> None:
    known = tuple(known)
    for name in given:
        if name not in known:
            raise SettingsError(f'{where}: unknown {what} "{name}"{did_you_mean(name, known)}')


def _flat(entries: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`{"server.port": 8000}` of what the file has."""
    values = {}
    for name in ENTRIES:
        if name in SCALARS and name in entries:
            values[name] = entries[name]
        known = [entry.partition(".")[2] for entry in SCALARS if entry.startswith(name + ".")]
        if known and name in entries:
            table = _table(entries[name], f"{where}: {name}")
            _known(table, known, f"{where}: {name}", "entry")
            values |= {f"{name}.{below}": value for below, value in table.items()}
    return values


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must be a table")
    return value


# ---- one value --------------------------------------------------------------------------------------------------------------------------


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{where} must be a text")
    return value


def _database(value: Any, where: str) -> str:
    address = _text(value, where)
    if not address.startswith(("sqlite:///", "postgresql+psycopg://")) or address == "sqlite:///":
        raise SettingsError(f"{where} must be like sqlite:///hongyan.db or postgresql+psycopg://user:password@host/name")
    return address


def _broker(value: Any, where: str) -> str:
    address = _text(value, where)
    if address and not address.startswith(("amqp://", "amqps://")):
        raise SettingsError(f"{where} must be like amqp://user:password@host/vhost, or empty")
    return address


def _secret(value: Any, where: str) -> str:
    secret = _text(value, where)
    if 0 < len(secret) < 16:
        raise SettingsError(f"{where} must have 16 characters or more (or leave it out: one is made)")
    return secret


def _clock(value: Any, where: str) -> str:
    if value not in ("real", "test"):
        raise SettingsError(f"{where} must be real or test")
    return str(value)


def _duration(value: Any, where: str) -> Duration:
    length = duration(value)
    if length is None or not length.amount:
        raise SettingsError(f"{where} must be a duration like 90d or 12h")
    return length


def _rate(value: Any, where: str) -> float:
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)  # out of the environment
    if not _is_number(value) or not value > 0:
        raise SettingsError(f"{where} must be a number above 0, like 500 (without it there is no limit)")
    return float(value)


def _yes_or_no(value: Any, where: str) -> bool:
    value = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value  # out of the environment
    if not isinstance(value, bool):
        raise SettingsError(f"{where} must be true or false")
    return value


def _host(value: Any, where: str) -> str:
    host = _text(value, where)
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        raise SettingsError(f"{where} must be an address or a name, like 127.0.0.1")
    return host


def _port(value: Any, where: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)  # out of the environment
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise SettingsError(f"{where} must be a port between 1 and 65535")
    return value


def _networks(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [one.strip() for one in value.split(",") if one.strip()]  # out of the environment
    networks = _texts(value, where)
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise SettingsError(f"{where}: {network!r} is no address or network, like 10.0.0.0/8") from None
    return networks


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise SettingsError(f"{where} must be a list of texts")
    return tuple(value)


# Every entry that has one value, with what reads it from the file or from the text of a variable.
SCALARS: Mapping[str, Callable[[Any, str], Any]] = {
    "database": _database,
    "broker": _broker,
    "secret": _secret,
    "clock": _clock,
    "retention.events": _duration,
    "retention.messages": _duration,
    "retention.verdicts": _duration,
    "campaigns.per_second": _rate,
    "webhooks.allow_private": _yes_or_no,
    "webhooks.allow_http": _yes_or_no,
    "server.host": _host,
    "server.port": _port,
    "server.trusted_proxies": _networks,
}


def variable_of(entry: str) -> str:
    """`HONGYAN_SERVER_PORT` of `server.port`."""
    return PREFIX + entry.replace(".", "_").upper()


_VARIABLES = {variable_of(entry): entry for entry in SCALARS}


def _scalar_of(variable: str) -> str | None:
    """The entry of a variable, None for a price's. Raises SettingsError for an unknown one."""
    if variable in _VARIABLES:
        return _VARIABLES[variable]
    name = variable.removeprefix(PREFIX)
    if name.startswith("PRICES_"):
        return None
    if name in ("PROVIDERS", "ROUTES"):
        raise SettingsError(f'{variable}: these are tables; write them into {DEFAULT_FILE}, with {{env = "NAME"}} for what is secret')
    known = [known.removeprefix(PREFIX).lower() for known in _VARIABLES]
    raise SettingsError(f"{variable}: unknown setting{did_you_mean(name.lower(), known)}")


# ---- tables -----------------------------------------------------------------------------------------------------------------------------


def _providers(tables: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    """The tables as they are, each with a name of its own. What else they must have, their kind says (providers/)."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"{where}: providers must be tables like [[providers]]")
    names = set[str]()
    for table in tables:
        name = table.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name):
            raise SettingsError(f"{where}: providers: each needs a name of letters, digits, - _ and .")
        if name in names:
            raise SettingsError(f'{where}: providers: two are called "{name}"')
        names.add(name)
    return tuple(tables)


def _routes(tables: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    """The tables as they are, each for a channel. What else they say, dispatch reads (engine/runtime/routing.py)."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"{where}: routes must be tables like [[routes]]")
    for table in tables:
        channel = table.get("channel")
        if channel not in CHANNELS:
            raise SettingsError(f"{where}: routes: channel must be one of {', '.join(CHANNELS)}{did_you_mean(str(channel), CHANNELS)}")
    return tuple(tables)


def _prices(table: Any, where: str) -> dict[str, dict[str, float]]:
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: prices must be a table like [prices.sms]")
    prices: dict[str, dict[str, float]] = {}
    for channel, countries in table.items():
        if channel not in CHANNELS:
            raise SettingsError(f'{where}: prices: unknown channel "{channel}"{did_you_mean(channel, CHANNELS)}')
        if not isinstance(countries, dict):
            raise SettingsError(f"{where}: prices.{channel} must be a table of countries, like CN = 0.045")
        prices[channel] = {_country(name, f"{where}: prices.{channel}"): _price(price, where) for name, price in countries.items()}
    return prices


def _country(name: str, where: str) -> str:
    if len(name) != 2 or not name.isascii() or not name.isalpha() or name != name.upper():
        raise SettingsError(f'{where}: "{name}" is not a country of two capital letters, like CN')
    return name


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value < float("inf")


def _price(value: Any, where: str) -> float:
    if not _is_number(value) or not value >= 0:
        raise SettingsError(f"{where}: a price must be a number of 0 or more, got {value!r}")
    number: float = value
    return number


def _price_from_environment(variable: str, text: str, prices: dict[str, dict[str, float]]) -> None:
    channel, _, country = variable.removeprefix(PREFIX).lower().removeprefix("prices_").rpartition("_")
    if channel not in CHANNELS:
        raise SettingsError(f"{variable}: must be {PREFIX}PRICES_, a channel and a country, like {PREFIX}PRICES_SMS_CN")
    try:
        price = float(text)
    except ValueError:
        raise SettingsError(f"{variable}: a price must be a number, got {text!r}") from None
    prices.setdefault(channel, {})[_country(country.upper(), variable)] = _price(price, variable)
