"""How the pages of a meeting say its state, the marks of its checklist and who is there; ids are English messages."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from app.domain.agreement import AlertReason
from app.domain.calendar import Weekday
from app.domain.checklist import Mark, Phase, Point
from app.domain.language import day, text
from app.domain.run import Presence, ReviewOutcome, Said, Stage
from app.pages.minutes import OUTCOMES
from app.pages.rendering import Reader
from app.pages.words import Status

PLANNED = Status("○", "Planned", "quiet")
DRAFTED = Status("…", "In preparation", "plain")
FROZEN = Status("✓", "Agenda frozen", "good")
RUNNING = Status("▶", "Being held", "risk")
CLOSED = Status("■", "Closed meeting", "quiet")
MARKS = {
    Mark.DONE: Status("✓", "Fulfilled", "good"),
    Mark.LATE: Status("▲", "Fulfilled late", "risk"),
    Mark.OPEN: Status("□", "Not fulfilled", "quiet"),
    Mark.OVERRIDDEN: Status("✓", "Counted as done", "plain"),
}
ENTRIES = {
    Said.NOTE: "note",
    Said.NOTHING: "nothing new",
    Said.DECISION: "decision",
    Said.TASK: "open point",
    Said.PARKED: "put off",
}
PHASES = {Phase.BEFORE: "Before the meeting", Phase.DURING: "In the meeting", Phase.AFTER: "After the meeting"}
PRESENT = {Presence.PRESENT: "present", Presence.ABSENT: "absent"}
SLA_OUTCOMES = {
    ReviewOutcome.KEEP: OUTCOMES["keep"],
    ReviewOutcome.CHANGE: OUTCOMES["change"],
    ReviewOutcome.PILOT: OUTCOMES["pilot"],
}
WEEKDAYS = {
    Weekday.MON: "Monday",
    Weekday.TUE: "Tuesday",
    Weekday.WED: "Wednesday",
    Weekday.THU: "Thursday",
    Weekday.FRI: "Friday",
    Weekday.SAT: "Saturday",
    Weekday.SUN: "Sunday",
}
RHYTHMS = {1: "every week", 2: "every two weeks", 4: "every four weeks"}
LETTERS = {
    AlertReason.AGENDA.value: "Pre-read",
    AlertReason.MINUTES.value: "Minutes of the meeting",
    AlertReason.STANDING.value: "Question how action items stand",
}
DELIVERY = {
    "owed": Status("…", "waits to be sent", "quiet"),
    "sent": Status("✓", "was sent", "good"),
    "undeliverable": Status("!", "could not be sent", "over"),
    "dropped": Status("‖", "no longer needed", "quiet"),
}


def state_of(row: Any, stage: Stage | None) -> Status:
    """Of a meeting's row; None: it was not drafted yet."""
    if stage is Stage.CLOSED:
        return CLOSED
    if stage is Stage.RUNNING:
        return RUNNING
    if stage is None:
        return PLANNED
    return FROZEN if row.frozen_at else DRAFTED


def day_of(on: date, reader: Reader) -> str:
    """`9/24(木)`."""
    return day(datetime.combine(on, time(12), reader.zone), reader.zone, reader.locale)


def why(point: Point, locale: str) -> str:
    """The evidence for a point of the checklist."""
    values = dict(point.finding.values)
    if "outcome" in values:
        values["outcome"] = text(locale, OUTCOMES[values["outcome"]])
    return text(locale, point.finding.why, **values)
