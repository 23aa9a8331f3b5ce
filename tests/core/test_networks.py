"""Block lists of networks: what is one, and what lies in it."""

from __future__ import annotations

import time
from ipaddress import ip_network
from random import Random

import pytest

from engine.core.networks import Networks, parse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.7/32"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", None),
        ("10.0.0.0/7", None),
        ("::/0", None),
        ("203.0.113.0/33", None),
        ("203.0.113", None),
        ("host", None),
        ("", None),
    ],
)
def test_a_network_as_it_is_kept(text: str, shown: str | None) -> None:
    """Canonical, and never so wide that a slip locks everybody out."""
    network = parse(text)

    assert (None if network is None else str(network)) == shown


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("203.0.113.0", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("203.0.114.0", None),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("2001:db8::9", "2001:db8::/48"),
        ("2001:db9::9", None),
        ("203.0.113", None),
        (None, None),
        (5, None),
        (["203.0.113.1"], None),
    ],
)
def test_an_address_lies_in_the_widest(ip: object, expected: str | None) -> None:
    blocked = Networks(["203.0.113.0/24", "2001:db8::/48", "10.0.0.0/8", "10.1.2.0/24", "nonsense"])

    assert blocked.holding(ip) == expected
    assert len(blocked) == 4
    assert not Networks()
    assert Networks().holding(ip) is None


def test_a_long_list_is_looked_up_as_fast_as_a_short_one() -> None:
    """By the lengths of the prefixes, not by the networks."""
    chance = Random(1)
    many = [f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.0/24" for _ in range(20_000)]
    blocked = Networks(many)
    begun = time.process_time()
    for number in range(2_000):
        blocked.holding(f"203.0.{number % 256}.7")

    assert blocked.holding(str(ip_network(many[77])[9])) == many[77]
    assert time.process_time() - begun < 1.0  # 20,000 comparisons each would take minutes
