"""All pages of meetings and action items."""

from __future__ import annotations

from app.pages import action_pages, meeting_forms, meeting_live, meeting_pages, minutes_pages, series_pages

ROUTERS = (
    series_pages.router,
    meeting_pages.router,
    minutes_pages.router,
    meeting_forms.router,
    meeting_live.router,
    action_pages.router,
)
