"""What admins read when a feed goes dark and when it is back: which, since when, what it means, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from app.domain.darkness import Darkness, Why
from app.domain.language import moment, span, text
from app.domain.policy import AlertReason
from app.flows.silences import SALES, fell_due, role_of, system_of, systems_of, systems_of_sales
from app.models import Alert, Feed, Handoff, Silence, Source
from app.notify.contract import Message
from app.settings import Settings

TITLES = {
    Why.SILENT: "Nothing from {source} since {time}",
    Why.FAILING: "{source} cannot be asked since {time}",
    Why.BEHIND: "What {source} told is read only up to {time}",
    Why.STALLED: "The history of {source} has not been read on since {time}",
}
REMEDIES = {
    Why.SILENT: "See in the tool whether its webhook is still switched on and uses the newest secret.",
    Why.FAILING: "See whether the tool's API token is still good; `tasuki source credential {source}` takes a new one.",
    Why.BEHIND: "It is being read; if this lasts, `tasuki doctor` says what stops it.",
    Why.STALLED: "`tasuki source backfill {source}` goes on with it and says what stops it; with `--again --days 30` it"
    " reads less.",
}


def message(c: Connection, alert: Any, settings: Settings, now: datetime) -> Message:
    """`alert`: the columns of an alert whose subject is a silence. In the settings' language."""
    silence, locale = c.execute(_about(alert.subject)).one(), settings.locale
    dark = AlertReason(alert.reason) is AlertReason.FEED_DARK
    title = TITLES[Why(silence.why)] if dark else "{source} is heard again"
    fields = _dark(c, silence, settings, now) if dark else _back(silence, settings, now)
    return Message(
        reference=f"alert-{getattr(alert, 'alert_id', None) or alert.id}",
        title=text(locale, title, source=silence.name, time=moment(silence.since, settings.zone, locale)),
        fields=tuple(fields),
        locale=locale,
    )


def still_true(c: Connection, alert: Any) -> bool:
    """Whether it may still be sent: a silence that lasts, or the end of one that its recipient was told of."""
    if AlertReason(alert.reason) is AlertReason.FEED_DARK:
        return c.execute(_about(alert.subject)).one().until is None
    begun = select(Alert.state).where(
        Alert.subject == alert.subject,
        Alert.reason == AlertReason.FEED_DARK.value,
        Alert.channel == alert.channel,
        Alert.recipient == alert.recipient,
    )
    return c.scalar(begun) == "sent"


def _about(subject: str) -> Any:
    columns = (Silence.why, Silence.since, Silence.until, Source.name, Source.kind, Source.config, Feed.poll_error)
    query = select(*columns).join(Source, Source.id == Silence.source_id)
    joined = query.outerjoin(Feed, Feed.source_id == Silence.source_id)
    return joined.where(Silence.id == int(subject.partition(":")[2]))


def _dark(c: Connection, silence: Any, settings: Settings, now: datetime) -> Iterator[tuple[str, str]]:
    locale, why = settings.locale, Why(silence.why)
    yield text(locale, "Source"), _source(silence)
    yield text(locale, "Worked until"), moment(silence.since, settings.zone, locale)
    if why is Why.FAILING and silence.poll_error:
        yield text(locale, "Error"), silence.poll_error
    yield text(locale, "What it means"), _meaning(c, silence, locale, now)
    yield text(locale, "What to do"), text(locale, REMEDIES[why], source=silence.name)


def _source(silence: Any) -> str:
    return f"{silence.name} ({silence.kind})" if silence.name != silence.kind else str(silence.name)


def _meaning(c: Connection, silence: Any, locale: str, now: datetime) -> str:
    if role_of(silence) not in SALES:
        return text(locale, "New MQLs may be recognised late; deadlines count from when it really happened.")
    if count := _without_verdict(c, silence, now):
        held = "{count} overdue leads have no verdict until it is back; nobody is told that they are late."
        return text(locale, held, count=count)
    return text(locale, "What falls due from now on has no verdict until it is back; nobody is told that it is late.")


def _without_verdict(c: Connection, silence: Any, now: datetime) -> int:
    """Handoffs that fell due since then, of whose leads this source alone could tell us."""
    due = c.execute(select(Handoff.lead_id).where(fell_due(silence.since, now))).scalars().all()
    hidden = Darkness({system_of(silence): silence.since}, systems_of_sales(c))
    known = systems_of(c, due)
    return sum(hidden.since_for(known[lead_id]) is not None for lead_id in due)


def _back(silence: Any, settings: Settings, now: datetime) -> Iterator[tuple[str, str]]:
    locale, until = settings.locale, silence.until or now
    begins, ends = (moment(at, settings.zone, locale) for at in (silence.since, until))
    yield text(locale, "Source"), _source(silence)
    yield text(locale, "Was dark"), f"{begins} – {ends} ({span(until - silence.since, locale)})"
    if role_of(silence) in SALES:
        judged = "Leads without a verdict are judged now, by when things really happened."
        yield text(locale, "What it means"), text(locale, judged)
