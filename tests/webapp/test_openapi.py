"""The document: valid, complete, and true (every other test holds answers against it)."""

import re

from openapi_spec_validator import validate

from tests.webapp.conforming import DOCUMENT, OPERATIONS
from tests.webapp.conftest import Ask
from tests.webapp.fake import FakeService
from webapp.app import create_app
from webapp.checking import validator
from webapp.problems import CODES
from webapp.schemas import COMPONENTS


def test_it_is_valid() -> None:
    """OpenAPI 3.1."""
    validate(DOCUMENT)

    assert DOCUMENT["openapi"] == "3.1.0"


def test_it_is_served_as_it_is(ask: Ask) -> None:
    """Without a key."""
    assert ask("GET", "/v1/openapi.json", None).json == DOCUMENT


def test_every_route_is_in_it() -> None:
    """And nothing else is."""
    rules = create_app(FakeService()).url_map.iter_rules()
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower()) for rule in rules for method in rule.methods or () if method != "HEAD"
    }

    assert routes == {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_every_component_is_used_and_compiles() -> None:
    """No shape is left over."""
    text = str(DOCUMENT)
    for name, schema in COMPONENTS.items():
        validator(schema)
        assert f"#/components/schemas/{name}'" in text


def test_every_parameter_of_a_path_is_declared() -> None:
    """With the same name."""
    for operation in OPERATIONS.values():
        assert re.findall(r"\{(\w+)\}", operation.path) == [one.name for one in operation.parameters if one.place == "path"]


def test_problems_are_documented_by_status() -> None:
    """Every code of an operation stands at its status."""
    responses = DOCUMENT["paths"]["/v1/rulebooks"]["post"]["responses"]

    assert {"201", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503"} == set(responses)
    assert all(f"`{code}`" in responses[str(CODES[code][0])]["description"] for code in ("conflict", "rulebook_refused", "test_key"))


def test_what_a_service_cannot_do_is_not_offered() -> None:
    """Neither as a route nor in the document."""

    class Small(FakeService):
        @property
        def report(self) -> object:  # type: ignore[override]
            raise AttributeError

    client = create_app(Small()).test_client()

    assert client.get("/v1/reports/rules", headers={"Authorization": "Bearer hy_live_admin"}).json["code"] == "no_route"
    assert "/v1/reports/rules" not in client.get("/v1/openapi.json").json["paths"]
