"""Silences of feeds: whom they hide, and how one begins and ends. Nobody is accused on the word of a dark feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.clock import Verdict
from app.domain.darkness import Dark, Darkness
from app.domain.policy import AlertReason
from app.models import Alert, Feed, Handoff, LeadIdentity, Silence, Source
from connectors import registry
from connectors.contract import SourceConfig

#: What a source is to the team if its silence hides what sales did.
SALES = ("sfa", "both")
#: Admins of a tool that can be asked hear of its silence after this, if asking did not end it.
PATIENCE = timedelta(minutes=5)
#: A sender may have a message in hand for this long.
IN_HAND = timedelta(minutes=1)
#: While a feed is dark its tool is asked this often; a poll that runs is left alone for as long.
ASK_EVERY = timedelta(minutes=2)
#: Leads looked up in one go.
LEADS = 1000


# --- whom silences hide


def darkness(c: Connection) -> Darkness:
    """Every lasting silence of an enabled source of sales; one look at an index when there is none."""
    lasting = (
        select(Silence.since, Source.kind, Source.config)
        .join(Source, Source.id == Silence.source_id)
        .where(Silence.until.is_(None), Source.disabled_at.is_(None))
    )
    since: dict[str, datetime] = {}
    for row in [*c.execute(lasting), *_being_read(c)]:
        if role_of(row) in SALES:
            system = system_of(row)
            since[system] = min(row.since, since.get(system, row.since))
    return Darkness(since, systems_of_sales(c)) if since else Darkness()


def _being_read(c: Connection) -> Iterator[Any]:
    """Sources whose past is being read for the first time: until that is done they have not told of every call."""
    columns = (Source.kind, Source.config, Feed.backfill)
    query = select(*columns).join(Feed, Feed.source_id == Source.id)
    for row in c.execute(query.where(Feed.backfill.is_not(None), Source.disabled_at.is_(None))):
        if reading_moved_at(row.backfill):
            since = datetime.fromisoformat(row.backfill["from"])
            yield SimpleNamespace(kind=row.kind, config=row.config, since=since)


def reading_moved_at(backfill: dict[str, Any] | None) -> datetime | None:
    """When a reading of the past that is not done last came on, as `Feed.backfill` has it; None: none goes on."""
    if not backfill or backfill.get("done_at"):
        return None
    return datetime.fromisoformat(backfill.get("moved_at") or backfill["started_at"])


def systems_of_sales(c: Connection) -> frozenset[str]:
    enabled = c.execute(select(Source.kind, Source.config).where(Source.disabled_at.is_(None)))
    return frozenset(system_of(source) for source in enabled if role_of(source) in SALES)


def role_of(source: Any) -> str:
    """ma, sfa or both. A source whose connector is gone may have been anything."""
    if role := source.config.get("role"):
        return str(role)
    return registry.connector(source.kind).role if source.kind in registry.kinds() else "both"


def system_of(source: Any) -> str:
    """The name of the system whose ids it gives to people."""
    return source.config.get("system") or str(source.kind)


def shared_config(source: Any) -> SourceConfig:
    """The settings that every source has; the defaults where they cannot be read."""
    known = {name: value for name, value in source.config.items() if name in SourceConfig.model_fields}
    try:
        return SourceConfig.model_validate(known)
    except ValueError:
        return SourceConfig()


def systems_of(c: Connection, lead_ids: Iterable[int]) -> dict[int, set[str]]:
    """The systems in which each of the leads has an id."""
    found: dict[int, set[str]] = {lead_id: set() for lead_id in lead_ids}
    asked = sorted(found)
    for start in range(0, len(asked), LEADS):
        named = select(LeadIdentity.lead_id, LeadIdentity.system).distinct()
        for lead_id, system in c.execute(named.where(LeadIdentity.lead_id.in_(asked[start : start + LEADS]))):
            found[lead_id].add(system)
    return found


# --- the beginning


def begin(
    c: Connection, source: Any, dark: Dark, routes: Sequence[tuple[str, str]], now: datetime, *, asked: bool
) -> int:
    """A source's feed went dark: admins are owed a word, and what fell due since then is judged again.

    `source`: its id, kind and config. `asked`: its tool can be polled, which is done at once. Returns 0 if another
    process was quicker.
    """
    row = {"source_id": source.id, "since": dark.since, "noticed_at": now, "why": dark.why.value}
    silence_id = c.scalar(_insert(c, Silence).values(row).on_conflict_do_nothing().returning(Silence.id))
    if silence_id is None:
        return 0
    owed = _owed(silence_id, AlertReason.FEED_DARK, now, not_before=now + PATIENCE if asked else now)
    _owe(c, [owed | _to(route) for route in routes])
    if role_of(source) in SALES:
        _judge_again(c, fell_due(dark.since, now), now)  # handoffs before the feed, as the ledger locks them
    if asked:
        ask_by(c, source.id, now, now)
    return 1


def fell_due(since: datetime, now: datetime) -> ColumnElement[bool]:
    """Handoffs that wait for a follow-up and fell due in between."""
    waiting = Handoff.verdict.in_([Verdict.BREACHED, Verdict.AT_RISK, Verdict.ON_TRACK, Verdict.UNKNOWN])
    return waiting & (Handoff.due_at > since) & (Handoff.due_at <= now)


def _judge_again(c: Connection, which: ColumnElement[bool], now: datetime) -> None:
    """Locked in the order in which everybody locks them: who judges one just now is waited for."""
    c.execute(select(Handoff.id).where(which).order_by(Handoff.id).with_for_update()).all()
    c.execute(update(Handoff).where(which).values(check_again_at=now))


def ask_by(c: Connection, source_id: int, by: datetime, now: datetime) -> None:
    """The next poll is brought forward; one that runs or is near, and the wait after a failure, stay."""
    plan = update(Feed).where(Feed.source_id == source_id, Feed.poll_at > now + ASK_EVERY, Feed.failures == 0)
    c.execute(plan.values(poll_at=by))


# --- the end


def end(c: Connection, source: Any, silence_id: int, now: datetime, *, tell: bool) -> int:
    """What was missed has been read: what had no verdict is judged. `tell`: who was told of the silence hears of it.

    Returns 0 if another process was quicker.
    """
    lasting = update(Silence).where(Silence.id == silence_id, Silence.until.is_(None))
    if not c.execute(lasting.values(until=now)).rowcount:
        return 0
    told = c.execute(_told_of(silence_id).with_for_update()).all()
    untold = [alert.id for alert in told if _untold(alert, now) or not tell]
    c.execute(update(Alert).where(Alert.id.in_(untold), Alert.state == "owed").values(state="dropped"))
    back = [_back(alert, silence_id, now) for alert in told if alert.id not in untold]
    _owe(c, back)
    if role_of(source) in SALES:
        _judge_again(c, Handoff.verdict == Verdict.UNKNOWN, now)
    return 1


def _told_of(silence_id: int) -> Any:
    """Alerts of its beginning that were sent or still may be."""
    about = Alert.subject == subject(silence_id), Alert.reason == AlertReason.FEED_DARK.value
    return select(Alert.__table__).where(*about, Alert.state.in_(("owed", "sent"))).order_by(Alert.id)


def _untold(alert: Any, now: datetime) -> bool:
    return alert.state == "owed" and not alert.attempts and bool(alert.not_before > now + IN_HAND)


def _back(alert: Any, silence_id: int, now: datetime) -> dict[str, Any]:
    """Not before the word of its beginning."""
    not_before = now if alert.state == "sent" else max(now, alert.not_before)
    return _owed(silence_id, AlertReason.FEED_BACK, now, not_before) | _to((alert.channel, alert.recipient))


# --- what admins are owed


def subject(silence_id: int) -> str:
    return f"silence:{silence_id}"


def _owed(silence_id: int, reason: AlertReason, now: datetime, not_before: datetime) -> dict[str, Any]:
    about = {"subject": subject(silence_id), "handoff_id": None, "reason": reason.value}
    return about | {"state": "owed", "owed_at": now, "not_before": not_before, "attempts": 0}


def _owe(c: Connection, alerts: Sequence[dict[str, Any]]) -> None:
    if alerts:
        c.execute(_insert(c, Alert).on_conflict_do_nothing(), alerts)


def _to(route: tuple[str, str]) -> dict[str, Any]:
    channel, recipient = route
    return {"channel": channel, "recipient": recipient}


def _insert(c: Connection, table: Any) -> Any:
    return (sqlite if c.dialect.name == "sqlite" else postgresql).insert(table)
