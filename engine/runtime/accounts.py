"""Accounts of the console: who signs in, with which role. Every change is in the audit log, with the name of who made it."""

from __future__ import annotations

import secrets

from werkzeug.security import check_password_hash, generate_password_hash

from engine.core.phones import normalise
from engine.runtime.clock import Clock
from engine.runtime.errors import NotFound, ServiceError
from engine.store import accounts, audit
from engine.store.accounts import Account
from engine.store.store import Store, Tx

# What people may be. The key role `ingest` is for programs only.
ROLES = ("viewer", "qa", "editor", "publisher", "admin")
SHORTEST_PASSWORD = 10  # characters
LONGEST_NAME = 60  # characters
# Checked when there is no such account, so that the answer takes as long.
_NOBODY = generate_password_hash(secrets.token_urlsafe(16))


class Accounts:
    """The people of one installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, role: str, password: str, *, personal: bool = False, phone: str | None = None, by: str) -> None:
        """A new account. Raises ServiceError for a name that is taken or none, an unknown role, a short password, a wrong number."""
        name = name.strip()
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise ServiceError(f"a name has 1 to {LONGEST_NAME} printable characters")
        account = Account(name, _role(role), personal, _phone(phone), _hash(password), 1, self._clock.now())
        with self._store.write() as tx:
            if accounts.get(tx, name) is not None:
                raise ServiceError(f"there is an account {name} already")
            accounts.add(tx, account)
            self._note(tx, by, "account.create", account=name, role=role, personal=personal)

    def sign_in(self, name: str, password: str) -> Account | None:
        """The account, if the password is right and the account is not disabled. Takes as long for a name that nobody has."""
        account = self.get(name.strip())
        right = check_password_hash(account.hash if account is not None else _NOBODY, password)
        return account if right and account is not None and account.disabled is None else None

    def get(self, name: str) -> Account | None:
        """The account of this name, disabled or not."""
        with self._store.read() as tx:
            return accounts.get(tx, name)

    def listed(self) -> list[Account]:
        """Every account, in order of name."""
        with self._store.read() as tx:
            return accounts.listed(tx)

    def change(self, name: str, role: str, *, personal: bool, disabled: bool, by: str) -> None:
        """Another role, or an end to it. Sessions of the account are over. Raises NotFound, and ServiceError for the last admin."""
        with self._store.write() as tx:
            old = self._found(tx, name)
            loses_admin = old.role == "admin" and old.disabled is None and (disabled or role != "admin")
            if loses_admin and not any(one.role == "admin" and one.disabled is None and one.name != name for one in accounts.listed(tx)):
                raise ServiceError("somebody must stay admin")
            since = (old.disabled or self._clock.now()) if disabled else None
            accounts.change(tx, name, role=_role(role), personal=personal, disabled=since, generation=old.generation + 1)
            self._note(tx, by, "account.change", account=name, role=role, personal=personal, disabled=disabled)

    def set_phone(self, name: str, phone: str | None, *, by: str) -> None:
        """The number to which the account's samples go. Raises NotFound, and ServiceError for what is no number."""
        with self._store.write() as tx:
            self._found(tx, name)
            accounts.change(tx, name, phone=_phone(phone))
            self._note(tx, by, "account.phone", account=name)

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """A new password; sessions of the account are over. Raises NotFound, and ServiceError for a short one."""
        hash = _hash(password)
        with self._store.write() as tx:
            old = self._found(tx, name)
            accounts.change(tx, name, hash=hash, generation=old.generation + 1)
            self._note(tx, by, "account.password", account=name)

    def _found(self, tx: Tx, name: str) -> Account:
        account = accounts.get(tx, name)
        if account is None:
            raise NotFound(f"there is no account {name}")
        return account

    def _note(self, tx: Tx, by: str, what: str, **detail: object) -> None:
        audit.add(tx, "live", audit.Entry(self._clock.now(), by, what, detail))


def _role(role: str) -> str:
    if role not in ROLES:
        raise ServiceError(f"there is no role {role}; there are {', '.join(ROLES)}")
    return role


def _phone(phone: str | None) -> str | None:
    if not phone:
        return None
    number = normalise(phone)
    if number is None:
        raise ServiceError("this is no phone number")
    return number


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise ServiceError(f"a password has at least {SHORTEST_PASSWORD} characters")
    return generate_password_hash(password)  # scrypt
