"""What happened with a lead, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.agreement import AlertReason
from app.domain.episode import Event
from app.domain.language import text
from app.domain.outcomes import reason_in_words
from app.domain.timeline import Chapter, Moment
from app.pages import words
from connectors.contract import EventKind, Outcome

CHAPTERS = {
    Chapter.ACTIVITIES: "Activities",
    Chapter.FOLLOW_UPS: "Follow-ups",
    Chapter.ALERTS: "Alerts",
    Chapter.CHANGES: "Changes",
}
CHANNELS = {"slack": "Slack", "email": "E-mail", "log": "Log"}


def in_words(moment: Moment, locale: str) -> str:
    """`電話(つながった)`, `担当: 田中 舞`, `判定: 期限超過`, `Slack: breached(送信済み)`."""
    if moment.event:
        return _event(moment.event, locale)
    if moment.judged:
        status = words.of_verdict(moment.judged.verdict, moment.judged.previous)
        return text(locale, "Verdict: {verdict}", verdict=text(locale, status.word))
    alert = moment.alert
    again = alert.reason.startswith(AlertReason.ESCALATED)
    told = text(locale, "Reminder after the breach") if again else text(locale, alert.reason)
    where = text(locale, CHANNELS.get(alert.channel, alert.channel))
    state = text(locale, alert.state)
    return text(locale, "Alert on {channel}: {what} ({state})", channel=where, what=told, state=state)


def by_whom(moment: Moment) -> str:
    return str(moment.event.data.get("by") or "") if moment.event else ""


def _event(event: Event, locale: str) -> str:
    said = event.data
    if event.kind is EventKind.DISPOSITION:
        return _decision(said, locale)
    if event.kind in (EventKind.FOLLOW_UP, EventKind.STATUS, EventKind.OPPORTUNITY):
        return _with(words.act_in_words(event, locale), said.get("subject"), locale)
    if event.kind in (EventKind.SCORE, EventKind.ACTIVITY, EventKind.LEAD):
        return words.evidence_in_words(event, locale)
    return _OTHERS[event.kind](said, locale)


def _decision(said: dict[str, Any], locale: str) -> str:
    if said["outcome"] == Outcome.RESTORED:
        return text(locale, "Counts again")
    reason = reason_in_words(said["reason"], locale) if said.get("reason") else None
    told = words.outcome_in_words(said["outcome"], reason, locale)
    return _with(told, said.get("detail"), locale)


def _owner(said: dict[str, Any], locale: str) -> str:
    name = said.get("name") or said["owner"] or text(locale, "nobody yet")
    return text(locale, "{name}: {value}", name=text(locale, "Owner"), value=name)


def _taken_back(said: dict[str, Any], locale: str) -> str:
    return _with(text(locale, "An entry was taken back"), said.get("reason"), locale)


def _pause(said: dict[str, Any], locale: str) -> str:
    return _with(text(locale, "The customer asks to wait"), said.get("reason"), locale)


_OTHERS: dict[EventKind, Callable[[dict[str, Any], str], str]] = {
    EventKind.OWNER: _owner,
    EventKind.PAUSE: _pause,
    EventKind.RESUME: lambda _, locale: text(locale, "The wait is over"),
    EventKind.ACKNOWLEDGED: lambda _, locale: text(locale, "I am on it"),
    EventKind.ANSWER: lambda said, locale: _with(text(locale, "Marketing's answer"), said.get("text"), locale),
    EventKind.RETRACTED: lambda said, locale: _with(
        text(locale, "An entry was taken back"), said.get("reason"), locale
    ),
    EventKind.TERMS: lambda _, locale: text(locale, "The running clock was moved"),
}


def _with(told: str, detail: str | None, locale: str) -> str:
    return text(locale, "{words} ({detail})", words=told, detail=detail) if detail else told
