"""Feeds: whether each source is heard as often as usual, and how far it was polled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.schemas import Nothing, Shown, whole_seconds
from app.domain.darkness import Lasting, Why
from app.domain.roles import Right
from app.flows import feeds
from app.flows.feeds import Standing

router = noun("/feeds", "Sources", [reads], sees=Right.SEE_FIGURES)

EXAMPLE: dict[str, Any] = {
    "source": "salesforce",
    "kind": "salesforce",
    "role": "sfa",
    "disabled": False,
    "heard_at": "2026-09-18T03:10:00Z",
    "expected_gap_seconds": 9000,
    "expected_from": "learned",
    "silence": {
        "why": "silent",
        "since": "2026-09-18T03:10:00Z",
        "noticed_at": "2026-09-18T05:40:10Z",
        "heard_again_at": None,
    },
    "polled_through": None,
    "next_poll_at": None,
    "recovered": 0,
    "failures": 0,
    "error": None,
}


class Silence(Shown):
    """A feed is dark: handoffs that fall due meanwhile have no verdict."""

    why: Why
    since: datetime = Field(description="Until then the feed is known to have worked.")
    noticed_at: datetime
    heard_again_at: datetime | None = Field(description="The first delivery after it; it ends when all is caught up.")


class Feed(Shown):
    """How the feed of one source stands."""

    source: str
    kind: str
    role: Literal["ma", "sfa", "both"]
    disabled: bool = Field(description="Nobody waits for it.")
    heard_at: datetime | None = Field(description="Its newest delivery.")
    expected_gap_seconds: int | None = Field(
        description="Open time without a word that is usual; null: not known yet, so its silence is not noticed."
    )
    expected_from: Literal["set", "learned"] | None = Field(description="set: `silent_after_hours` of the source.")
    silence: Silence | None = Field(description="The one that lasts; null: the feed is not dark.")
    polled_through: datetime | None = Field(description="Polling has read everything up to then; null: never polled.")
    next_poll_at: datetime | None
    recovered: int = Field(description="Facts that webhooks missed and a poll brought.")
    failures: int = Field(description="Failed polls in a row.")
    error: str | None = Field(description="What the last failed poll said.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


@router.get("", operation_id="list_feeds")
def list_feeds(state: Here, _: Annotated[Nothing, Query()]) -> Listing[Feed]:
    """The feeds of all sources by name: rhythm, silence, polling."""
    with state.database.read() as c:
        found = feeds.standings(c, feeds.default_calendar(c))
    return Listing(items=[_shown(standing) for standing in found])


def _shown(standing: Standing) -> Feed:
    hearing = standing.hearing
    return Feed.model_validate(
        {
            "source": standing.name,
            "kind": standing.kind,
            "role": standing.role,
            "disabled": standing.disabled,
            "heard_at": hearing.heard_at,
            "expected_gap_seconds": _seconds(hearing.expected),
            "expected_from": standing.expected_from,
            "silence": _silence(standing.silence),
            "polled_through": hearing.polled_through,
            "next_poll_at": standing.poll_at,
            "recovered": standing.recovered,
            "failures": hearing.failures,
            "error": standing.poll_error,
        }
    )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else whole_seconds(span)


def _silence(lasting: Lasting | None) -> Silence | None:
    if lasting is None:
        return None
    return Silence(
        why=lasting.why,
        since=lasting.since,
        noticed_at=lasting.noticed_at,
        heard_again_at=lasting.heard_again_at,
    )
