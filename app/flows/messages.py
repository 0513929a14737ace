"""The words of an alert: who, how late, why MQL, what they read last, where to act. No phone or e-mail address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from app.domain.agreement import Duty
from app.domain.alerting import reason_of
from app.domain.calendar import ClockKind, working_time
from app.domain.clock import Verdict, had_a_chance_until
from app.domain.episode import Episode, episode_from_json
from app.domain.language import moment, person_name, span, text
from app.domain.policy import AlertReason, PolicyVersion
from app.domain.rules import explain_finding
from app.models import Event, Lead
from app.notify.contract import Link, Message
from app.settings import Settings
from connectors.contract import EventKind

#: Activities shown as what the lead read last.
LAST_READ = 3


def compose(
    c: Connection,
    alert: Any,
    version: PolicyVersion,
    settings: Settings,
    now: datetime,
    *,
    answers: str | None = None,
) -> Message:
    """`alert`: the alert's and its handoff's columns; `answers`: the message that this one corrects. In the settings'
    language."""
    lead = c.execute(select(Lead.name, Lead.company, Lead.url, Lead.id).where(Lead.id == alert.lead_id)).one()
    episode = episode_from_json(alert.episode)
    locale = settings.locale
    return Message(
        reference=f"alert-{alert.alert_id}",
        title=_title(alert, who(lead, locale), _distance(alert, version, now), settings),
        fields=tuple(_fields(c, alert, episode, version, settings)),
        links=tuple(_links(alert, lead, settings)),
        footnote=_footnote(version, locale),
        answers=answers,
        locale=locale,
    )


def who(lead: Any, locale: str) -> str:
    """`山田製作所 佐藤 様`; a lead of which only ids are known is called by its number."""
    if not lead.name and not lead.company:
        return text(locale, "Lead {number}", number=lead.id)
    person = person_name(lead.name, locale) if lead.name else ""
    return f"{lead.company or ''} {person}".strip()


def _distance(alert: Any, version: PolicyVersion, now: datetime) -> timedelta:
    """Time between the deadline and now (withdrawn: and the follow-up), on the policy's clock."""
    other = alert.touched_at if alert.reason == AlertReason.WITHDRAWN else now
    earlier, later = sorted((alert.due_at, other or now))
    if version.policy.clock is ClockKind.ELAPSED:
        return timedelta(seconds=(later - earlier).total_seconds())
    return working_time(version.calendar, earlier, later)


_TITLES = {
    AlertReason.HANDED_OVER: "New MQL: {who}",
    AlertReason.AT_RISK: "{time} left: {who}",
    AlertReason.BREACHED: "Overdue by {time}: {who}",
    AlertReason.ESCALATED: "Still overdue, by {time}: {who}",
    AlertReason.WITHDRAWN: "Withdrawn, followed up in time: {who}",
}
#: What marketing owes has titles of its own.
_DUTIES = {
    (Duty.ANSWER, AlertReason.AT_RISK): "{time} left to answer the rejection: {who}",
    (Duty.ANSWER, AlertReason.BREACHED): "No answer to the rejection, overdue by {time}: {who}",
    (Duty.BRIEF, AlertReason.AT_RISK): "{time} left to complete the brief: {who}",
    (Duty.BRIEF, AlertReason.BREACHED): "Handed over with an incomplete brief: {who}",
    (Duty.NEXT_RESPONSE, AlertReason.AT_RISK): "Came back, {time} left: {who}",
    (Duty.NEXT_RESPONSE, AlertReason.BREACHED): "Came back, overdue by {time}: {who}",
}


def _title(alert: Any, name: str, distance: timedelta, settings: Settings) -> str:
    locale = settings.locale
    reason = reason_of(alert.reason)
    title = _DUTIES.get((Duty(alert.duty), reason), _TITLES[reason])
    if reason is AlertReason.WITHDRAWN and alert.verdict != Verdict.MET:
        title = _TAKEN_BACK.get(alert.verdict, "Withdrawn, there is time until {due}: {who}")
    if reason is AlertReason.BREACHED and _told_late(alert):
        title = "Overdue, and we were told late: {who}"
    due = moment(alert.due_at, settings.zone, locale)
    return text(locale, title, who=name, time=span(distance, locale), due=due)


_TAKEN_BACK = {Verdict.VOIDED: "Withdrawn, it does not count: {who}"}


def _told_late(alert: Any) -> bool:
    """Nobody could have known before the deadline."""
    return bool(alert.visible_at > alert.due_at)


def _fields(
    c: Connection, alert: Any, episode: Episode, version: PolicyVersion, settings: Settings
) -> list[tuple[str, str]]:
    locale, zone = settings.locale, settings.zone
    said = [
        (text(locale, "Due"), moment(alert.due_at, zone, locale)),
        (text(locale, "Owner"), episode.owner_name or episode.owner or text(locale, "nobody yet")),
        (text(locale, "Why MQL"), " + ".join(explain_finding(f, locale) for f in episode.findings if f.held)),
        (text(locale, "Last read"), last_read(c, alert.lead_id, settings) or text(locale, "nothing on record")),
    ]
    if episode.touch and alert.reason == AlertReason.WITHDRAWN:
        said.append((text(locale, "Follow-up"), _follow_up(episode, settings)))
    if _told_late(alert) and alert.reason == AlertReason.BREACHED:
        told = text(locale, "The tools told us only {time}.", time=moment(episode.visible_at, zone, locale))
        chance = had_a_chance_until(episode, alert.due_at, version)
        said.append((text(locale, "Discovered late"), told))
        said.append((text(locale, "There was a chance until"), moment(chance, zone, locale)))
    return said


# Many at once

#: Lines of a digest.
LINES = 20


def digest(c: Connection, alerts: Sequence[Any], settings: Settings) -> Message:
    """One message for many alerts of one recipient: how many of what, and the first of them."""
    locale = settings.locale
    leads = {row.id: row for row in c.execute(_leads({alert.lead_id for alert in alerts}))}
    ordered = sorted(alerts, key=lambda alert: (ORDER.index(reason_of(alert.reason)), alert.due_at))
    lines = [_line(alert, leads[alert.lead_id], settings) for alert in ordered[:LINES]]
    more = len(alerts) - LINES
    return Message(
        reference=f"alert-{alerts[0].alert_id}",
        title=_digest_title(alerts, locale),
        fields=tuple(lines),
        links=(Link(text(locale, "Open the list"), f"{settings.public_url}/"),),
        footnote=text(locale, "and {count} more", count=more) if more > 0 else "",
        locale=locale,
    )


ORDER = (
    AlertReason.ESCALATED,
    AlertReason.BREACHED,
    AlertReason.AT_RISK,
    AlertReason.WITHDRAWN,
    AlertReason.HANDED_OVER,
)
_COUNTS = {
    AlertReason.ESCALATED: "still overdue {n}",
    AlertReason.BREACHED: "overdue {n}",
    AlertReason.AT_RISK: "due soon {n}",
    AlertReason.WITHDRAWN: "withdrawn {n}",
    AlertReason.HANDED_OVER: "new {n}",
}


def _digest_title(alerts: Sequence[Any], locale: str) -> str:
    counted = Counter(reason_of(alert.reason) for alert in alerts)
    parts = [text(locale, _COUNTS[reason], n=counted[reason]) for reason in ORDER if counted[reason]]
    return text(locale, "Several at once: {parts}", parts=("・" if locale == "ja" else ", ").join(parts))


def _leads(lead_ids: set[int]) -> Any:
    return select(Lead.name, Lead.company, Lead.id).where(Lead.id.in_(sorted(lead_ids)))


def _line(alert: Any, lead: Any, settings: Settings) -> tuple[str, str]:
    locale, episode = settings.locale, episode_from_json(alert.episode)
    owner = episode.owner_name or episode.owner or text(locale, "nobody yet")
    message = "{reason}, due {due}, owner {owner}"
    reason = text(locale, _COUNTS[reason_of(alert.reason)], n="").strip()
    due = moment(alert.due_at, settings.zone, locale)
    return who(lead, locale), text(locale, message, reason=reason, due=due, owner=owner)


def _follow_up(episode: Episode, settings: Settings) -> str:
    assert episode.touch is not None
    happened = moment(episode.touch.at, settings.zone, settings.locale)
    heard = moment(episode.touch.received_at, settings.zone, settings.locale)
    return text(settings.locale, "{happened}, recorded {heard}", happened=happened, heard=heard)


def last_read(c: Connection, lead_id: int, settings: Settings) -> str:
    """`料金表 2026(9/18)・導入事例(9/17)`: the lead's newest activities."""
    rows = c.execute(
        select(Event.data, Event.occurred_at)
        .where(Event.lead_id == lead_id, Event.kind == EventKind.ACTIVITY.value)
        .order_by(Event.occurred_at.desc(), Event.id.desc())
        .limit(LAST_READ)
    )
    return "・".join(_read(data, at, settings) for data, at in rows)


def _read(data: dict[str, Any], at: datetime, settings: Settings) -> str:
    local = at.astimezone(settings.zone)
    title = data.get("title") or data.get("asset") or text(settings.locale, data["activity"])
    return f"{title}({local.month}/{local.day})"


def _links(alert: Any, lead: Any, settings: Settings) -> list[Link]:
    explained = Link(text(settings.locale, "Why this deadline"), f"{settings.public_url}/handoffs/{alert.id}")
    record = [Link(text(settings.locale, "Open in the SFA"), lead.url)] if lead.url else []
    return [*record, explained]


def _footnote(version: PolicyVersion, locale: str) -> str:
    return text(locale, "Policy {name}, version {number}", name=version.policy.name, number=version.version)
