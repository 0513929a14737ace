"""Lists in pages: the cursor is the sort key of the last row, so rows that come and go shift nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import Field

from app.api.schemas import LARGEST, Asked, Shown
from app.domain.refusals import refused
from app.flows.lists import Key
from app.flows.lists import Page as Rows

MOST = 200
Item = TypeVar("Item")


class Paged(Asked):
    """The parameters of every list that comes in pages."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="Entries a page.")] = 50
    cursor: Annotated[
        str | None, Field(max_length=500, description="`next_cursor` of the page before; empty: the first page.")
    ] = None


class Listing(Shown, Generic[Item]):
    """All there are."""

    items: list[Item]


class Page(Shown, Generic[Item]):
    """One page; the address of the next one is in the header `Link`, too."""

    items: list[Item]
    #: None: this is the last page.
    next_cursor: str | None


def after(asked: Paged, *shape: type) -> Key | None:
    """Where the page begins; `shape`: the types of the list's sort key. Raises Refused."""
    if not asked.cursor:
        return None
    try:
        key = _opened(asked.cursor)
    except (ValueError, OverflowError):
        key = ()
    if tuple(type(part) for part in key) != shape:
        raise refused("parameter:cursor", "cursor", "This cursor is of no page of this list; start without a cursor.")
    return key


def _opened(cursor: str) -> Key:
    parts = json.loads(base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    return tuple(_part(part) for part in parts) if isinstance(parts, list) else ()


def _part(part: Any) -> datetime | int:
    if isinstance(part, str):
        return datetime.fromisoformat(part).astimezone(UTC)
    if type(part) is not int or not 0 <= part <= LARGEST:
        raise ValueError("not part of a key")
    return part


def _closed(key: Key) -> str:
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def page(request: Request, response: Response, rows: Rows, show: Callable[[Any], Item]) -> Page[Item]:
    """The rows as items, with the way to the next page."""
    cursor = _closed(rows.last) if rows.last else None
    if cursor:
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'
    return Page(items=[show(row) for row in rows.rows], next_cursor=cursor)
