"""Holdouts and variants: the share of a user, worked out again from the digest."""

import hashlib
import json
from pathlib import Path

import pytest

from . import cases
from .conftest import Hongyan

USERS = {f"user-{n}": f"+86138001{n:05d}" for n in range(120)}
PHONES = [f"+86139001{n:05d}" for n in range(60)]


def share(what: str, rule: str, user: str) -> float:
    """The first 8 bytes of the digest, big-endian, over 2^64."""
    return int.from_bytes(hashlib.sha256(f"{what}|{rule}|{user}".encode()).digest()[:8], "big") / 2**64


def run(hongyan: Hongyan, folder: Path, book: str, events: list[dict]) -> list[dict]:
    """The lines of a run over these events."""
    result = hongyan(*cases.arguments({"id": "shares", "fact": "", "book": book, "users": USERS, "events": events, "lines": []}, folder))
    assert result.returncode == 0, result.stderr
    return cases.parse(result.stdout)


@pytest.mark.parametrize("percent", [10, 50, 2.5, 0, 100])
def test_a_holdout_is_a_stable_share_of_users(percent: float, hongyan: Hongyan, tmp_path: Path) -> None:
    """`holdout: 10%` - by SHA-256 of `holdout|rule|user`, gets nothing and is counted."""
    book = f"rules:\n  calm-rule: {{on: made, holdout: {percent}%, send: {{type: notification, sms: 好}}}}\n"
    expected = {user: "holdout" if share("holdout", "calm-rule", user) < percent / 100 else "ok" for user in USERS}

    got = run(hongyan, tmp_path, book, [{"at": "+0s", "type": "made", "user": user} for user in USERS])

    assert {line["user"]: line["reason"] for line in got if line["kind"] == "verdict"} == expected
    assert {line["user"] for line in got if line["kind"] == "message"} == {user for user, reason in expected.items() if reason == "ok"}


def test_the_phone_is_the_key_of_somebody_who_is_only_a_phone(hongyan: Hongyan, tmp_path: Path) -> None:
    """For a person who is only a phone, the phone is the key of holdout and variants."""
    book = """
rules:
  r:
    on: made
    holdout: 30%
    variants: {b: {weight: 1, template: y}, a: {weight: 1, template: x}}
    send: {type: notification, channel: sms}
templates: {x: {sms: 甲}, y: {sms: 乙}}
"""
    expected = {
        phone: None if share("holdout", "r", phone) < 0.3 else "a" if share("variant", "r", phone) < 0.5 else "b" for phone in PHONES
    }

    got = run(hongyan, tmp_path, book, [{"at": f"+{n}s", "type": "made", "user": {"phone": phone}} for n, phone in enumerate(PHONES)])

    messages = {line["to"]: line["variant"] for line in got if line["kind"] == "message"}
    assert {phone: messages.get(phone) for phone in PHONES} == expected


def test_variants_are_laid_out_in_order_of_name(hongyan: Hongyan, tmp_path: Path) -> None:
    """stable split by SHA-256 of `variant|rule|user`; variants are laid out in order of name."""
    book = """
rules:
  r:
    on: made
    variants: {zeta: {weight: 20, template: z}, alpha: {weight: 50, template: x}, mid: {weight: 30, template: y}}
    send: {type: notification, channel: sms}
templates: {x: {sms: 甲}, y: {sms: 乙}, z: {sms: 丙}}
"""
    parts = (("alpha", 0.5, "甲"), ("mid", 0.8, "乙"), ("zeta", 1.0, "丙"))
    expected = {user: next((name, text) for name, end, text in parts if share("variant", "r", user) < end) for user in USERS}

    got = run(hongyan, tmp_path, book, [{"at": "+0s", "type": "made", "user": user} for user in USERS])

    assert {line["user"]: (line["variant"], line["text"]) for line in got if line["kind"] == "message"} == expected


def test_a_share_is_of_the_recipient(hongyan: Hongyan, tmp_path: Path) -> None:
    """Zone, consent, holdout, caps and texts are the recipient's."""
    book = "rules:\n  r: {on: made, holdout: 40%, send: {type: notification, sms: 好, to: {user: event.who}}}\n"
    expected = {user: "holdout" if share("holdout", "r", user) < 0.4 else "ok" for user in USERS}

    got = run(hongyan, tmp_path, book, [{"at": "+0s", "type": "made", "user": "user-0", "data": {"who": user}} for user in USERS])

    assert {line["user"]: line["reason"] for line in got if line["kind"] == "verdict"} == expected


def test_the_name_of_the_rule_matters(hongyan: Hongyan, tmp_path: Path) -> None:
    """Another rule holds out others."""
    rules = {name: {"on": "made", "holdout": "50%", "send": {"type": "notification", "sms": f"好{name}"}} for name in ("one", "two")}
    expected = {(name, user): share("holdout", name, user) < 0.5 for name in rules for user in USERS}

    got = run(hongyan, tmp_path, json.dumps({"rules": rules}), [{"at": "+0s", "type": "made", "user": user} for user in USERS])

    assert {(v["rule"], v["user"]): v["reason"] == "holdout" for v in got if v["kind"] == "verdict"} == expected
