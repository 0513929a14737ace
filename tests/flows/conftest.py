"""Facts by hand: canonical events as a connector would make them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.db import Database
from app.flows import ledger, policies
from app.flows.ledger import Fact
from connectors.contract import CanonicalEvent, EventKind, ExternalId

MA = ExternalId("hubspot", "501")
_numbers = itertools.count(1)


def fact(
    kind: str,
    at: datetime,
    *,
    lead: tuple[ExternalId, ...] = (MA,),
    key: str | None = None,
    received_at: datetime | None = None,
    **data: Any,
) -> Fact:
    key = key or f"event-{next(_numbers)}"
    event = CanonicalEvent(key, EventKind(kind), at, lead, data)
    return Fact(ledger.event_id(None, key), event, received_at or at, None, None)


def mql(at: datetime, *, lead: tuple[ExternalId, ...] = (MA,), prefix: str = "") -> list[Fact]:
    """Three downloads and a score: the lead becomes MQL at `at`."""
    downloads = [
        fact("activity", at - timedelta(hours=n), lead=lead, activity="download", asset=f"asset-{n}", title=f"資料{n}")
        for n in (1, 2, 3)
    ]
    return [*downloads, fact("score", at, lead=lead, score=86)]


@pytest.fixture
def apply(database: Database):
    """Apply facts in a transaction of their own, as the ledger does with a batch of deliveries."""

    def run(facts: list[Fact], now: datetime) -> int:
        with database.write() as c:
            return ledger.apply(c, facts, policies.all_versions(c), now)

    return run
