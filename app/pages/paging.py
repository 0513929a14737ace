"""Where a page of a list begins, as it stands in an address: the sort key of the last row before it."""

from __future__ import annotations

from datetime import UTC, datetime

from app.flows.lists import Key

#: Characters between the parts of a key.
BETWEEN = "_"


def written(key: Key | None) -> str:
    """`2026-09-24T08:30:00+00:00_812`, `812`; empty: nothing comes after it."""
    return BETWEEN.join(part.isoformat() if isinstance(part, datetime) else str(part) for part in key or ())


def read(said: str, *shape: type) -> Key | None:
    """What `written` wrote; None, the first page, for anything else. `shape`: the types of the list's sort key, int
    and datetime."""
    parts = said.split(BETWEEN)
    if len(parts) != len(shape):
        return None
    try:
        return tuple(_part(part, kind) for part, kind in zip(parts, shape, strict=True))
    except (ValueError, OverflowError):
        return None


def _part(said: str, kind: type) -> datetime | int:
    """Raises ValueError, OverflowError for what no database can hold."""
    if kind is datetime:
        return datetime.fromisoformat(said).astimezone(UTC)
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        raise ValueError(said)
    return int(said)
