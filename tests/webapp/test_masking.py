"""Phone numbers: whole for admin and for a viewer with the flag, masked for everybody else."""

import pytest

from tests.webapp.conforming import OPERATIONS
from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE
from tests.webapp.requests import BEFORE, EVENT, GOOD
from webapp.auth import TABLE
from webapp.masking import masked

# What the caller sent comes back as it was: interfaces.md, "`to` is the full number here, since the input held it".
OWN_INPUT = {"postSimulation", "postComparison", "checkRulebook"}
# What a webhook was told is shown as it was told: masked, whoever looks (docs/decisions/webhooks.md).
MASKED_FOR_ALL = {"listDeliveries", "redeliver", "testWebhook"}


@pytest.mark.parametrize("role", ["ingest", "viewer", "personal", "qa", "editor", "publisher", "admin"])
@pytest.mark.parametrize("operation", sorted(set(TABLE) - OWN_INPUT))
def test_who_sees_numbers(ask: Ask, operation: str, role: str) -> None:
    """In no answer of any operation, wherever the number stands."""
    for before in BEFORE.get(operation, ()):
        ask(OPERATIONS[before].method, GOOD[before][0], json=GOOD[before][1])
    address, body = GOOD[operation]
    more = {} if body is None else {"json": body}
    text = ask(OPERATIONS[operation].method, address, role, **more).text

    if role in ("personal", "admin") and operation not in MASKED_FOR_ALL:
        assert "****" not in text
    else:
        assert PHONE[3:] not in text


@pytest.mark.parametrize(("role", "shown"), [("viewer", "138****8000"), ("personal", PHONE), ("admin", PHONE)])
def test_a_number_is_masked_everywhere(ask: Ask, role: str, shown: str) -> None:
    """In fields, texts, details, raw answers of providers."""
    ask("POST", "/v1/events", json=EVENT)
    trace = ask("GET", "/v1/events/api/e1", role).json

    assert trace["event"]["data"]["phone"] == shown
    assert trace["verdicts"][0]["detail"] == {"phone": shown}
    assert (trace["messages"][0]["to"], trace["messages"][0]["text"]) == (shown, f"您好{shown}")
    assert trace["messages"][0]["attempts"][0]["raw"] == {"to": shown}


def test_a_waiting_post_is_masked(ask: Ask) -> None:
    """For the business system too."""
    assert PHONE[3:] not in ask("POST", "/v1/events?wait=verdicts", "ingest", json=EVENT).text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("13800138000", "138****8000"),
        ("+8613800138000", "138****8000"),
        ("8613800138000", "861****8000"),
        ("打给+14155550123吧", "打给+14****0123吧"),
        ({"13800138000": 1}, {"138****8000": 1}),
        ({"phone": "010-123"}, {"phone": "01****23"}),
        ({"phone": None, "to": "", "city": "上海"}, {"phone": None, "to": "", "city": "上海"}),
        ("2026-06-01T10:00:00+08:00", "2026-06-01T10:00:00+08:00"),
        ("a13800138000f", "a13800138000f"),  # a digest
        ("202606011234567", "202606011234567"),  # an order number
        (13800138000.5, 13800138000.5),
    ],
)
def test_what_looks_like_a_number(value: object, shown: object) -> None:
    """Mainland and E.164; no digests, instants, longer numbers."""
    assert masked(value) == shown
