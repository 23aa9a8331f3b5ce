"""Who may do what: Bearer keys, and one table of operations and roles. Test keys work in an environment of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from webapp.problems import Problem
from webapp.service import Key, Service

ROLES = ("ingest", "viewer", "qa", "editor", "publisher", "admin")

_READERS = frozenset({"viewer", "qa", "editor", "publisher", "admin"})
_ALL = frozenset(ROLES)
_TRIERS = frozenset({"qa", "editor", "publisher", "admin"})  # who tries books out
_OPERATORS = frozenset({"publisher", "admin"})  # who answers for what is live
_SYSTEMS = frozenset({"ingest", "admin"})  # the business systems

# Operation -> roles. An operation that is not here needs no key; a test holds this against the routes.
TABLE: Mapping[str, frozenset[str]] = {
    "postEvent": _SYSTEMS,
    "postEvents": _SYSTEMS,
    "getEvent": _ALL,
    "putUser": _SYSTEMS,
    "postUsers": _SYSTEMS,
    "getUser": _ALL,
    "deleteUser": _SYSTEMS,
    "startVerification": _SYSTEMS,
    "checkVerification": _SYSTEMS,
    "checkVerificationByPhone": _SYSTEMS,
    "listMessages": _READERS,
    "getMessage": _READERS,
    "listVerdicts": _READERS,
    "listSwitches": _READERS,
    "postSwitch": _OPERATORS,
    "postSample": _TRIERS,
    "postCancellation": _SYSTEMS | _OPERATORS,
    "postSimulation": _TRIERS,
    "postComparison": _TRIERS,
    "checkRulebook": _TRIERS,
    "publishRulebook": _OPERATORS,
    "listRulebooks": _READERS,
    "activateRulebook": _OPERATORS,
    "listCampaigns": _READERS,
    "pauseCampaign": _OPERATORS,
    "resumeCampaign": _OPERATORS,
    "stopCampaign": _OPERATORS,
    "listSuppressions": _READERS,
    "postSuppression": _SYSTEMS | _OPERATORS,
    "deleteSuppression": _OPERATORS,
    "listWebhooks": _READERS,
    "postWebhook": _OPERATORS,
    "getWebhook": _READERS,
    "putWebhook": _OPERATORS,
    "deleteWebhook": _OPERATORS,
    "rotateWebhook": _OPERATORS,
    "testWebhook": _OPERATORS,
    "listDeliveries": _READERS,
    "redeliver": _OPERATORS,
    "postClock": frozenset({"qa", "admin"}),
    "getRuleReport": _READERS,
}
# What belongs to both environments, so that a test key must not move it.
LIVE_ONLY = frozenset({"publishRulebook", "activateRulebook"})

_BEARER = re.compile(r"[Bb]earer +([\x21-\x7e]{1,200})\s*")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hongyan"'}


def authenticate(service: Service, header: str | None) -> Key:
    """The key of an Authorization header. The same answer for a missing, a malformed and an unknown one."""
    found = _BEARER.fullmatch(header or "")
    key = service.key(found[1]) if found else None
    if key is None:
        raise Problem("not_authenticated", "send Authorization: Bearer hy_live_… or hy_test_…", headers=_CHALLENGE)
    return key


def authorise(operation: str, key: Key) -> None:
    """Refuse a role that the table does not name."""
    if key.role not in TABLE[operation]:
        raise Problem("wrong_role", f"{key.role} may not; one of {', '.join(role for role in ROLES if role in TABLE[operation])} may")
    if key.test and operation in LIVE_ONLY:
        raise Problem("test_key", "use a live key")


def environment(key: Key) -> str:
    """Where the key works."""
    return "test" if key.test else "live"
