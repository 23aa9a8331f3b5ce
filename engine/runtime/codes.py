"""Verification codes: made from chance, kept only as HMACs, each with its own end and the attempt that carried it.

Whoever reads the database cannot try all million codes: the pepper is not in it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.core.outcomes import Message
from engine.store import tallies, verifications
from engine.store.store import Tx
from engine.store.verifications import CODES_KEPT, Verification

MINUTE = 60 * 1_000_000
VALID_FOR = 10 * MINUTE  # until a rule says otherwise
CHECKS = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """A code as it is kept. `attempt`: which one carried it, `<message>.<number>`."""

    seal: str
    expires: int
    attempt: str

    @classmethod
    def read(cls, text: str) -> Kept:
        """What `str` wrote."""
        seal, expires, attempt = text.split("@")
        return cls(seal, int(expires), attempt)

    def __str__(self) -> str:
        return f"{self.seal}@{self.expires}@{self.attempt}"


def make(digits: int) -> str:
    """A code of so many digits, each as likely as any other, the first one too."""
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def seal(pepper: bytes, env: str, phone: str, purpose: str, code: str) -> str:
    """The HMAC of a code, good for this number and purpose alone."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (env, phone, purpose, code)]
    return hmac.new(pepper, b"".join(len(part).to_bytes(4, "big") + part for part in parts), hashlib.sha256).hexdigest()


def fits(verification: Verification, sealed: str, now: int) -> bool:
    """Whether it is one of the codes that are good now. Takes the same time whichever it is, or none."""
    found = False
    for kept in map(Kept.read, verification.codes):
        found |= hmac.compare_digest(kept.seal, sealed) & (now <= kept.expires)
    return found


def is_open(verification: Verification | None, now: int) -> bool:
    """Whether codes can still be added to it, and checked."""
    return verification is not None and verification.state == "pending" and now <= verification.expires and verification.checks_left > 0


def begin(phone: str, purpose: str, user: str | None, now: int) -> Verification:
    """A new one, without a code yet."""
    return Verification(secrets.token_hex(16), phone, purpose, user, "pending", now, now + VALID_FOR, CHECKS, (), {"used": 0, "starts": []})


def add(tx: Tx, env: str, pepper: bytes, message: Message, attempt: str, code: str, now: int) -> str:
    """Keep the code that an attempt is about to carry: with the verification that waits for it, else with a new one, whose id is given."""
    wanted = message.verification or {}
    purpose = str(wanted["purpose"])
    tallies.lock_number(tx, env, message.to)
    found = verifications.latest(tx, env, purpose, phone=message.to)
    if found is None or not is_open(found, now):
        found = begin(message.to, purpose, message.user, now)
    expires = now + int(wanted["valid_for_seconds"]) * 1_000_000
    kept = Kept(seal(pepper, env, message.to, purpose, code), expires, attempt)
    codes = (*found.codes, str(kept))[-CODES_KEPT:]
    left = max(int(wanted["checks"]) - found.body["used"], 0)
    body = {**found.body, "rule": message.rule}
    verifications.save(tx, env, replace(found, codes=codes, expires=_last_end(codes), checks_left=left, body=body))
    return found.id


def drop(tx: Tx, env: str, message: Message, attempt: str) -> None:
    """The attempt certainly reached nobody: its code must not push out one that may have."""
    purpose = str((message.verification or {})["purpose"])
    found = verifications.latest(tx, env, purpose, phone=message.to)
    if found is not None:
        codes = tuple(code for code in found.codes if Kept.read(code).attempt != attempt)
        if len(codes) < len(found.codes):
            verifications.save(tx, env, replace(found, codes=codes))


def _last_end(codes: Sequence[str]) -> int:
    return max(Kept.read(code).expires for code in codes)
