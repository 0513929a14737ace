"""What several senders' signature schemes have in common. Every refusal is `Unverified` and names no secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.contract import Unverified

TOLERANCE = timedelta(minutes=5)


def hmac_sha256(secret: str | bytes, message: bytes) -> bytes:
    """The raw digest; a text secret is used as its UTF-8 bytes. Write `.hex()` or base64 at the call."""
    return hmac.digest(as_bytes(secret), message, hashlib.sha256)


def same(left: str | bytes, right: str | bytes) -> bool:
    """Equal, compared in constant time. Never raises, whatever characters a header held."""
    return hmac.compare_digest(as_bytes(left), as_bytes(right))


def as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def required(headers: Mapping[str, str], name: str) -> str:
    """The header's value without surrounding blanks; Unverified when it is missing or empty."""
    value = headers.get(name.lower(), "").strip()
    if not value:
        raise Unverified(f"the header {name} is missing")
    return value


def usable(secrets: Sequence[str]) -> list[str]:
    """The secrets that are not blank; Unverified when none is left, because an empty secret proves nothing."""
    given = [secret.strip() for secret in secrets if secret.strip()]
    if not given:
        raise Unverified("the source has no secret yet")
    return given


def check_age(sent_at: datetime, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Unverified when the request was signed longer ago, or further in the future, than `tolerance`."""
    age = now - sent_at
    if age > tolerance:
        raise Unverified(f"signed {in_words(age)} ago; at most {in_words(tolerance)} are allowed")
    if age < -tolerance:
        raise Unverified(f"signed {in_words(-age)} in the future; at most {in_words(tolerance)} are allowed")


def in_words(length: timedelta) -> str:
    """`40 s`, `7 min`, `3 h`, `12 days`; rounded down to the unit."""
    seconds = int(length.total_seconds())
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
