"""How HubSpot writes ids, moments and texts; reading them never raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.standard.schema import address

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_id(value: object) -> str | None:
    """`123` or `"123"` → `"123"`. HubSpot's ids are digits and may exceed 32 bits."""
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(digits, str) and re.fullmatch(r"[1-9]\d{0,19}", digits, re.ASCII):
        return digits
    return None


def moment(value: object) -> datetime | None:
    """Milliseconds since 1970 as a number or as text, or ISO 8601; the same property may be written either way."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    try:
        if isinstance(value, str):
            return iso_moment(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def iso_moment(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def milliseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


def plain(value: object, limit: int = 500) -> str:
    """The text without what no database takes (NUL, lone surrogates) and at most `limit` characters; else empty."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "ignore").decode().replace("\0", "").strip()[:limit].strip()


def mail_address(value: object) -> str:
    """The address in canonical form; empty when it is none."""
    try:
        return address(plain(value))
    except ValueError:
        return ""


def number(value: object) -> int | float | None:
    """`"87"` → 87, `"87.5"` → 87.5; None for everything that is not a plain finite decimal number."""
    digits = plain(value, limit=40)
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", digits, re.ASCII):
        return None
    exact = float(digits)
    return int(exact) if exact.is_integer() else exact


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def entries(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
