"""The words that the text of the SLA is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.agreement import AlertReason
from app.domain.calendar import ClockKind
from app.domain.language import text
from connectors.contract import LeadStatus


@dataclass(frozen=True, slots=True)
class Say:
    """In which language it is written."""

    locale: str

    def __call__(self, message: str, /, **values: object) -> str:
        return text(self.locale, message, **values)

    def several(self, words: Iterable[str]) -> str:
        return text(self.locale, ", ").join(words)


def amount(value: float) -> str:
    """Without decimals where there are none."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def within(clock: ClockKind, length: float, say: Say) -> str:
    """`24時間以内(休日・夜間も計測)`, `1営業日以内`."""
    one, several = TARGETS[clock]
    return say(one if length == 1 else several, n=amount(length))


#: Message ids from here on.
TARGETS = {
    ClockKind.ELAPSED: ("within {n} hour (day and night)", "within {n} hours (day and night)"),
    ClockKind.BUSINESS_HOURS: ("within {n} business hour", "within {n} business hours"),
    ClockKind.BUSINESS_DAYS: ("within {n} business day", "within {n} business days"),
}
CHANNELS = {"call": "Call", "email": "E-mail", "meeting": "Meeting", "other": "Other contact"}
STATUSES = {
    LeadStatus.NEW: "new lead",
    LeadStatus.WORKING: "being worked on",
    LeadStatus.CONTACTED: "contacted",
    LeadStatus.QUALIFIED: "qualified (SQL)",
    LeadStatus.CONVERTED: "converted",
    LeadStatus.RECYCLED: "recycled to nurturing",
    LeadStatus.DISQUALIFIED: "disqualified",
}
BURSTS = {
    "normal": "they are due like any other lead",
    "stagger": "{n} of them start every business day",
    "exclude": "they get no deadline",
}
REASONS = {
    AlertReason.HANDED_OVER: "a new handoff",
    AlertReason.AT_RISK: "a deadline that comes near",
    AlertReason.BREACHED: "a breach",
    AlertReason.WITHDRAWN: "a breach that is withdrawn",
    AlertReason.ESCALATED: "a breach that lasts",
    AlertReason.BURST: "a burst of leads",
    AlertReason.FEED_DARK: "a tool that went silent",
    AlertReason.FEED_BACK: "a tool that is back",
    AlertReason.AGENDA: "the agenda of a meeting",
    AlertReason.MINUTES: "the minutes of a meeting",
    AlertReason.STANDING: "how their action items stand",
    AlertReason.OUTCOMES: "what became of the leads, every evening",
}
WAYS = {"slack": "Slack", "email": "e-mail", "log": "the log"}
