"""Keys, accounts and the audit log: what is made is shown once, what is revoked opens nothing, and everything is noted."""

from __future__ import annotations

import re

import pytest

from tests.console.house import Console

SECRET = re.compile(r'<code class="secret">([^<]+)</code>')


def shown(text: str) -> str:
    found = SECRET.search(text)
    assert found is not None
    return found[1]


def test_a_key_is_shown_once_and_works_until_it_is_revoked(console: Console) -> None:
    admin = console.as_("admin")
    token = shown(admin.post("/settings/keys", {"name": "till", "role": "ingest"}).text)
    headers = {"Authorization": f"Bearer {token}"}

    assert console.app.test_client().get("/v1/events/api/none", headers=headers).status_code == 404
    assert token not in admin.get("/settings/keys").text

    (key,) = console.service.keyring.listed()
    admin.post(f"/settings/keys/{key.id}/revoke")

    assert console.app.test_client().get("/v1/events/api/none", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "form", [{"name": "", "role": "ingest"}, {"name": "x", "role": "king"}, {"name": "x", "role": "qa", "personal": "on"}]
)
def test_what_is_no_key_is_refused(console: Console, form: dict[str, str]) -> None:
    answer = console.as_("admin").post("/settings/keys", form)

    assert answer.status_code == 422
    assert console.service.keyring.listed() == []


def test_a_new_account_signs_in_with_the_password_that_was_shown(console: Console) -> None:
    admin = console.as_("admin")
    password = shown(admin.post("/settings/accounts", {"name": "li", "role": "editor"}).text)

    assert console.service.accounts.sign_in("li", password) is not None

    other = shown(admin.post("/settings/accounts/li/password").text)
    assert console.service.accounts.sign_in("li", password) is None
    assert console.service.accounts.sign_in("li", other) is not None


def test_the_last_admin_stays(console: Console) -> None:
    answer = console.as_("admin").post("/settings/accounts/admin", {"role": "viewer"})

    assert answer.status_code == 422
    assert console.service.accounts.get("admin").role == "admin"  # type: ignore[union-attr]


def test_every_change_is_in_the_log_and_no_secret_is(console: Console) -> None:
    admin = console.as_("admin")
    token = shown(admin.post("/settings/keys", {"name": "till", "role": "ingest"}).text)
    password = shown(admin.post("/settings/accounts", {"name": "li", "role": "editor"}).text)
    console.service.activate(1, "admin")
    text = admin.get("/settings/audit").text

    for what in ("key.create", "account.create", "account.sign_in", "book.publish", "book.activate"):
        assert f"<code>{what}</code>" in text
    assert token not in text
    assert password not in text


def test_the_log_is_read_page_by_page(console: Console) -> None:
    for number in range(60):
        console.service.keyring.create(f"key {number}", "viewer", by="tests")
    admin = console.as_("admin")
    first = admin.get("/settings/audit", what="key.create").text
    following = re.search(r'href="(/settings/audit\?[^"]+)"', first)
    assert following is not None
    second = admin.get(following[1].replace("&amp;", "&")).text

    assert (first.count("<code>key.create</code>"), second.count("<code>key.create</code>")) == (50, 10)


def test_names_are_shown_as_text(console: Console) -> None:
    admin = console.as_("admin")
    text = admin.post("/settings/keys", {"name": "<script>alert(1)</script>", "role": "viewer"}).text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_others_see_providers_only(console: Console) -> None:
    publisher = console.as_("publisher")

    assert "capture" in publisher.get("/settings").text
    assert "/settings/keys" not in publisher.get("/settings").text
    assert publisher.get("/settings/keys").status_code == 403


def test_webhooks_are_listed_without_what_may_be_secret(console: Console) -> None:
    hooks = console.service.webhooks
    hooks.create("live", "https://93.184.216.34/hook?token=hush", ["message.delivered"], "<b>till</b>", "admin")
    stopped = hooks.create("live", "https://93.184.216.34/old", [], "", "admin")
    hooks.change("live", stopped["id"], {"enabled": False}, "admin")
    page = console.as_("viewer").get("/settings").text

    assert "93.184.216.34/hook" in page
    assert "hush" not in page
    assert "&lt;b&gt;till" in page
    assert page.count("已停用") == 1
