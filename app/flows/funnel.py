"""Keep the projections of what became of handoffs up with the ledger; `check` says where they differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from app.db import Database
from app.domain import funnel as decide
from app.domain.agenda import on_clock
from app.domain.episode import episode_from_json
from app.domain.funnel import KINDS, Begun, Funnel, Standing, read_funnel
from app.domain.history import RETURNED_WITHOUT_REASON
from app.domain.policy import Policies
from app.flows import told
from app.flows.policies import all_versions
from app.models import HANDED_OVER, Handoff, Lead, Opportunity, Progress
from app.models import Event as EventRow

#: Leads a transaction.
BATCH = 200
#: Void for one of these, a handoff never was: the lead's history as it is known now says nothing of it.
NEVER_WERE = frozenset({"not_qualified", "joined"})


def owe(c: Connection, lead_ids: Iterable[int]) -> None:
    """What became of these leads has to be read again; the caller holds their locks."""
    if some := sorted(set(lead_ids)):
        c.execute(update(Lead).where(Lead.id.in_(some), Lead.funnel_due.is_(False)).values(funnel_due=True))


def catch_up(database: Database) -> int:
    """Read the funnel of some leads that are due; how many they were."""
    due = select(Lead.id).where(Lead.funnel_due).order_by(Lead.id).limit(BATCH)
    with database.read() as c:
        if c.execute(due.limit(1)).first() is None:
            return 0
    with database.write() as c:
        ids = c.execute(due.with_for_update(skip_locked=True)).scalars().all()
        write(c, ids)
    return len(ids)


def write(c: Connection, lead_ids: Sequence[int]) -> None:
    """The caller holds the leads' locks."""
    read = funnels(c, lead_ids)
    for table in (Progress, Opportunity):
        c.execute(delete(table).where(table.lead_id.in_(lead_ids)))
    progress = [{"lead_id": lead, **asdict(one)} for lead, found in read.items() for one in found.progress]
    opportunities = [{"lead_id": lead, **asdict(one)} for lead, found in read.items() for one in found.opportunities]
    for table, rows in ((Progress, progress), (Opportunity, opportunities)):
        if rows:
            c.execute(insert(table), rows)
    for lead, found in read.items():
        said = {"source": found.source, "campaign": found.campaign, "excluded": found.excluded, "funnel_due": False}
        c.execute(update(Lead).where(Lead.id == lead).values(said))


def differences(c: Connection, lead_ids: Sequence[int]) -> Iterator[tuple[int, Funnel, Funnel]]:
    """Leads of which something else is stored than the ledger says: stored, computed. Those that are due are not."""
    ledger = funnels(c, lead_ids)
    leads = select(Lead.id, Lead.source, Lead.campaign, Lead.excluded)
    for lead in c.execute(leads.where(Lead.id.in_(lead_ids), Lead.funnel_due.is_(False))):
        kept = Funnel(
            tuple(_stored(c, Progress, decide.Progress, lead.id)),
            tuple(_stored(c, Opportunity, decide.Opportunity, lead.id)),
            lead.source,
            lead.campaign,
            lead.excluded,
        )
        if kept != ledger[lead.id]:
            yield lead.id, kept, ledger[lead.id]


def _stored(c: Connection, table: type[Progress | Opportunity], form: type[Any], lead_id: int) -> Iterator[Any]:
    columns = [getattr(table, each.name) for each in fields(form)]
    mine = select(*columns).where(table.lead_id == lead_id)
    for row in c.execute(mine.order_by(*table.__table__.primary_key)):
        yield form(*row)


def funnels(c: Connection, lead_ids: Sequence[int]) -> dict[int, Funnel]:
    """Of each of the leads, as the ledger says now."""
    begun: dict[int, list[Begun]] = {lead_id: [] for lead_id in lead_ids}
    policies = all_versions(c)
    for row in c.execute(_MINE.where(Handoff.lead_id.in_(lead_ids))):
        if (one := _begun(row, policies)) is not None:
            begun[row.lead_id].append(one)
    wanted = sorted({event_id for some in begun.values() for one in some for event_id in one.evidence})
    said = told.ledgers_of(c, lead_ids, [or_(EventRow.kind.in_(_KINDS), EventRow.id.in_(wanted))])
    joined = set(c.execute(select(Lead.id).where(Lead.id.in_(lead_ids), Lead.joined_into.is_not(None))).scalars())
    return {lead: read_funnel(said[lead], begun[lead], joined=lead in joined) for lead in lead_ids}


_KINDS = sorted(kind.value for kind in KINDS)
_MINE = select(Handoff.lead_id, Handoff.policy_id, Handoff.qualified_at, Handoff.due_at, Handoff.episode).where(
    HANDED_OVER
)


def _begun(row: Any, policies: Policies) -> Begun | None:
    """None: it never was, or it cannot be read; then the sweep has set it aside, and a rebuild mends it."""
    try:
        episode = episode_from_json(row.episode)
    except (KeyError, TypeError, ValueError):
        return None
    if episode.void_reason in NEVER_WERE:
        return None
    touch, began = episode.touch, row.qualified_at
    begun = Begun(
        number=episode.number,
        qualified_at=began,
        evidence=frozenset(event_id for finding in episode.findings for event_id in finding.event_ids),
        standing=_standing(episode.void_reason),
        due_at=row.due_at,
        policy_id=row.policy_id,
    )
    if touch is None:
        return begun
    after = on_clock(policies.by_id[row.policy_id], began, max(touch.at, began))
    logged = None if touch.recorded_at is None else seconds(max(touch.recorded_at - touch.at, timedelta()))
    return replace(begun, touched_at=touch.at, touched_after=seconds(after), logged_after=logged)


def _standing(void_reason: str | None) -> Standing:
    if void_reason is None:
        return Standing.COUNTED
    return Standing.RETURNED if void_reason == RETURNED_WITHOUT_REASON else Standing.VOID


def seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
