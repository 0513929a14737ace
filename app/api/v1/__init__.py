"""REST under /v1, a file a noun, and the feeds and pages that belong to it."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import docs
from app.api import feeds as meeting_feeds
from app.api.v1 import (
    absences,
    actions,
    alerts,
    audit,
    briefs,
    bursts,
    calendars,
    channels,
    completeness,
    contents,
    deliveries,
    due,
    feeds,
    follow_ups,
    handoffs,
    held_meetings,
    identities,
    kpis,
    leads,
    meetings,
    outcomes,
    papers,
    policies,
    process_rules,
    quality,
    readings,
    reports,
    sla_proposals,
    sources,
    spend,
    templates,
    web_visits,
)

NOUNS = (
    outcomes,
    briefs,
    completeness,
    leads,
    handoffs,
    follow_ups,
    identities,
    sources,
    readings,
    feeds,
    deliveries,
    policies,
    calendars,
    due,
    alerts,
    absences,
    bursts,
    quality,
    kpis,
    meetings,
    papers,
    held_meetings,
    sla_proposals,
    templates,
    actions,
    process_rules,
    web_visits,
    spend,
    channels,
    contents,
    reports,
    audit,
)

_v1 = APIRouter(prefix="/v1")
for _noun in NOUNS:
    _v1.include_router(_noun.router)

router = APIRouter()
router.include_router(_v1)
router.include_router(meeting_feeds.router)
router.include_router(docs.router)
