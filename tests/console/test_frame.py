"""Who gets in, what they may open, and what a page may never do."""

from __future__ import annotations

import re

import pytest

from tests.console.house import PASSWORD, ROLES, Console, Person
from webapp.console import roles
from webapp.console.frame import TRIES


def endpoints(console: Console) -> set[str]:
    pages = {blueprint for blueprint in console.app.blueprints if f"{blueprint}.show" in console.app.view_functions} | {"home"}
    return {rule.endpoint for rule in console.app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in pages}


def test_every_address_of_the_console_stands_in_the_table_of_roles(console: Console) -> None:
    assert endpoints(console) == set(roles.TABLE) | roles.OPEN


def test_nobody_sees_anything_before_they_sign_in(console: Console) -> None:
    """Of every address, whatever the method."""
    client = console.app.test_client()
    answers = {}
    for rule in console.app.url_map.iter_rules():
        if rule.endpoint in roles.TABLE:
            address = re.sub(r"<[^>]+>", "1", rule.rule)
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            answer = client.open(address, method=method)
            answers[rule.endpoint] = (answer.status_code, answer.headers.get("Location", "").partition("?")[0])

    assert set(answers.values()) == {(303, "/signin")}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not_open_is_refused(console: Console, role: str) -> None:
    person = console.as_(role)
    refused = set()
    for rule in console.app.url_map.iter_rules():
        if rule.endpoint in roles.TABLE and not roles.may(role, rule.endpoint):
            address = re.sub(r"<[^>]+>", "1", rule.rule)
            answer = person.post(address) if "POST" in (rule.methods or ()) else person.get(address)
            refused.add((rule.endpoint, answer.status_code))

    assert {status for _, status in refused} <= {403}


def test_a_forged_request_is_refused(console: Console) -> None:
    person = console.as_("admin")
    answer = person.client.post("/me/phone", data={"phone": "13800138000"})

    assert answer.status_code == 400
    assert console.service.accounts.get("admin").phone is None  # type: ignore[union-attr]


def test_wrong_passwords_are_few_and_say_nothing(console: Console) -> None:
    client = console.app.test_client()
    token = re.search(r'csrf-token" content="([^"]+)"', client.get("/signin").text)[1]  # type: ignore[index]
    tried = [
        client.post("/signin", data={"name": name, "password": "wrong horse", "csrf_token": token})
        for name in ("admin", "nobody") * (TRIES["network"].burst // 2)
    ]
    last = client.post("/signin", data={"name": "admin", "password": PASSWORD, "csrf_token": token})
    told = {re.sub(r'value="[^"]*"|content="[^"]*"|nonce="[^"]*"', "", answer.text) for answer in tried}

    assert {answer.status_code for answer in tried} == {401}
    assert len(told) == 1
    assert last.status_code == 429


def test_after_signing_in_one_stays_in_this_console(console: Console) -> None:
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        client = console.app.test_client()
        token = re.search(r'csrf-token" content="([^"]+)"', client.get("/signin").text)[1]  # type: ignore[index]
        answer = client.post("/signin", data={"name": "qa", "password": PASSWORD, "csrf_token": token, "next": wanted})

        assert answer.headers["Location"] == "/"


def test_a_session_ends_with_the_account(console: Console) -> None:
    person = Person(console.app, "editor")
    console.service.accounts.change("editor", "editor", personal=False, disabled=True, by="admin")

    assert person.get("/editor").status_code == 303


def test_headers_of_every_page(console: Console) -> None:
    answer = console.as_("viewer").get("/live")
    policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "hongyan=" not in answer.headers.get("Set-Cookie", "") or "HttpOnly" in answer.headers["Set-Cookie"]


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(console: Console) -> None:
    person = console.as_("viewer")

    assert "没有这个页面" in person.get("/nothing").text
    assert person.get("/v1/nothing").json["code"] == "no_route"  # type: ignore[index]


def test_a_password_is_changed_by_who_knows_the_old_one(console: Console) -> None:
    person = Person(console.app, "qa")

    assert person.post("/me/password", {"old": "wrong", "new": "another horse"}).status_code == 422
    assert person.post("/me/password", {"old": PASSWORD, "new": "short"}).status_code == 422
    assert person.post("/me/password", {"old": PASSWORD, "new": "another horse"}).status_code == 303
    assert person.get("/live").status_code == 200
    assert console.service.accounts.sign_in("qa", "another horse") is not None
