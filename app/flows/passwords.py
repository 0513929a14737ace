"""Passwords as argon2id hashes."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: The library's present parameters (RFC 9106): 64 MiB a hash; they stand in the hash itself.
HASHER = PasswordHasher()
#: More at a time would let a crowd of strangers take all memory.
TURN = threading.BoundedSemaphore(4)


def hashed(password: str) -> str:
    with TURN:
        return HASHER.hash(_bytes(password))


def matches(known: str | None, password: str) -> bool:
    """None: nobody has that login; it takes as long to say so."""
    with TURN:
        try:
            HASHER.verify(known or _nobodys(), _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return known is not None


def outdated(known: str) -> bool:
    """Made with other parameters than a new one would be."""
    return HASHER.check_needs_rehash(known)


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody's")


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
