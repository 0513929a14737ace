"""The work list of sales: open handoffs by how pressing they are, page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from app.domain.bands import Section, paused_until, tomorrow
from app.domain.clock import OPEN, Verdict
from app.domain.episode import changes_from_json
from app.domain.policy import Policies
from app.flows import search, today
from app.flows.today import Line
from app.models import HANDED_OVER, AuditEntry, Delivery, Handoff, VerdictChange

#: Lines of each part where all are shown, and of one part alone.
FIRST, PAGE = 20, 50
#: Pauses that are looked at; more than a team has. Others stand where their deadline puts them.
MOST_PAUSED = 5000
#: Leads written out in a query.
MOST_MEANT = 5000
#: With a deadline ahead.
RUNNING = (Verdict.ON_TRACK, Verdict.AT_RISK)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is None or empty is not asked for."""

    #: As the tools call them.
    owner: str | None = None
    unowned: bool = False
    team: str | None = None
    #: The policy's key.
    policy: str | None = None
    #: A part of the lead's name or company, an address, a tool's id.
    words: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """By whose SLA and wall, and when."""

    policies: Policies
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Part:
    section: Section
    lines: tuple[Line, ...]
    total: int
    #: From 1.
    page: int
    pages: int

    @property
    def more(self) -> int:
        """Those that are on other pages."""
        return self.total - len(self.lines)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the list can be narrowed down by."""

    #: Id and name of whoever owns an open handoff, by name.
    owners: tuple[tuple[str, str], ...]
    teams: tuple[str, ...]
    #: Key and name.
    policies: tuple[tuple[str, str], ...]


def parts(c: Connection, look: Look, wanted: Wanted) -> list[Part]:
    """The beginning of every section."""
    paused, narrowed = _paused(c, look.now), tuple(_narrowed(c, wanted, look))
    return [_part(c, look, (_within(section, paused, look), *narrowed), section, FIRST, 1) for section in Section]


def part(c: Connection, look: Look, wanted: Wanted, section: Section, page: int) -> Part:
    """One section's page; the last one for a page beyond it."""
    within = _within(section, _paused(c, look.now), look)
    return _part(c, look, (within, *_narrowed(c, wanted, look)), section, PAGE, page)


def choices(c: Connection, look: Look) -> Choices:
    in_force = look.policies.in_force(look.now)
    return Choices(
        owners=tuple(sorted(_owners(c), key=lambda owner: owner[1])),
        teams=tuple(sorted(set(look.policies.teams(look.now).values()))),
        policies=tuple((version.policy.key, version.policy.name) for version in in_force),
    )


def version(c: Connection) -> str:
    """Changes when the list may have: something was judged, said by hand or told by a tool. Looks at ends of indexes
    alone."""
    judged = c.scalar(select(func.max(VerdictChange.id)))
    by_hand = c.scalar(select(func.max(AuditEntry.id)))
    told = c.scalar(select(func.max(Delivery.id)).where(Delivery.state == "applied"))
    waiting = c.scalar(select(func.min(Delivery.id)).where(Delivery.state == "waiting"))
    return f"{judged or 0}-{by_hand or 0}-{told or 0}-{waiting or 0}"


def _part(
    c: Connection, look: Look, conditions: Sequence[ColumnElement[bool]], section: Section, size: int, page: int
) -> Part:
    where = (HANDED_OVER, *conditions)
    total = c.scalar(select(func.count()).select_from(Handoff).where(*where)) or 0
    pages = max(1, -(-total // size))
    page = min(page, pages)
    newest_first = section is Section.OVERDUE
    order = (Handoff.due_at.desc(), Handoff.id.desc()) if newest_first else (Handoff.due_at, Handoff.id)
    chosen = select(Handoff.id).where(*where).order_by(*order).limit(size).offset((page - 1) * size)
    return Part(section, _lines(c, c.execute(chosen).scalars().all() if total else (), look), total, page, pages)


def _lines(c: Connection, chosen: Sequence[int], look: Look) -> tuple[Line, ...]:
    found = {row.id: row for row in c.execute(today.lines().where(Handoff.id.in_(chosen)))} if chosen else {}
    return tuple(today.line(found[handoff_id], look.policies, look.zone, look.now) for handoff_id in chosen)


def _within(section: Section, paused: Collection[int], look: Look) -> ColumnElement[bool]:
    """The decision of domain.bands as a condition, so that a page is found along an index."""
    ahead = Handoff.due_at >= look.now
    held = Handoff.id.in_(sorted(paused)) if paused else Handoff.id.is_(None)
    runs = and_(ahead, ~held) if paused else ahead
    midnight = tomorrow(look.zone, look.now)
    match section:
        case Section.SOON:
            return and_(Handoff.verdict == Verdict.AT_RISK, runs)
        case Section.OVERDUE:  # a sweep that is yet to come may still call one on track
            passed = and_(Handoff.verdict.in_(RUNNING), Handoff.due_at < look.now)
            return or_(Handoff.verdict == Verdict.BREACHED, passed)
        case Section.TODAY:
            return and_(Handoff.verdict == Verdict.ON_TRACK, runs, Handoff.due_at < midnight)
        case Section.LATER:
            return and_(Handoff.verdict == Verdict.ON_TRACK, runs, Handoff.due_at >= midnight)
        case Section.WAITING:
            return or_(Handoff.verdict == Verdict.UNKNOWN, held)


def _paused(c: Connection, now: datetime) -> list[int]:
    """Handoffs with a deadline ahead whose clock stands still now."""
    noted = Handoff.episode["changes"].as_string().like('%"pause"%')
    mine = (HANDED_OVER, Handoff.verdict.in_(RUNNING), Handoff.due_at >= now, noted)
    rows = c.execute(select(Handoff.id, Handoff.episode["changes"]).where(*mine).limit(MOST_PAUSED))
    return [handoff_id for handoff_id, changes in rows if paused_until(changes_from_json(changes), now)]


def _narrowed(c: Connection, wanted: Wanted, look: Look) -> Iterator[ColumnElement[bool]]:
    if wanted.unowned:
        yield Handoff.owner.is_(None)
    elif wanted.owner is not None:
        yield Handoff.owner == wanted.owner
    if wanted.team is not None:
        yield _in_team(wanted.team, look)
    if wanted.policy is not None:
        versions = look.policies.by_id.values()
        yield Handoff.policy_id.in_([version.id for version in versions if version.policy.key == wanted.policy])
    if wanted.words:
        yield Handoff.lead_id.in_(_meant(c, wanted.words))


def _meant(c: Connection, words: str) -> Sequence[int] | Select[Any]:
    """Looked up once for all sections, unless they are so many that the database had better keep them to itself."""
    found = c.execute(search.ids(words).limit(MOST_MEANT + 1)).scalars().all()
    return found if len(found) <= MOST_MEANT else search.ids(words)


def _in_team(team: str, look: Look) -> ColumnElement[bool]:
    """By id, name or e-mail address, as the policy names its people."""
    members = sorted(member for member, theirs in look.policies.teams(look.now).items() if theirs == team)
    said = (Handoff.episode[name].as_string() for name in ("owner_name", "owner_email"))
    return or_(Handoff.owner.in_(members), *(name.in_(members) for name in said))


def _owners(c: Connection) -> list[tuple[str, str]]:
    """Each with the name that the newest of their open handoffs tells."""
    mine = (HANDED_OVER, Handoff.verdict.in_(sorted(OPEN)), Handoff.owner.is_not(None))
    newest = c.execute(select(func.max(Handoff.id)).where(*mine).group_by(Handoff.owner)).scalars().all()
    named: Any = Handoff.episode["owner_name"].as_string()
    rows = c.execute(select(Handoff.owner, named).where(Handoff.id.in_(newest)))
    return [(owner, name or owner) for owner, name in rows]
