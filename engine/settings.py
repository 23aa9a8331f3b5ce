"""Every setting in one typed place: `hongyan.toml`, then the environment. Unknown entries are refused.

Entries that belong to the service (interfaces.md, "Settings") may stand in the file; this stage reads only `prices`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.nearest import did_you_mean
from rules.model import CHANNELS

DEFAULT_FILE = "hongyan.toml"
PREFIX = "HONGYAN_"
# Every top-level entry there is, with what it is for; docs/settings.md lists the same.
ENTRIES: Mapping[str, str] = {
    "database": "where events, users, messages and books are kept",
    "broker": "an AMQP address that starts the cluster's hints",
    "secret": "pepper and signing key",
    "clock": "real, or test for a clock that the API moves",
    "retention": "how long events, messages and verdicts are kept",
    "server": "host, port, trusted_proxies",
    "providers": "gateways, each with a name, a kind and its channels",
    "routes": "which providers carry a channel, in order",
    "prices": "the price of one part, per channel and country",
}

Prices = Mapping[str, Mapping[str, float]]


class SettingsError(Exception):
    """Settings that cannot be used: where, and what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings. `file` is the one that was read, None without one."""

    prices: Prices = field(default_factory=dict)  # channel -> ISO 3166 country -> price of one part
    file: Path | None = None

    def price(self, channel: str, country: str) -> float | None:
        """The price of one part, or None where no table says."""
        return self.prices.get(channel, {}).get(country)


def load(environment: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Settings from the file that HONGYAN_SETTINGS names, else from hongyan.toml in `folder` if there is one. Raises SettingsError."""
    named = environment.get("HONGYAN_SETTINGS")
    path = Path(named) if named else (folder or Path()) / DEFAULT_FILE
    entries = _read(path, must_exist=bool(named))
    prices = _prices(entries.get("prices", {}), str(path))
    for variable, value in environment.items():
        if variable.startswith(PREFIX) and variable != "HONGYAN_SETTINGS":
            _from_environment(variable, value, prices)
    return Settings(prices, path if entries or path.is_file() else None)


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{path}: there is no such file (HONGYAN_SETTINGS)") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    try:
        entries = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    for name in entries:
        if name not in ENTRIES:
            raise SettingsError(f'{path}: unknown entry "{name}"{did_you_mean(name, ENTRIES)}')
    return entries


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


def _price(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise SettingsError(f"{where}: a price must be a number of 0 or more, got {value!r}")
    return value


def _from_environment(variable: str, text: str, prices: dict[str, dict[str, float]]) -> None:
    name = variable.removeprefix(PREFIX).lower()
    entry = next((entry for entry in ENTRIES if name == entry or name.startswith(entry + "_")), None)
    if entry is None:
        raise SettingsError(f"{variable}: unknown setting{did_you_mean(name, ENTRIES)}")
    if entry != "prices":
        return
    channel, _, country = name.removeprefix("prices_").rpartition("_")
    if channel not in CHANNELS:
        raise SettingsError(f"{variable}: must be {PREFIX}PRICES_, a channel and a country, like {PREFIX}PRICES_SMS_CN")
    try:
        price = float(text)
    except ValueError:
        raise SettingsError(f"{variable}: a price must be a number, got {text!r}") from None
    prices.setdefault(channel, {})[_country(country.upper(), variable)] = _price(price, variable)
