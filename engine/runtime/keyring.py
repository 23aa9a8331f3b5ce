"""API keys: made, told from each other, revoked. A key is shown once; only its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
import time

from engine.runtime.clock import Clock
from engine.runtime.errors import NotFound, ServiceError
from engine.store import audit, keys
from engine.store.keys import Key
from engine.store.store import Store

LONGEST_NAME = 60  # characters
RECENT_SECONDS = 1.0
_MOST_RECENT = 1_000


class Keyring:
    """The keys of one installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._recent: dict[str, tuple[float, Key]] = {}  # by hash; asked for with every request

    def create(self, name: str, role: str, *, test: bool = False, personal: bool = False, by: str) -> str:
        """A new key, which nobody can read again. `personal`: for a viewer who may see phone numbers. Raises ServiceError."""
        if role not in keys.ROLES:
            raise NotFound(f"there is no role {role}; there are {', '.join(keys.ROLES)}")
        if not 1 <= len(name.strip()) <= LONGEST_NAME:
            raise ServiceError(f"a name has 1 to {LONGEST_NAME} characters: who or what will use the key")
        if personal and role != "viewer":
            raise ServiceError("personal is for the role viewer: an admin sees numbers anyway, others never")
        token = f"hy_{'test' if test else 'live'}_{secrets.token_urlsafe(24)}"
        key = Key(secrets.token_hex(8), name.strip(), token[:12], _hash(token), role, test, personal, self._clock.now())
        with self._store.write() as tx:
            keys.add(tx, key)
            audit.add(tx, key.env, audit.Entry(key.created, by, "key.create", {"key": key.prefix, "name": key.name, "role": role}))
        return token

    def of(self, token: str) -> Key | None:
        """The key that a token opens with; None for an unknown or revoked one. What another process has revoked opens for a moment more."""
        hash = _hash(token)
        known = self._recent.get(hash)
        if known is not None and time.monotonic() - known[0] < RECENT_SECONDS:
            return known[1]
        at = time.monotonic()
        with self._store.read() as tx:
            key = keys.by_hash(tx, hash)
        if key is not None:
            if len(self._recent) >= _MOST_RECENT:
                self._recent.clear()
            self._recent[hash] = (at, key)
        return key

    def listed(self) -> list[Key]:
        """Every key, revoked ones too, in order of creation."""
        with self._store.read() as tx:
            return keys.listed(tx)

    def revoke(self, id: str, *, by: str) -> None:
        """The key opens nothing any more. Raises NotFound for one that is not there, or was revoked before."""
        at = self._clock.now()
        with self._store.write() as tx:
            found = next((key for key in keys.listed(tx) if key.id == id), None)
            if found is None or not keys.revoke(tx, id, at):
                raise NotFound("there is no such key, or it was revoked before")
            audit.add(tx, found.env, audit.Entry(at, by, "key.revoke", {"key": found.prefix, "name": found.name}))
        self._recent.pop(found.hash, None)


def _hash(token: str) -> str:
    # Tokens are 192 random bits: a plain hash cannot be guessed back, and it can be looked up.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
