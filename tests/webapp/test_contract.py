"""schemathesis over the whole API, in this process: no 5xx, no answer outside the document, with a key of every role and without one."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.webapp.fake import FakeService
from tests.webapp.requests import BOOK, EVENT
from webapp.api.common import LINES_TYPES
from webapp.app import create_app
from webapp.auth import ROLES
from webapp.limits import Quota

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@schemathesis.serializer(*LINES_TYPES)
def lines(_: Any, value: Any) -> bytes:
    """Lines go as they are."""
    return str(value).encode("utf-8", "surrogatepass")


def filled() -> FakeService:
    """A service with something in it, and no quota in the way."""
    service = FakeService()
    service.accept("live", [EVENT])
    service.put_users("live", [{"id": "u1"}])
    service.publish(BOOK, "n", "a")
    return service


APP = create_app(filled(), quotas={role: Quota(1e6, 1_000_000) for role in ROLES})
SCHEMA = schemathesis.openapi.from_wsgi("/v1/openapi.json", APP)
MODEST = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@SCHEMA.parametrize()
@MODEST
def test_answers_are_as_documented_for_admin(case: Any) -> None:
    """Generated requests, good and bad."""
    ask(case, "admin")


@pytest.mark.parametrize("role", [*ROLES[:-1], None])
def test_answers_are_as_documented_for_every_role(role: str | None) -> None:
    """Fewer requests of each operation."""
    for found in SCHEMA.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(MODEST, max_examples=3)
        def once(case: Any) -> None:
            ask(case, role)

        once()


def ask(case: Any, role: str | None) -> None:
    headers = {"Authorization": f"Bearer hy_live_{role}"} if role is not None else {}
    case.call_and_validate(headers=headers, checks=CHECKS)
