"""Who may do what: every operation, every role."""

import pytest

from tests.webapp.conforming import OPERATIONS
from tests.webapp.conftest import Ask
from tests.webapp.requests import BEFORE, GOOD
from webapp.auth import LIVE_ONLY, ROLES, TABLE

# Beside webapp.auth.TABLE, so that a slip there is seen here: i(ngest) v(iewer) q(a) e(ditor) p(ublisher) a(dmin).
ALLOWED = {
    "postEvent": "i    a", "postEvents": "i    a", "getEvent": "ivqepa",
    "putUser": "i    a", "postUsers": "i    a", "getUser": "ivqepa", "deleteUser": "i    a",
    "startVerification": "i    a", "checkVerification": "i    a", "checkVerificationByPhone": "i    a",
    "listMessages": " vqepa", "getMessage": " vqepa", "listVerdicts": " vqepa",
    "listSwitches": " vqepa", "postSwitch": "    pa", "postSample": "  qepa", "postCancellation": "i   pa",
    "postSimulation": "  qepa", "postComparison": "  qepa",
    "checkRulebook": "  qepa", "publishRulebook": "    pa", "listRulebooks": " vqepa", "activateRulebook": "    pa",
    "listCampaigns": " vqepa", "pauseCampaign": "    pa", "resumeCampaign": "    pa", "stopCampaign": "    pa",
    "listSuppressions": " vqepa", "postSuppression": "i   pa", "deleteSuppression": "    pa",
    "listWebhooks": " vqepa", "postWebhook": "    pa", "getWebhook": " vqepa", "putWebhook": "    pa", "deleteWebhook": "    pa",
    "rotateWebhook": "    pa", "testWebhook": "    pa", "listDeliveries": " vqepa", "redeliver": "    pa",
    "postClock": "  q  a", "getRuleReport": " vqepa",
}  # fmt: skip
OPEN = {"healthz", "readyz", "metrics", "getOpenapi", "receiveReceipts", "receiveInbound"}


def send(ask: Ask, operation: str, role: str | None, test: bool = False) -> int:
    address, body = GOOD[operation]
    more = {} if body is None else {"json": body}
    return ask(OPERATIONS[operation].method, address, role, test=test, **more).status_code


def test_every_operation_is_in_the_table_or_open() -> None:
    """No route is forgotten, none that is gone is kept."""
    assert set(TABLE) == set(ALLOWED)
    assert set(OPERATIONS) == set(TABLE) | OPEN
    assert set(GOOD) == set(OPERATIONS)


@pytest.mark.parametrize("operation", ALLOWED)
@pytest.mark.parametrize(("place", "role"), list(enumerate(ROLES)))
def test_a_role_may_or_may_not(ask: Ask, operation: str, place: int, role: str) -> None:
    """As the table says."""
    may = ALLOWED[operation][place] != " "
    for before in BEFORE.get(operation, ()):
        send(ask, before, "admin")

    assert send(ask, operation, role) == (min(OPERATIONS[operation].answers) if may else 403)


@pytest.mark.parametrize("operation", ALLOWED)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer hy_live_nobody", "Bearer hy_live_ö", "hy_live_admin"]
)
def test_no_key_no_answer(ask: Ask, operation: str, header: str | None) -> None:
    """A missing, a malformed and an unknown key get the same answer."""
    address, body = GOOD[operation]
    headers = {} if header is None else {"Authorization": header}

    response = ask(OPERATIONS[operation].method, address, None, json=body, headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json == ask("GET", "/v1/messages", None).json


@pytest.mark.parametrize("operation", sorted(OPEN))
def test_open_operations_need_no_key(ask: Ask, operation: str) -> None:
    """Health, metrics, the document, and providers, who prove themselves otherwise."""
    assert send(ask, operation, None) == 200


@pytest.mark.parametrize("operation", sorted(LIVE_ONLY))
def test_a_test_key_moves_nothing_live(ask: Ask, operation: str) -> None:
    """Books belong to both environments."""
    assert send(ask, operation, "admin", test=True) == 403


def test_a_test_key_has_an_environment_of_its_own(ask: Ask) -> None:
    """What it posts is not there for a live key."""
    send(ask, "postEvent", "ingest", test=True)

    assert send(ask, "getEvent", "viewer", test=True) == 200
    assert send(ask, "getEvent", "viewer") == 404
