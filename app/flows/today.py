"""What the start page shows: handoffs by time left, breaches, and how fresh the sources are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from app.domain.agenda import Lead as Person
from app.domain.agenda import on_clock
from app.domain.bands import Band, Clock, band, paused_until
from app.domain.calendar import ClockKind
from app.domain.clock import OPEN, Verdict
from app.domain.episode import changes_from_json
from app.domain.policy import Policies
from app.models import HANDED_OVER, Delivery, Handoff, Lead, Source

#: Handoffs written out per table; the others are counted.
ROWS = 50
#: The newest deliveries, among which a source's last one is looked for.
LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One handoff that waits for a follow-up."""

    handoff_id: int
    lead: Person
    #: The record in the SFA.
    url: str | None
    #: Name or id; None: nobody yet, or a queue.
    owner: str | None
    due_at: datetime
    band: Band
    #: Until the deadline, or since it, on the policy's clock.
    distance: timedelta
    #: Whether that is working time.
    working: bool
    #: As they were when the lead became MQL; None where the rule did not ask for them.
    score: float | None
    downloads: int | None
    #: None: its clock runs.
    paused_until: datetime | None
    #: Who said that they are on it.
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """ROWS lines at most, of `total`."""

    lines: tuple[Line, ...]
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.lines)


@dataclass(frozen=True, slots=True)
class Freshness:
    """When a source last delivered."""

    name: str
    kind: str
    #: None: not among the newest deliveries.
    heard_at: datetime | None
    #: Not heard since this moment at least; None with `heard_at` None: never heard.
    silent_since: datetime | None


@dataclass(frozen=True, slots=True)
class Today:
    """The start page's numbers at one moment."""

    open: int
    at_risk: int
    overdue: int
    on_track: int
    ownerless: int
    #: By time left.
    running: Listing
    #: The newest deadline first.
    breaches: Listing
    sources: tuple[Freshness, ...]


def read(c: Connection, policies: Policies, zone: ZoneInfo, now: datetime, *, ownerless: bool = False) -> Today:
    """`ownerless`: list only handoffs that nobody owns; the numbers stay whole."""
    in_time, late = _counted(c, Handoff.due_at >= now), _counted(c, Handoff.due_at < now)
    unknown = in_time.pop(Verdict.UNKNOWN, 0) + late.pop(Verdict.UNKNOWN, 0)
    breached = in_time.pop(Verdict.BREACHED, 0) + sum(late.values())
    return Today(
        open=sum(in_time.values()) + breached + unknown,
        at_risk=in_time.get(Verdict.AT_RISK, 0),
        overdue=breached,
        on_track=in_time.get(Verdict.ON_TRACK, 0),
        ownerless=_ownerless(c),
        running=_listing(c, _running(now), policies, zone, now, ownerless=ownerless),
        breaches=_listing(c, _overdue(now), policies, zone, now, ownerless=ownerless, newest_first=True),
        sources=tuple(freshness(c)),
    )


def _counted(c: Connection, when: ColumnElement[bool]) -> dict[Verdict, int]:
    """Open handoffs by verdict."""
    query = select(Handoff.verdict, func.count()).where(HANDED_OVER, Handoff.verdict.in_(sorted(OPEN)), when)
    return {Verdict(verdict): count for verdict, count in c.execute(query.group_by(Handoff.verdict))}


def _ownerless(c: Connection) -> int:
    """Counted among the open ones: closed handoffs without an owner can be many."""
    nobody = func.count().filter(Handoff.owner.is_(None))
    return c.scalar(select(nobody).where(HANDED_OVER, Handoff.verdict.in_(sorted(OPEN)))) or 0


def _number(c: Connection, *conditions: ColumnElement[bool]) -> int:
    return c.scalar(select(func.count()).select_from(Handoff).where(HANDED_OVER, *conditions)) or 0


# --- lists


def _running(now: datetime) -> list[ColumnElement[bool]]:
    """One condition a verdict, so that each is a walk along the index of verdict and deadline."""
    return [
        and_(Handoff.verdict == Verdict.AT_RISK, Handoff.due_at >= now),
        and_(Handoff.verdict == Verdict.ON_TRACK, Handoff.due_at >= now),
        and_(Handoff.verdict == Verdict.UNKNOWN),
    ]


def _overdue(now: datetime) -> list[ColumnElement[bool]]:
    """A sweep that is yet to come may still call an overdue one on track."""
    return [
        and_(Handoff.verdict == Verdict.BREACHED),
        and_(Handoff.verdict == Verdict.AT_RISK, Handoff.due_at < now),
        and_(Handoff.verdict == Verdict.ON_TRACK, Handoff.due_at < now),
    ]


def _listing(
    c: Connection,
    walks: Sequence[ColumnElement[bool]],
    policies: Policies,
    zone: ZoneInfo,
    now: datetime,
    *,
    ownerless: bool,
    newest_first: bool = False,
) -> Listing:
    """The first ROWS of all walks together."""
    narrowed = [and_(walk, Handoff.owner.is_(None)) for walk in walks] if ownerless else walks
    rows = [row for walk in narrowed for row in _walk(c, walk, newest_first)]
    rows.sort(key=lambda row: (row.due_at, row.id), reverse=newest_first)
    listed = tuple(line(row, policies, zone, now) for row in rows[:ROWS])
    return Listing(listed, len(rows) if len(rows) < ROWS else _number(c, or_(*narrowed)))


def _walk(c: Connection, walk: ColumnElement[bool], newest_first: bool) -> Sequence[Any]:
    order = (Handoff.due_at.desc(), Handoff.id.desc()) if newest_first else (Handoff.due_at, Handoff.id)
    return c.execute(lines().where(HANDED_OVER, walk).order_by(*order).limit(ROWS)).all()


def lines() -> Select[Any]:
    """What `line` makes a Line of."""
    return select(
        Handoff.id,
        Handoff.policy_id,
        Handoff.verdict,
        Handoff.due_at,
        Handoff.owner,
        Handoff.episode["owner_name"].as_string().label("owner_name"),
        Handoff.episode["findings"].label("findings"),
        Handoff.episode["changes"].label("changes"),
        Handoff.episode["acknowledged_by"].as_string().label("acknowledged_by"),
        Lead.id.label("lead_id"),
        Lead.name,
        Lead.company,
        Lead.url,
    ).join(Lead, Lead.id == Handoff.lead_id)


def line(row: Any, policies: Policies, zone: ZoneInfo, now: datetime) -> Line:
    version, paused = policies.by_id[row.policy_id], paused_until(changes_from_json(row.changes), now)
    earlier, later = sorted((now, row.due_at))
    return Line(
        handoff_id=row.id,
        lead=Person(row.lead_id, row.name, row.company),
        url=row.url,
        owner=(row.owner_name or row.owner) if row.owner else None,
        due_at=row.due_at,
        band=band(Clock(Verdict(row.verdict), row.due_at, paused), zone, now),
        distance=on_clock(version, earlier, later),
        working=version.policy.clock is not ClockKind.ELAPSED,
        score=_found(row.findings, "score"),
        downloads=_found(row.findings, "count", activity="download"),
        paused_until=paused,
        acknowledged_by=row.acknowledged_by,
    )


def _found(findings: Iterable[Any], condition: str, **details: str) -> Any:
    """What the rule's first condition of that sort saw."""
    for finding in findings:
        asked = finding["condition"].get(condition)
        if asked and all(asked.get(name) == wanted for name, wanted in details.items()):
            return finding["value"]
    return None


# --- sources


def freshness(c: Connection) -> list[Freshness]:
    """Of every source that is not disabled."""
    newest = c.scalar(select(func.max(Delivery.id))) or 0
    looked_at = Delivery.id > newest - LOOKED_AT
    oldest = c.scalar(select(Delivery.received_at).where(looked_at).order_by(Delivery.id).limit(1))
    silent_since = oldest if newest > LOOKED_AT else None
    sources = c.execute(
        select(Source.id, Source.name, Source.kind).where(Source.disabled_at.is_(None)).order_by(Source.id)
    )
    return [Freshness(s.name, s.kind, _heard(c, s.id, looked_at), silent_since) for s in sources.all()]


def _heard(c: Connection, source_id: int, looked_at: ColumnElement[bool]) -> datetime | None:
    last = select(Delivery.received_at).where(Delivery.source_id == source_id, looked_at)
    return c.scalar(last.order_by(Delivery.id.desc()).limit(1))
