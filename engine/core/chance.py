"""Chance as data: a stable point in [0, 1) for a text, the same everywhere and for ever (fine print 1)."""

from __future__ import annotations

from hashlib import sha256


def share(text: str) -> float:
    """The first 8 bytes of the SHA-256 digest, big-endian, over 2^64."""
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
