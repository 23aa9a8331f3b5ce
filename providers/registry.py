"""Which kinds of providers there are, and how one is made of its table in `hongyan.toml`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.capture import CaptureProvider, CaptureSettings
from providers.console import ConsoleProvider
from providers.contract import Provider, Sinks
from providers.settings import CommonSettings, ProviderSettingsError, did_you_mean, read
from providers.smpp import SmppProvider, SmppSettings
from providers.webhook import WebhookProvider, WebhookSettings


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is set up, and the channels that it is able to carry (None: any)."""

    settings: type[CommonSettings]
    factory: Callable[[Any, Sinks], Provider]
    channels: frozenset[str] | None


KINDS: Mapping[str, Kind] = {
    "capture": Kind(CaptureSettings, CaptureProvider, None),
    "console": Kind(CommonSettings, ConsoleProvider, None),
    "smpp": Kind(SmppSettings, SmppProvider, frozenset({"sms"})),
    "webhook": Kind(WebhookSettings, WebhookProvider, frozenset({"webhook"})),
}


def make(table: Mapping[str, Any], sinks: Sinks, environment: Mapping[str, str] = os.environ) -> Provider:
    """The provider that a table describes; nothing is connected before `open` or `submit`. Raises ProviderSettingsError."""
    where = f'provider "{table.get("name", "?")}"'
    if "kind" not in table:
        raise ProviderSettingsError(f'{where}: "kind" is missing: one of {", ".join(KINDS)}')
    kind = KINDS.get(table["kind"]) if isinstance(table["kind"], str) else None
    if kind is None:
        hint = did_you_mean(table["kind"], KINDS) or f"; there are {', '.join(KINDS)}"
        raise ProviderSettingsError(f'{where}: unknown kind "{table["kind"]}"{hint}')
    settings = read(kind.settings, table, environment)
    for channel in settings.channels:
        if kind.channels is not None and channel not in kind.channels:
            raise ProviderSettingsError(f"{where}: {settings.kind} carries {', '.join(sorted(kind.channels))}, not {channel}")
    return kind.factory(settings, sinks)
