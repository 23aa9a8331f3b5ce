"""Stories that people keep: found by their links, private or shared, forgotten after a year without a name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.runtime.clock import TestClock
from engine.runtime.errors import NotFound, ServiceError
from engine.runtime.housekeeping import LINKED_STORIES, Housekeeper
from engine.runtime.service import Service
from engine.store.store import Store

BODY = {"users": [], "events": [{"type": "a", "text": "中\u0000\ud800"}]}


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    store = Store(url)
    store.migrate()
    service = Service(store, TestClock(1_000_000), secret=b"secret")
    yield service
    service.close()


def test_a_linked_story_is_everybodys_and_in_nobodys_list(service: Service) -> None:
    """Kept twice it is kept once."""
    service.stories.link("abc", BODY)
    service.stories.link("abc", BODY)

    assert service.stories.get("abc", "wang").body == BODY
    assert service.stories.cases("wang") == []


def test_a_private_case_is_seen_by_its_owner_alone_until_it_is_shared(service: Service) -> None:
    """Saving under the same name replaces one's own, whatever others have."""
    first = service.stories.save("故事", BODY, shared=False, by="wang")
    with pytest.raises(NotFound):
        service.stories.get(first, "li")
    others = service.stories.save("故事", {"users": []}, shared=False, by="li")
    again = service.stories.save("故事", {"events": []}, shared=True, by="wang")

    assert first == again != others
    assert service.stories.get(first, "li").body == {"events": []}
    assert [(one.owner, one.name) for one in service.stories.cases("zhao")] == [("wang", "故事")]


def test_only_its_owner_removes_a_case(service: Service) -> None:
    """Then nobody finds it."""
    kept = service.stories.save("故事", BODY, shared=True, by="wang")
    with pytest.raises(NotFound):
        service.stories.remove(kept, "li")
    service.stories.remove(kept, "wang")

    with pytest.raises(NotFound):
        service.stories.get(kept, "wang")


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb"])
def test_what_is_no_name_is_refused(service: Service, name: str) -> None:
    """Before anything is kept."""
    with pytest.raises(ServiceError):
        service.stories.save(name, BODY, shared=False, by="wang")


def test_links_go_after_a_year_and_cases_stay(service: Service) -> None:
    """A link that is kept again lives on."""
    case = service.stories.save("故事", BODY, shared=False, by="wang")
    for id_ in ("old", "used"):
        service.stories.link(id_, BODY)
    keeper = Housekeeper(service.store, service.clock)
    service.clock.set(service.clock.now() + LINKED_STORIES)
    service.stories.link("used", BODY)
    keeper.step()
    assert service.stories.get("old", "wang")
    service.clock.set(service.clock.now() + 1)
    keeper.step()

    with pytest.raises(NotFound):
        service.stories.get("old", "wang")
    assert service.stories.get("used", "wang")
    assert service.stories.get(case, "wang")
