"""Lengths of texts: parts by country, and the limit of 500 characters."""

from pathlib import Path

import pytest

from . import cases
from .conftest import Hongyan

MAINLAND, ABROAD = "+8613800138001", "+12025550123"

PARTS = [
    # mainland: every UTF-16 unit counts 1, up to 70 in one part, else ceil(n/67)
    (MAINLAND, "好" * 70, 1),
    (MAINLAND, "好" * 71, 2),
    (MAINLAND, "好" * 134, 2),
    (MAINLAND, "好" * 135, 3),
    (MAINLAND, "a" * 70, 1),
    (MAINLAND, "a" * 71, 2),
    (MAINLAND, "😀" * 35, 1),
    (MAINLAND, "😀" * 35 + "好", 2),
    (MAINLAND, "好" * 66 + "😀" + "好" * 66, 2),
    (MAINLAND, "好" * 500, 8),
    # elsewhere: GSM-7 160/153, extension characters count 2
    (ABROAD, "a" * 160, 1),
    (ABROAD, "a" * 161, 2),
    (ABROAD, "a" * 306, 2),
    (ABROAD, "a" * 307, 3),
    (ABROAD, "€" * 80, 1),
    (ABROAD, "€" * 80 + "a", 2),
    (ABROAD, "é" * 160, 1),
    (ABROAD, "[" * 80, 1),
    (ABROAD, "[" * 80 + "a", 2),
    # or UCS-2 70/67, never cutting a surrogate pair
    (ABROAD, "好" * 70, 1),
    (ABROAD, "好" * 71, 2),
    (ABROAD, "好" * 134, 2),
    (ABROAD, "好" * 135, 3),
    (ABROAD, "a" * 70 + "好", 2),
    (ABROAD, "好" * 66 + "😀" + "好" * 65, 2),
    (ABROAD, "好" * 66 + "😀" + "好" * 66, 3),
]


def run(hongyan: Hongyan, folder: Path, phone: str, text: str, signature: str = "") -> list[dict]:
    """The lines about one text to one number."""
    book = f"book: {{id: t, name: 试, timezone: Asia/Shanghai, locale: zh_CN{', signature: ' + signature if signature else ''}}}\n"
    book += 'rules:\n  r: {on: made, send: {type: notification, sms: "{{ event.s }}"}}\n'
    events = [{"at": "+0s", "type": "made", "data": {"s": text}}]
    case = {"id": "length", "fact": "", "book": book, "users": {"u1": phone}, "events": events, "lines": []}
    result = hongyan(*cases.arguments(case, folder))
    assert result.returncode == 0, result.stderr
    return cases.parse(result.stdout)


@pytest.mark.parametrize(("phone", "text", "parts"), PARTS, ids=[f"{p[:3]}-{len(t)}-{t[0]}{t[-1]}-{n}" for p, t, n in PARTS])
def test_parts(phone: str, text: str, parts: int, hongyan: Hongyan, tmp_path: Path) -> None:
    """`parts` by the rules of the network that carries it."""
    got = run(hongyan, tmp_path, phone, text)

    assert [(line["text"], line["parts"]) for line in got if line["kind"] == "message"] == [(text, parts)]


LIMITS = [(500, "", "ok"), (501, "", "template_error"), (495, "秒信通", "ok"), (496, "秒信通", "template_error")]


@pytest.mark.parametrize(("length", "signature", "outcome"), LIMITS)
def test_over_five_hundred_characters(length: int, signature: str, outcome: str, hongyan: Hongyan, tmp_path: Path) -> None:
    """Over 500 characters: `template_error`; the signature counts in the length."""
    got = run(hongyan, tmp_path, MAINLAND, "好" * length, signature)

    assert [line["reason"] for line in got if line["kind"] == "verdict"] == [outcome]
    assert sum(line["kind"] == "message" for line in got) == (outcome == "ok")


def test_the_signature_counts_in_the_parts(hongyan: Hongyan, tmp_path: Path) -> None:
    """every sms text to a mainland number starts with 【秒信通】, and it counts in the length"""
    (message,) = (line for line in run(hongyan, tmp_path, MAINLAND, "好" * 66, "秒信通") if line["kind"] == "message")

    assert (message["text"], message["parts"]) == ("【秒信通】" + "好" * 66, 2)
