"""Recompute every handoff from the ledger alone and say where the stored state differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from app.db import Database
from app.domain.clock import Verdict, evaluate, terms
from app.domain.episode import Episode, episode_as_json
from app.domain.history import checkpoint, read_history
from app.domain.policy import Policies
from app.flows import funnel, ledger, settle, told
from app.flows import policies as versions
from app.models import Handoff, Lead

#: Leads read in one go.
BATCH = 200
#: Called with (leads done, all leads).
Progress = Callable[[int, int], None]


def unseen(_done: int, _all: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One stored value that is not what the ledger says."""

    lead_id: int
    #: None: the lead's checkpoint, or a handoff that is missing.
    handoff_id: int | None
    what: str
    stored: str
    computed: str


def check(database: Database, now: datetime, progress: Progress = unseen) -> list[Difference]:
    """All differences. A handoff that the sweep is about to look at is compared by its facts, not by its verdict."""
    found: list[Difference] = []
    for ids in _batches(database, progress):
        with database.read() as c:
            found += _check_leads(c, ids, versions.all_versions(c), now)
    return found


def mend(database: Database, now: datetime, progress: Progress = unseen) -> None:
    """Write every lead's handoffs anew from the ledger, through `settle` like any other change."""
    for ids in _batches(database, progress):
        with database.write() as c:
            ledger.reread(c, ids, versions.all_versions(c), now)
            funnel.write(c, ids)


def _batches(database: Database, progress: Progress) -> Iterator[Sequence[int]]:
    with database.read() as c:
        total = c.scalar(select(func.count()).select_from(Lead)) or 0
    done, last = 0, 0
    while True:
        with database.read() as c:
            ids = c.execute(select(Lead.id).where(Lead.id > last).order_by(Lead.id).limit(BATCH)).scalars().all()
        if not ids:
            return
        yield ids
        done, last = done + len(ids), ids[-1]
        progress(done, total)


def _check_leads(c: Connection, ids: Sequence[int], policies: Policies, now: datetime) -> list[Difference]:
    leads = c.execute(select(Lead.id, Lead.history).where(Lead.id.in_(ids))).all()
    handoffs: dict[int, list[Any]] = {lead_id: [] for lead_id in ids}
    for row in c.execute(select(Handoff.__table__).where(Handoff.lead_id.in_(ids))):
        handoffs[row.lead_id].append(row)
    dark = settle.dark_since(c, ids)
    found = [
        difference
        for lead in leads
        for difference in _check_lead(c, lead, handoffs[lead.id], policies, now, dark.get(lead.id))
    ]
    return found + [Difference(lead, None, "funnel", str(a), str(b)) for lead, a, b in funnel.differences(c, ids)]


def _check_lead(
    c: Connection, lead: Any, rows: list[Any], policies: Policies, now: datetime, dark_since: datetime | None
) -> Iterator[Difference]:
    history = read_history(told.ledger_of(c, lead.id), policies)
    if lead.history.get("policies") == policies.fingerprint and lead.history != checkpoint(history):
        yield Difference(lead.id, None, "checkpoint", str(lead.history), str(checkpoint(history)))
    by_key = {(row.duty, row.number): row for row in rows}
    for episode in history.handoffs:
        yield from _check_handoff(lead.id, by_key.pop(episode.key, None), episode, policies, now, dark_since)
    for row in by_key.values():
        if row.verdict != Verdict.VOIDED:
            yield Difference(lead.id, row.id, "verdict", row.verdict, "voided")


def _check_handoff(
    lead_id: int, row: Any | None, episode: Episode, policies: Policies, now: datetime, dark_since: datetime | None
) -> Iterator[Difference]:
    if row is None:
        yield Difference(lead_id, None, "handoff", "missing", f"{episode.duty} {episode.number}")
        return
    agreed = terms(episode, policies)
    status = evaluate(episode, agreed, now, dark_since)
    wanted: dict[str, Any] = {"episode": episode_as_json(episode), "due_at": agreed.due_at, "warn_at": agreed.warn_at}
    if row.check_again_at is None or row.check_again_at > now:
        wanted |= {"verdict": status.verdict.value, "verdict_at": status.at}
        if status.verdict is not Verdict.UNKNOWN:  # it is looked at again some time from whenever it was judged
            wanted |= {"check_again_at": status.check_again_at}
    for what, computed in wanted.items():
        if getattr(row, what) != computed:
            yield Difference(lead_id, row.id, what, str(getattr(row, what)), str(computed))
