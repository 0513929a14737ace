"""REST under /v1, a file a noun, and the feeds and pages that belong to it."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import docs, feeds
from app.api.v1 import (
    alerts,
    calendars,
    deliveries,
    due,
    follow_ups,
    handoffs,
    leads,
    meetings,
    policies,
    sources,
)

NOUNS = (leads, handoffs, follow_ups, sources, deliveries, policies, calendars, due, alerts, meetings)

_v1 = APIRouter(prefix="/v1")
for _noun in NOUNS:
    _v1.include_router(_noun.router)

router = APIRouter()
router.include_router(_v1)
router.include_router(feeds.router)
router.include_router(docs.router)
