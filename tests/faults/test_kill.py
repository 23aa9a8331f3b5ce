"""kill -9 at any instant, of all or of a part: what was accepted is decided, once, and nothing is sent twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import rounds
from tests.providers.conftest import Smsc, smsc, smsc_process
from tests.store.conftest import database, postgresql, url

__all__ = ["postgresql", "smsc", "smsc_process", "url"]  # fixtures
pytestmark = pytest.mark.slow
KILLS = 3  # of each test; `python -m tests.faults.run` does more


def test_a_killed_server_loses_nothing_and_decides_nothing_twice(url: str, tmp_path: Path) -> None:
    """Under a load of orders, timers of seconds, broadcasts, codes and receipts."""
    report = rounds.kill_servers(tmp_path, url, KILLS, seed=20261122)

    assert report.messages > KILLS


def test_a_killed_server_sends_nothing_twice_to_an_smsc(smsc: Smsc, tmp_path: Path) -> None:
    """Slow, hung, gone, with receipts early, late, twice or never. By its own log, every submission is an attempt that is known,
    and no receipt that was acknowledged is lost."""
    with database("sqlite", tmp_path, None) as url:
        report = rounds.kill_servers(tmp_path, url, KILLS, seed=20261128, smsc=smsc)

    assert report.messages > KILLS


def test_killed_workers_and_dispatchers_lose_nothing_either(url: str, tmp_path: Path) -> None:
    """They are processes of their own, and whoever takes the events goes on."""
    report = rounds.kill_parts(tmp_path, url, KILLS, seed=20261123)

    assert report.messages > KILLS


def test_several_servers_a_worker_and_a_dispatcher_share_a_database(postgresql: str, smsc: Smsc, tmp_path: Path) -> None:
    """Each takes events, judges and sends what it can; any of them is killed, before the SMSC of the test above."""
    with database("postgresql", tmp_path, postgresql) as url:
        report = rounds.kill_several(tmp_path, url, 2, seed=20261129, smsc=smsc)

    assert report.messages > KILLS


def test_a_killed_campaign_leaves_nobody_out_and_serves_nobody_twice(url: str, tmp_path: Path) -> None:
    """Two broadcasts, each with a second round three seconds later, to more people than one transaction judges."""
    report = rounds.kill_campaigns(tmp_path, url, 2, seed=20261124)

    assert report.messages
