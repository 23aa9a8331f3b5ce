"""Lists: pages until the end, filters passed on."""

import pytest

from tests.webapp.conftest import Ask
from tests.webapp.fake import FakeService
from tests.webapp.requests import BOOK


@pytest.mark.parametrize("address", ["/v1/messages", "/v1/verdicts"])
@pytest.mark.parametrize(("limit", "sizes"), [(None, [100, 100, 50]), (249, [249, 1]), (250, [250]), (1000, [250])])
def test_pages_follow_each_other(ask: Ask, address: str, limit: int | None, sizes: list[int]) -> None:
    """Nothing twice, nothing left out; `next` is null at the end."""
    found, seen, cursor = [], [], None
    while True:
        query = {"limit": limit, "cursor": cursor}
        page = ask("GET", address, query_string={name: value for name, value in query.items() if value is not None}).json
        seen += [item["id"] for item in page["items"]]
        found.append(len(page["items"]))
        cursor = page["next"]
        if cursor is None:
            break

    assert found == sizes
    assert len(set(seen)) == len(seen) == 250


def test_filters_are_passed_on(ask: Ask, service: FakeService) -> None:
    """Only those that were given."""
    ask("GET", "/v1/messages?user=%E5%BC%A0%E4%B8%89&state=queued&event=e1", test=True)

    assert service.calls == [("messages", "test", {"user": "张三", "state": "queued", "event": "e1"})]


def test_versions_in_pages(ask: Ask) -> None:
    """Newest first; the cursor is the last version shown."""
    for number in range(5):
        ask("POST", "/v1/rulebooks", json={"files": BOOK, "note": f"n{number}"})
    found, cursor = [], ""
    while cursor is not None:
        page = ask("GET", f"/v1/rulebooks?limit=2{cursor and '&cursor=' + cursor}").json
        found.append([item["version"] for item in page["items"]])
        cursor = page["next"]

    assert found == [[5, 4], [3, 2], [1]]
