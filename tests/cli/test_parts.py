"""The service put together from the settings does what they say."""

from __future__ import annotations

from pathlib import Path

from cli.parts import opened
from engine.settings import CampaignPace, Settings
from tests.runtime.test_campaigns import BOOK, announce, only, people


def test_the_pace_of_campaigns_is_a_setting(tmp_path: Path) -> None:
    """On the test clock: so many people a second, and nobody more before the next one."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'h.db'}", clock="test", campaigns=CampaignPace(per_second=150))
    with opened(settings) as service:
        service.publish({"book.yaml": BOOK}, "first", "pm")
        service.put_users("live", people(600))  # more than are judged at once without a campaign
        announce(service)
        looked = []
        for _ in range(4):
            service.settle()
            looked.append(only(service)["counts"]["looked"])
            service.advance_clock(1_000_000)

    assert looked == [150, 300, 450, 600]
