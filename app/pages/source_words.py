"""Sources and deliveries in words: how a feed stands, and where a delivery is. Ids are English messages."""

from __future__ import annotations

from datetime import datetime

from app.domain.darkness import Why
from app.flows.feeds import Standing
from app.pages.words import Status

DELIVERIES = {
    "waiting": Status("…", "waiting", "quiet"),
    "asking": Status("?", "asking", "risk"),
    "applied": Status("✓", "applied", "good"),
    "quarantined": Status("!", "quarantined", "over"),
}
ROLES = {"ma": "marketing", "sfa": "sales", "both": "marketing and sales"}
SILENCES = {
    Why.SILENT: Status("!", "Silent", "over"),
    Why.FAILING: Status("!", "Cannot be asked", "over"),
    Why.BEHIND: Status("▲", "Polling lags", "risk"),
    Why.STALLED: Status("▲", "Its history is not read on", "risk"),
}
DISABLED = Status("‖", "disabled", "quiet")
UNHEARD = Status("○", "nothing yet", "quiet")
HEARD = Status("✓", "heard", "good")


def feed(standing: Standing, heard_at: datetime | None) -> Status:
    """`heard_at`: its newest delivery, which the standing may not know yet."""
    if standing.disabled:
        return DISABLED
    if standing.silence:
        return SILENCES[standing.silence.why]
    return HEARD if heard_at or standing.hearing.polled_through else UNHEARD
