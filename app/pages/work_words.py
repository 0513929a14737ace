"""How the work pages call the parts of the list and what was done; ids are English messages."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.bands import Section
from app.pages.words import Status


@dataclass(frozen=True, slots=True)
class Heading:
    status: Status
    #: Which handoffs stand there, for who cannot see the colours.
    caption: str
    #: Where none stands there.
    empty: str


SECTIONS = {
    Section.SOON: Heading(
        Status("▲", "Due very soon", "risk"),
        "Handoffs whose warning time has come, the nearest deadline first",
        "No deadline is near.",
    ),
    Section.OVERDUE: Heading(
        Status("!", "Overdue", "over"),
        "Handoffs past their deadline without a follow-up, the newest deadline first",
        "No deadline has passed without a follow-up.",
    ),
    Section.TODAY: Heading(
        Status("●", "Due today", "plain"),
        "Handoffs that are due before midnight, the nearest deadline first",
        "Nothing else is due today.",
    ),
    Section.LATER: Heading(
        Status("○", "Due later", "quiet"),
        "Handoffs that are due tomorrow or later, the nearest deadline first",
        "Nothing is due later.",
    ),
    Section.WAITING: Heading(
        Status("‖", "Paused or not judged", "quiet"),
        "Handoffs whose clock stands still, or whose source is silent",
        "Nobody asked to wait.",
    ),
}
#: What was done → what the page says of it.
DONE = {
    "acknowledged": "{who}: noted that you are on it. Reminders are held back; the clock goes on.",
    "called": "{who}: call recorded.",
    "reached": "{who}: recorded that you reached them.",
    "follow_up": "{who}: follow-up recorded.",
    "disposition": "{who}: given back.",
    "pause": "{who}: the clock is paused.",
    "resume": "{who}: the clock runs again.",
    "retracted": "{who}: taken back.",
    "brief": "{who}: thank you for your word on the brief.",
}
