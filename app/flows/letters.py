"""What attendees get by mail and chat: the agenda, the minutes, the question how their action items stand.

They are alerts of the one outbox, so the outbox is the log of what reached whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.agreement import AlertReason
from app.domain.checklist import Shared
from app.domain.language import day, moment, text
from app.domain.run import Presence, Run
from app.domain.series import Series
from app.models import ActionItem, Alert, Meeting
from app.notify.contract import Link, Message
from app.settings import Settings

Recipient = tuple[str, str]


def subject(meeting_id: int) -> str:
    return f"meeting:{meeting_id}"


def attendees(series: Series, run: Run) -> list[Recipient]:
    """Channel and address of everybody who is to read it; who is away is read for by the delegate as well."""
    absent = {address for address, presence in run.presence.items() if presence is Presence.ABSENT}
    mail = [each.email for each in series.attendees]
    mail += [each.delegate for each in series.attendees if each.delegate and each.email.lower() in absent]
    chat = [("slack", series.slack)] if series.slack else []
    return [*chat, *(("email", address) for address in dict.fromkeys(mail))]


def owe(c: Connection, meeting_id: int, reason: AlertReason, to: Iterable[Recipient], now: datetime) -> None:
    """Each of them once, however often it is asked for."""
    rows = [
        {
            "subject": subject(meeting_id),
            "handoff_id": None,
            "reason": reason.value,
            "channel": channel,
            "recipient": address,
            "state": "owed",
            "owed_at": now,
            "not_before": now,
        }
        for channel, address in to
    ]
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    if rows:
        c.execute(dialect.insert(Alert).on_conflict_do_nothing(), rows)


def owners(c: Connection, series: Series, series_key: str) -> list[Recipient]:
    """Those who have an open action item and an address: their own, or as the attendee of that name."""
    known = {each.name: each.email for each in series.attendees}
    found = (row.owner_email or known.get(row.owner) for row in _open_items(c, series_key))
    return [("email", address) for address in dict.fromkeys(filter(None, found))]


def _open_items(c: Connection, series_key: str) -> Sequence[Any]:
    mine = (ActionItem.series_key == series_key, ActionItem.state == "open")
    return c.execute(select(ActionItem.__table__).where(*mine).order_by(ActionItem.due_on, ActionItem.id)).all()


# --- the log


def delivered(c: Connection, meeting_id: int) -> Sequence[Any]:
    """What was owed to whom, and what became of it."""
    about = select(Alert.__table__).where(Alert.subject == subject(meeting_id))
    return c.execute(about.order_by(Alert.id)).all()


def shared(rows: Iterable[Any], reason: AlertReason) -> Shared:
    mine = [row for row in rows if row.reason == reason]
    sent = [row.sent_at for row in mine if row.state == "sent"]
    return Shared(len(mine), len(sent), max(sent, default=None))


# --- words


def message(c: Connection, alert: Any, settings: Settings, now: datetime) -> Message:  # noqa: ARG001 - as all composers
    row = c.execute(select(Meeting.__table__).where(Meeting.id == _meeting_id(alert))).one()
    if alert.reason == AlertReason.STANDING:
        return _standing(c, row, alert, settings)
    return from_json(row.letters[alert.reason], f"alert-{alert.alert_id}")


def still_news(c: Connection, alert: Any) -> bool:
    """Nobody is asked about what is done meanwhile."""
    if alert.reason != AlertReason.STANDING:
        return True
    row = c.execute(select(Meeting.__table__).where(Meeting.id == _meeting_id(alert))).one()
    return bool(_items_of(c, row, alert.recipient))


def _meeting_id(alert: Any) -> int:
    return int(alert.subject.partition(":")[2])


def _items_of(c: Connection, row: Any, address: str) -> list[Any]:
    known = {each.name: each.email for each in Series.model_validate(row.series).attendees}
    return [item for item in _open_items(c, row.series_key) if (item.owner_email or known.get(item.owner)) == address]


def _standing(c: Connection, row: Any, alert: Any, settings: Settings) -> Message:
    locale, zone = settings.locale, settings.zone
    items = _items_of(c, row, alert.recipient)
    due = {item.id: day(datetime.combine(item.due_on, time(12), zone), zone, locale) for item in items}
    fields = [(f"#{item.id} {due[item.id]}", f"{item.text}\n{item.done_when}") for item in items]
    until = moment(row.share_by, zone, locale)
    by = text(locale, "Please say by {moment} how they stand, and why where one is not done.", moment=until)
    return Message(
        reference=f"alert-{alert.alert_id}",
        title=text(locale, "How do your action items stand? ({count})", count=len(items)),
        fields=(*fields, (text(locale, "By when"), by)),
        links=(Link(text(locale, "Open it"), f"{settings.public_url}/"),),
        footnote=f"tasuki action report {items[0].id} …  /  POST /v1/actions/{items[0].id}/reports",
        locale=locale,
    )  # fmt: skip


def to_json(said: Message) -> dict[str, Any]:
    return {
        "title": said.title,
        "fields": [list(field) for field in said.fields],
        "links": [[link.label, link.url] for link in said.links],
        "footnote": said.footnote,
        "locale": said.locale,
    }


def from_json(said: Mapping[str, Any], reference: str) -> Message:
    return Message(
        reference=reference,
        title=said["title"],
        fields=tuple((label, value) for label, value in said["fields"]),
        links=tuple(Link(label, url) for label, url in said["links"]),
        footnote=said["footnote"],
        locale=said["locale"],
    )
