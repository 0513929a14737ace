"""Bursts: recognised, announced once, and timed as the policy says or a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from app.db import Database
from app.domain import language
from app.domain.bursts import spans, staggered_start
from app.domain.clock import OPEN
from app.domain.language import moment
from app.domain.policy import AlertReason, Policies, PolicyVersion
from app.flows import audit, follow_ups, ledger
from app.flows import policies as versions
from app.models import HANDED_OVER, Alert, Burst, Event, Handoff, Source
from app.notify.contract import Link, Message
from app.settings import Settings
from connectors.contract import CanonicalEvent, EventKind

#: A burst is news for this long; an older one is history that was read in.
RECENT = timedelta(hours=6)
#: Until the announcement: more of them may be on their way.
COLLECT = timedelta(minutes=2)
#: Leads moved a transaction.
BATCH = 100


class NoSuchBurst(LookupError):
    """No burst has that number."""


def watch(database: Database, cache: versions.Cache, settings: Settings, now: datetime) -> int:
    """Recognise what came in; returns how many leads were found to be part of a burst."""
    with database.read() as c:
        if not _new_members(_candidates(c, now), cache.read(c)):
            return 0
    with database.write() as c:
        _alone(c)
        found = 0
        policies = cache.read(c)
        for source_id, rows in _new_members(_candidates(c, now), policies):
            found += _take_in(c, source_id, rows, policies, settings, now)
        return found


def _alone(c: Connection) -> None:
    """Two processes must not make two bursts of one."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_advisory_xact_lock(7473)"))


def _candidates(c: Connection, now: datetime) -> dict[tuple[int | None, int], list[Any]]:
    """Handoffs that began lately, by source of what made them MQL and policy version, in event time."""
    rows = c.execute(
        select(
            Handoff.id,
            Handoff.lead_id,
            Handoff.policy_id,
            Handoff.qualified_at,
            Handoff.verdict,
            Handoff.burst_id,
            Event.source_id,
        )
        .join(Event, Event.id == Handoff.episode["completed_by"].as_string())
        .where(HANDED_OVER, Handoff.qualified_at > now - RECENT)
        .order_by(Handoff.qualified_at, Handoff.id)
    )
    found: dict[tuple[int | None, int], list[Any]] = {}
    for row in rows:
        found.setdefault((row.source_id, row.policy_id), []).append(row)
    return found


def _new_members(
    candidates: dict[tuple[int | None, int], list[Any]], policies: Policies
) -> list[tuple[int | None, list[Any]]]:
    """Per source the rows of each burst, if one of them is not known to be part of it."""
    found = []
    for (source_id, policy_id), rows in candidates.items():
        rule = policies.by_id[policy_id].policy.bursts
        within = timedelta(minutes=rule.minutes)
        for first, last in spans([row.qualified_at for row in rows], rule.leads, within):
            members = [row for row in rows if first <= row.qualified_at <= last]
            if any(row.burst_id is None and row.verdict in OPEN for row in members):
                found.append((source_id, members))
    return found


def _take_in(
    c: Connection, source_id: int | None, rows: Sequence[Any], policies: Policies, settings: Settings, now: datetime
) -> int:
    version = policies.by_id[rows[0].policy_id]
    burst_id = next((row.burst_id for row in rows if row.burst_id), None)
    handling: str = version.policy.bursts.handling
    values = {"began_at": rows[0].qualified_at, "ended_at": rows[-1].qualified_at, "leads": len(rows)}
    if burst_id is None:
        new = values | {"source_id": source_id, "handling": handling, "noticed_at": now}
        burst_id = c.execute(insert(Burst).values(new).returning(Burst.id)).scalar_one()
        _announce(c, burst_id, version, settings, now)
    else:
        handling = c.execute(
            update(Burst).where(Burst.id == burst_id).values(values).returning(Burst.handling)
        ).scalar_one()
    fresh = [(place, row) for place, row in enumerate(rows) if row.burst_id is None and row.verdict in OPEN]
    _move(c, burst_id, fresh, handling, "tasuki", policies, now)
    return len(fresh)


def _move(
    c: Connection,
    burst_id: int,
    members: Iterable[tuple[int, Any]],
    handling: str,
    by: str,
    policies: Policies,
    now: datetime,
) -> None:
    """Write the burst, and what follows from it, into the ledger of every lead; nobody is told of each one."""
    told = list(members)
    facts = [_fact(c, burst_id, place, row, handling, by, policies, now) for place, row in told]
    ledger.apply(c, facts, policies, now)
    single = (AlertReason.HANDED_OVER.value, AlertReason.AT_RISK.value)
    mine = Alert.handoff_id.in_([row.id for _, row in told])
    c.execute(update(Alert).where(mine, Alert.reason.in_(single), Alert.state == "owed").values(state="dropped"))


def _fact(
    c: Connection, burst_id: int, place: int, row: Any, handling: str, by: str, policies: Policies, now: datetime
) -> ledger.Fact:
    said: dict[str, Any] = {"burst": burst_id, "by": by}
    if handling == "exclude":
        said["void"] = "burst"
    else:
        start = staggered_start(row.qualified_at, place, policies.by_id[row.policy_id])
        said["start"] = start.isoformat() if start and handling == "stagger" else None
    key = f"burst:{burst_id}:{row.id}:{handling}:{now.isoformat()}"
    about = (follow_ups.one_id(c, row.lead_id),)
    event = CanonicalEvent(key, EventKind.TERMS, now, about, said)
    return ledger.Fact(ledger.event_id(None, key), event, now, source_id=None, delivery_id=None)


# A person decides otherwise


def handle(c: Connection, burst_id: int, handling: str, *, by: str, policies: Policies, now: datetime) -> int:
    """Time the burst's open leads in another way; returns how many. An excluded one stays excluded.

    Raises NoSuchBurst.
    """
    row = c.execute(select(Burst.handling, Burst.leads).where(Burst.id == burst_id).with_for_update()).first()
    if row is None:
        raise NoSuchBurst(burst_id)
    c.execute(update(Burst).where(Burst.id == burst_id).values(handling=handling))
    members = [(place, each) for place, each in enumerate(_members(c, burst_id)) if each.verdict in OPEN]
    _move(c, burst_id, members, handling, by, policies, now)
    before, after = {"handling": row.handling}, {"handling": handling, "moved": len(members)}
    audit.write(c, now, by=by, action="burst.handled", subject=f"burst:{burst_id}", before=before, after=after)
    return len(members)


def _members(c: Connection, burst_id: int) -> Sequence[Any]:
    columns = (Handoff.id, Handoff.lead_id, Handoff.policy_id, Handoff.qualified_at, Handoff.verdict)
    mine = select(*columns).where(Handoff.burst_id == burst_id, HANDED_OVER)
    return c.execute(mine.order_by(Handoff.qualified_at, Handoff.id)).all()


def newest(c: Connection, limit: int = 100) -> Sequence[Any]:
    """Bursts with the name of their source, the newest first."""
    query = select(Burst.__table__, Source.name.label("source")).outerjoin(Source, Source.id == Burst.source_id)
    return c.execute(query.order_by(Burst.id.desc()).limit(limit)).all()


# The announcement


def _announce(c: Connection, burst_id: int, version: PolicyVersion, settings: Settings, now: datetime) -> None:
    """Once, to those who hear of leads in general and to the admins."""
    routes: set[tuple[str, str]] = {(route.channel, route.to) for route in version.policy.alerts if route.to != "owner"}
    routes.update(settings.admin_routes)
    owed = {"subject": f"burst:{burst_id}", "reason": AlertReason.BURST.value, "state": "owed", "attempts": 0}
    rows = [
        owed | {"channel": channel, "recipient": to, "owed_at": now, "not_before": now + COLLECT}
        for channel, to in sorted(routes)
    ]
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    if rows:
        c.execute(dialect.insert(Alert).on_conflict_do_nothing(), rows)


def message(c: Connection, alert: Any, settings: Settings, now: datetime) -> Message:  # noqa: ARG001 - as all composers
    """How many, from where, and what becomes of their deadlines."""
    locale, zone = settings.locale, settings.zone
    burst_id = int(alert.subject.partition(":")[2])
    query = select(Burst.__table__, Source.name.label("source")).outerjoin(Source, Source.id == Burst.source_id)
    row = c.execute(query.where(Burst.id == burst_id)).one()
    between = f"{moment(row.began_at, zone, locale)}–{row.ended_at.astimezone(zone):%H:%M}"
    return Message(
        reference=f"alert-{alert.alert_id}",
        title=language.text(locale, "Arrived in bulk: {n} MQL within minutes", n=row.leads),
        fields=(
            (language.text(locale, "When"), between),
            (language.text(locale, "Source"), row.source or language.text(locale, "by hand")),
            (language.text(locale, "Deadlines"), language.text(locale, DEADLINES[row.handling])),
        ),
        links=(Link(language.text(locale, "Open the list"), f"{settings.public_url}/"),),
        footnote=language.text(locale, HOW, n=row.id),
        locale=locale,
    )


HOW = "They are not announced one by one. `tasuki bursts handle {n}` decides otherwise."
DEADLINES = {
    "normal": "As for any other lead.",
    "stagger": "A share of them starts every business day.",
    "exclude": "They get no deadline.",
}


def open_in(c: Connection, burst_id: int) -> int:
    mine = select(func.count()).where(Handoff.burst_id == burst_id, HANDED_OVER, Handoff.verdict.in_(sorted(OPEN)))
    return c.scalar(mine) or 0
