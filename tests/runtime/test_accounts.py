"""Who signs in to the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.runtime.accounts import Accounts
from engine.runtime.clock import TestClock
from engine.runtime.errors import NotFound, ServiceError
from engine.store import audit
from engine.store.store import Store

GOOD = "correct horse"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    accounts = Accounts(store, TestClock(1_000))
    accounts.create("wang", "admin", GOOD, by="test")
    return accounts


def test_only_the_right_name_and_password_sign_in(accounts: Accounts) -> None:
    account = accounts.sign_in(" wang ", GOOD)

    assert account is not None
    assert account.role == "admin"
    assert accounts.sign_in("wang", "wrong horse!") is None
    assert accounts.sign_in("nobody", GOOD) is None


def test_no_password_stands_in_the_database(accounts: Accounts, store: Store) -> None:
    with store.read() as tx:
        everything = repr(tx.connection.exec_driver_sql("SELECT * FROM accounts").all()) + repr(
            tx.connection.exec_driver_sql("SELECT * FROM audit").all()
        )

    assert "wang" in everything
    assert GOOD not in everything


def test_who_is_disabled_does_not_sign_in_and_their_sessions_end(accounts: Accounts) -> None:
    accounts.create("li", "editor", GOOD, by="wang")
    before = accounts.get("li")
    accounts.change("li", "editor", personal=False, disabled=True, by="wang")
    after = accounts.get("li")

    assert before is not None
    assert after is not None
    assert accounts.sign_in("li", GOOD) is None
    assert after.generation > before.generation


def test_a_new_password_ends_sessions(accounts: Accounts) -> None:
    accounts.set_password("wang", "another horse", by="wang")
    account = accounts.sign_in("wang", "another horse")

    assert account is not None
    assert account.generation == 2
    assert accounts.sign_in("wang", GOOD) is None


@pytest.mark.parametrize(("role", "disabled"), [("viewer", False), ("admin", True)])
def test_somebody_stays_admin(accounts: Accounts, role: str, disabled: bool) -> None:
    with pytest.raises(ServiceError, match="admin"):
        accounts.change("wang", role, personal=False, disabled=disabled, by="wang")

    accounts.create("li", "admin", GOOD, by="wang")
    accounts.change("wang", role, personal=False, disabled=disabled, by="li")


@pytest.mark.parametrize(
    ("name", "role", "password", "phone"),
    [
        ("wang", "viewer", GOOD, None),
        ("", "viewer", GOOD, None),
        ("a\nb", "viewer", GOOD, None),
        ("x" * 61, "viewer", GOOD, None),
        ("li", "ingest", GOOD, None),
        ("li", "viewer", "short", None),
        ("li", "viewer", GOOD, "12"),
    ],
)
def test_what_is_no_account_is_refused(accounts: Accounts, name: str, role: str, password: str, phone: str | None) -> None:
    with pytest.raises(ServiceError):
        accounts.create(name, role, password, phone=phone, by="wang")

    assert [one.name for one in accounts.listed()] == ["wang"]


def test_every_change_is_in_the_audit(accounts: Accounts, store: Store) -> None:
    accounts.create("li", "editor", GOOD, phone="13800138000", by="wang")
    accounts.set_phone("li", None, by="li")
    accounts.set_password("li", "another horse", by="li")
    accounts.change("li", "publisher", personal=False, disabled=False, by="wang")
    with store.read() as tx:
        entries = audit.newest(tx, "live").items

    assert [(one.who, one.what) for one in reversed(entries)] == [
        ("test", "account.create"), ("wang", "account.create"), ("li", "account.phone"), ("li", "account.password"),
        ("wang", "account.change"),
    ]  # fmt: skip


def test_nobody_of_that_name(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.set_password("nobody", GOOD, by="wang")
