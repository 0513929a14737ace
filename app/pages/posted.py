"""Forms as browsers send them: bounded, every field once; and those that outlive a session."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.domain.refusals import Refused

#: Bytes of a form that is kept while somebody signs in again; encoded in the form that keeps it, it is up to three
#: times as long.
LARGEST_KEPT = 64 * 1024
LARGEST = 4 * LARGEST_KEPT
MOST_FIELDS = 500
#: Fields that no page shows again.
SECRETS = frozenset({"secret", "credential"})


class TooLarge(Exception):
    """What was sent is larger than any form of ours."""


async def pairs(request: Request, limit: int = LARGEST) -> list[tuple[str, str]]:
    """The fields in order, files left out. Raises TooLarge; browsers always say how long a form is."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > limit:
        raise TooLarge
    form = await request.form(max_files=1, max_fields=MOST_FIELDS)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def sent(request: Request) -> dict[str, str]:
    return dict(await pairs(request))


#: What an endpoint's form held.
Sent = Annotated[dict[str, str], Depends(sent)]


async def kept(request: Request) -> str:
    """The form of a request that came too late, encoded for a hidden field. Empty: it cannot be kept, or holds a
    password or another secret; the field where a password is typed once more may have any name."""
    try:
        fields = await pairs(request, LARGEST_KEPT)
    except (TooLarge, HTTPException):
        return ""
    hidden = any("password" in name.casefold() or (value and name in SECRETS) for name, value in fields)
    return "" if hidden else urlencode(fields)


def again(encoded: str) -> list[tuple[str, str]]:
    """What `kept` kept."""
    try:
        return parse_qsl(encoded, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []


def wrong(why: Refused, locale: str) -> dict[str, str]:
    """Field → what to mend in it."""
    return {refusal.place.strip("/"): refusal.message(locale) for refusal in reversed(why.refusals)}
