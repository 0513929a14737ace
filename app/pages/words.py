"""How the pages say a status, a follow-up, an outcome and a source: icon, word and colour; ids are English messages."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.bands import Band
from app.domain.calendar import ClockKind
from app.domain.clock import Verdict
from app.domain.history import Event
from app.domain.language import text
from app.domain.touches import Standing
from connectors.contract import EventKind, Outcome


@dataclass(frozen=True, slots=True)
class Status:
    """Never colour alone: an icon and a word say the same. `tone` is a class of the stylesheet."""

    icon: str
    word: str
    tone: str


BANDS = {
    Band.OVERDUE: Status("!", "Overdue", "over"),
    Band.AT_RISK: Status("▲", "Due soon", "risk"),
    Band.TODAY: Status("●", "Due today", "plain"),
    Band.LATER: Status("○", "Due later", "quiet"),
    Band.PAUSED: Status("‖", "Paused", "quiet"),
    Band.UNKNOWN: Status("…", "Not judged", "quiet"),
}
VERDICTS = {
    Verdict.ON_TRACK: Status("✓", "In time", "good"),
    Verdict.AT_RISK: BANDS[Band.AT_RISK],
    Verdict.BREACHED: BANDS[Band.OVERDUE],
    Verdict.MET: Status("✓", "Followed up in time", "good"),
    Verdict.MET_LATE: Status("!", "Followed up late", "over"),
    Verdict.VOIDED: Status("‖", "Not counted", "quiet"),
    Verdict.UNKNOWN: BANDS[Band.UNKNOWN],
}
WITHDRAWN = Status("↩", "Breach withdrawn", "good")
STANDINGS = {
    Standing.IN_TIME: Status("✓", "Counts: in time", "good"),
    Standing.LATE: Status("!", "Counts: after the deadline", "over"),
    Standing.AGAIN: Status("✓", "Counts: the clock had stopped already", "plain"),
    Standing.BEFORE: Status("‖", "Before the lead became MQL", "quiet"),
    Standing.AUTOMATED: Status("‖", "Does not count: automated", "quiet"),
    Standing.NO_REASON: Status("‖", "Does not count: no reason given", "quiet"),
    Standing.UNMAPPED: Status("‖", "Does not count: status not mapped", "quiet"),
    Standing.NOT_AGREED: Status("‖", "Does not count under this policy", "quiet"),
    Standing.NOT_OWNER: Status("‖", "Only the owner's follow-ups count", "quiet"),
    Standing.REVISED: Status("‖", "Edited afterwards", "quiet"),
    Standing.RETRACTED: Status("‖", "Deleted afterwards", "quiet"),
}
CHANNELS = {"call": "Call", "email": "E-mail", "meeting": "Meeting", "other": "Other contact"}
OUTCOMES = {
    Outcome.ACCEPTED: "Accepted",
    Outcome.SQL: "Became SQL",
    Outcome.REJECTED: "Returned to marketing",
    Outcome.RECYCLED: "Recycled to nurturing",
    Outcome.DISQUALIFIED: "Disqualified",
    Outcome.EXCLUDED: "Excluded from counting",
}
#: Why a handoff is void; other reasons are words of the tool.
VOID_REASONS = {
    "excluded": "Excluded from counting",
    "returned_without_reason": "Returned without a reason",
    "not_qualified": "By what is known now, the lead did not become MQL",
}
STATES = {"open": "Opportunity open", "won": "Opportunity won", "lost": "Opportunity lost"}
CLOCKS = {
    ClockKind.ELAPSED: "Target in hours, day and night: {amount}",
    ClockKind.BUSINESS_HOURS: "Target in business hours: {amount}",
    ClockKind.BUSINESS_DAYS: "Target in business days: {amount}",
}
TOOLS = {"hubspot": "HubSpot", "salesforce": "Salesforce"}


def of_verdict(verdict: Verdict, previous: Verdict | None = None) -> Status:
    """`previous`: the verdict that it replaced."""
    taken_back = verdict is Verdict.MET and previous is Verdict.BREACHED
    return WITHDRAWN if taken_back else VERDICTS[verdict]


def act_in_words(event: Event, locale: str) -> str:
    """`電話(不在)`, `ステータス: Working - Contacted`, `差戻し(予算なし)`."""
    said = event.data
    match event.kind:
        case EventKind.FOLLOW_UP:
            return _with(text(locale, CHANNELS[said["channel"]]), said.get("outcome"), locale)
        case EventKind.STATUS:
            return text(locale, "Status: {status}", status=said["raw"])
        case EventKind.DISPOSITION:
            return _with(text(locale, OUTCOMES[Outcome(said["outcome"])]), said.get("reason"), locale)
        case _:
            return _with(text(locale, STATES[said["state"]]), said.get("stage"), locale)


def evidence_in_words(event: Event, locale: str) -> str:
    """`スコア 86`, `料金表 2026(資料ダウンロード)`."""
    said = event.data
    if event.kind is EventKind.SCORE:
        return text(locale, "Score {score}", score=f"{said['score']:g}")
    if event.kind is EventKind.ACTIVITY:
        activity = text(locale, said["activity"])
        name = said.get("title") or said.get("asset")
        return _with(name, activity, locale) if name else activity
    return text(locale, "Profile updated")


def outcome_in_words(outcome: str, reason: str | None, locale: str) -> str:
    return _with(text(locale, OUTCOMES[Outcome(outcome)]), reason, locale)


def void_reason_in_words(reason: str, locale: str) -> str:
    return text(locale, VOID_REASONS[reason]) if reason in VOID_REASONS else reason


def source_in_words(name: str, kind: str) -> str:
    """The tool's own name where the source is simply called after it."""
    return TOOLS.get(kind, name) if name == kind else name


def _with(words: str, detail: str | None, locale: str) -> str:
    return text(locale, "{words} ({detail})", words=words, detail=detail) if detail else words
