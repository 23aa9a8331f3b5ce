"""Settings of providers: what is wrong is named. Tables that must agree do, and the docs have all of it."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.core import phones
from providers.capture import MAGIC
from providers.codes import NETWORK_CODES, STATES, network_reason, read_state
from providers.contract import Reason, ReceiptStatus, Sinks, Submission
from providers.masking import mask, mask_text
from providers.registry import KINDS, make
from providers.settings import ProviderSettingsError
from providers.smpp import codes as smpp_codes
from providers.smpp.wire import status_name
from rules.model import CHANNELS

SINKS = Sinks(lambda receipts: None, lambda inbound: None)
DOC = (Path(__file__).parents[2] / "docs" / "providers.md").read_text("utf-8")
SMPP = {"name": "smsc", "kind": "smpp", "channels": ["sms"], "host": "127.0.0.1", "system_id": "hongyan"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, '"?": "kind" is missing: one of capture'),
        ({"name": "x", "kind": "smmp"}, 'unknown kind "smmp"; did you mean "smpp"?'),
        ({"name": "x", "kind": "pigeon"}, 'unknown kind "pigeon"; there are capture, console, smpp, webhook'),
        ({"name": "x", "kind": ["smpp"]}, "unknown kind"),
        ({"kind": "capture", "channels": ["sms"]}, '"name" is missing: what routes'),
        ({"name": "x", "kind": "capture"}, '"channels" is missing'),
        ({**SMPP, "pasword": "x"}, 'provider "smsc": unknown field "pasword"; did you mean "password"?'),
        ({**SMPP, "host": ""}, "host must be a text"),
        ({**SMPP, "host": 5}, "host must be a text"),
        ({**SMPP, "port": "high"}, "port must be a whole number of at least 1"),
        ({**SMPP, "port": 0}, "port must be a whole number of at least 1"),
        ({**SMPP, "port": True}, "port must be a whole number"),
        ({**SMPP, "window": 1.5}, "window must be a whole number"),
        ({**SMPP, "per_second": float("nan")}, "per_second must be a number"),
        ({**SMPP, "channels": []}, "channels must be a list of texts"),
        ({**SMPP, "channels": "sms"}, "channels must be a list of texts"),
        ({**SMPP, "channels": ["email"]}, "smpp carries sms, not email"),
        ({**SMPP, "password": "hunter2-long"}, "password must be at most 8 ASCII characters"),
        ({**SMPP, "alphabet": "ucs-2"}, 'alphabet must be one of auto, gsm7, ucs2; did you mean "ucs2"?'),
        ({**SMPP, "password": {"env": "NOT_THERE"}}, "password: the environment has no NOT_THERE"),
        ({**SMPP, "password": {"file": "x"}}, 'password must be a value, or {env = "NAME"}'),
    ],
)
def test_settings_that_cannot_be_used_are_named(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ProviderSettingsError) as error:
        make(table, SINKS, {})

    assert says in str(error.value)
    assert "hunter2" not in str(error.value)


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    """Numbers may, too."""
    provider: Any = make({**SMPP, "password": {"env": "P"}, "port": {"env": "Q"}, "per_second": 200}, SINKS, {"P": "s3cret", "Q": "2776"})

    settings = provider._settings
    assert (settings.password, settings.port, settings.per_second, settings.window) == ("s3cret", 2776, 200.0, 32)
    assert "s3cret" not in repr(settings)


def test_nothing_is_connected_before_it_is_asked_for() -> None:
    assert make(SMPP, SINKS, {}).health().detail == "not connected yet"


def test_the_channels_exist() -> None:
    """Providers do not import the rules; the names must agree all the same."""
    for kind in KINDS.values():
        assert kind.channels is None or kind.channels <= set(CHANNELS)


@pytest.mark.parametrize("shown", ["+8613800138000", "+14155550100", "1234567", "张三", "anna@example.com", "1", ""])
def test_masks_as_the_engine_does(shown: str) -> None:
    assert mask(shown) == phones.mask(shown)


def test_masks_digits_in_texts() -> None:
    assert mask_text("码839201，尾号123，13800138000") == "码******，尾号123，******"


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Submission(id="m1", to="x", channel="sms", send_until=datetime(2026, 6, 1))


@pytest.mark.parametrize("code", ["MK:0001", "mk0001", "MK-0001", "MK 0001"])
def test_a_networks_code_however_it_is_written(code: str) -> None:
    assert network_reason(code) is Reason.DEAD_NUMBER


@pytest.mark.parametrize("state", [*STATES, *NETWORK_CODES, "", "?", "NEW"])
def test_every_state_has_a_defined_result(state: str) -> None:
    """Delivered and accepted have no reason; everything else has one."""
    status, reason, _ = read_state(state)

    assert (reason is None) == (status in (ReceiptStatus.DELIVERED, ReceiptStatus.ACCEPTED))


def test_a_delivered_message_is_delivered_whatever_the_network_adds() -> None:
    assert read_state("DELIVRD", "MK:0001") == (ReceiptStatus.DELIVERED, None, "DELIVRD")


def test_every_status_in_the_table_is_one_of_smpp() -> None:
    """A misspelt name would never be found."""
    known = {status_name(status) for status in range(0x100)}

    assert set(smpp_codes.STATUSES) <= known


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence.endswith(".") for reason in Reason)
    assert Reason("throttled") is Reason.THROTTLED  # type: ignore[call-arg]
    assert f"{Reason.THROTTLED}" == "throttled"


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_docs_have_every_setting(kind: str) -> None:
    """In the kind's own section, or in that of all of them, with its default."""
    section = re.split(r"^## ", DOC, flags=re.MULTILINE)
    own = next(part for part in section if part.startswith(f"{kind}\n"))
    common = next(part for part in section if part.startswith("Settings\n"))
    for field in dataclasses.fields(KINDS[kind].settings):
        row = re.search(rf"^\| `{field.name}` \|([^|]*)\|([^|]*)\|$", own + common, re.MULTILINE)
        assert row, field.name
        default = row[1].strip()
        if field.default is dataclasses.MISSING:
            assert default == "must be given"
        elif field.default not in (None, ""):
            assert default.strip("`") == str(field.default).lower()
        assert row[2].strip() == field.metadata["about"]


def test_the_docs_have_every_reason_and_magic_number() -> None:
    for reason in Reason:
        assert f"| `{reason}` | {reason.sentence} |" in DOC
    for digits, fate in MAGIC.items():
        assert f"| `+86 199 0000 {digits}` | {fate.about} |" in DOC
