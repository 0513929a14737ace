"""New versions of the SLA and its calendars, as people agree on them: from now on, never for the past.

What is published is one transaction; the clocks that it moves follow in portions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from app.db import Database
from app.domain import reissue
from app.domain.calendar import Calendar
from app.domain.clock import OPEN
from app.domain.forecast import TOLERANCE, Destinations, Move
from app.domain.policy import Policy, PolicyVersion
from app.domain.refusals import refused
from app.flows import audit, drafts, moving, policies
from app.flows.drafts import Preview, Repeated, preview_calendar, preview_policy
from app.flows.moving import Order
from app.models import Alert, Handoff
from app.models import PolicyVersion as PolicyRow

__all__ = ["Preview", "Published", "calendar", "policy", "preview_calendar", "preview_policy"]

#: Message ids.
POLICY_OVERTAKEN = "The policy was changed after this was proposed; decide about it once more."
CALENDAR_OVERTAKEN = "The calendar was changed after this was written; decide about it once more."


@dataclass(frozen=True, slots=True)
class Published:
    """What was done."""

    version: int
    #: False: the newest version says the same, and none was made.
    new: bool
    #: The policies that took up a calendar; the last version of a key is the one in force.
    policies: tuple[Repeated, ...]
    #: The deadlines that changed.
    moves: tuple[Move, ...]


# A policy


def policy(
    database: Database,
    cache: policies.Cache,
    agreed: Policy,
    *,
    by: str,
    now: datetime,
    effective_from: datetime | None = None,
    note: str = "",
    migrate_open: bool = False,
    based_on: int | None = None,
) -> Published:
    """Add the policy's next version, in force from that moment, or from now on; only after the version `based_on`.

    Handoffs that run keep the version they started under, unless `migrate_open`. A policy that is switched off owes no
    alerts any more. Raises Refused; places begin with `/policy` or name an argument.
    """
    drafts.check(agreed, effective_from, now, migrate_open=migrate_open)
    with database.write() as c:
        policies.lock(c)
        known, start = policies.all_versions(c), max(effective_from or now, drafts.begin(c, now))
        before, draft = drafts.newest(known, agreed.key), drafts.draft_of(c, known, agreed, start)
        _only_after(based_on, before.version if before else None, POLICY_OVERTAKEN)
        new = before is None or effective_from is not None or not drafts.says_the_same(before, draft)
        if new:
            _add_policy(c, draft, before, by, now, note)
        after = drafts.newest(policies.all_versions(c), agreed.key) or draft
    to = drafts.all_to(known, after) if migrate_open else {}
    moves = moving.carry_out(database, cache, Order(to, by, f"policy:{agreed.key}", after.version), now)
    return Published(after.version, new, (), tuple(moves))


def _only_after(based_on: int | None, newest: int | None, message: str) -> None:
    """Who decided on an older version has not seen what is agreed on now. Raises Refused."""
    if based_on is not None and newest != based_on:
        raise refused("", "overtaken", message)


def _add_policy(
    c: Connection, draft: PolicyVersion, before: PolicyVersion | None, by: str, now: datetime, note: str
) -> None:
    agreed, start = draft.policy, draft.effective_from or now
    number = policies.apply_policy(c, agreed, by=by, now=now, effective_from=start, note=note)
    audit.write(
        c,
        now,
        by=by,
        action="policy.applied",
        subject=f"policy:{agreed.key}",
        before=_said(before) if before else None,
        after=_said(draft) | {"version": number, "effective_from": start.isoformat(), "note": note},
    )
    if not agreed.enabled and start <= now + TOLERANCE:
        _drop_alerts(c, agreed.key)


def _said(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "calendar_version": version.calendar_version,
        "policy": policies.document_of(version.policy),
    }


def _drop_alerts(c: Connection, key: str) -> None:
    """Nobody is told about the open handoffs of a policy that is switched off."""
    open_ones = (
        select(Handoff.id)
        .join(PolicyRow, PolicyRow.id == Handoff.policy_id)
        .where(PolicyRow.key == key, Handoff.verdict.in_([verdict.value for verdict in OPEN]))
    )
    owed = update(Alert).where(Alert.state.in_(("owed", "asking")), Alert.handoff_id.in_(open_ones))
    c.execute(owed.values(state="dropped", last_error=None))


# A calendar


def calendar(
    database: Database,
    cache: policies.Cache,
    written: Calendar,
    *,
    by: str,
    now: datetime,
    keep_open: bool = False,
    based_on: int | None = None,
) -> Published:
    """Add the calendar's next version and with it one of every policy that uses it, so that new MQLs do; only after the
    version `based_on`.

    Clocks that run are counted anew in it, unless `keep_open`. Raises Refused; places begin at the calendar.
    """
    drafts.refuse_unstorable(drafts.plain(written), "")
    with database.write() as c:
        policies.lock(c)
        resolved = policies.resolved(c, written, now)
        before, number = drafts.calendar_before(c, resolved)
        if based_on is not None and (before is None or before.number != based_on):
            raise refused(
                "", "overtaken", "The calendar was changed after this was written; decide about it once more."
            )
        new = before is None or before.number != number
        if new:
            policies.add_calendar(c, resolved, by=by, now=now)
        repeated = _repeat(c, resolved, number, by, now, keep_open=keep_open)
        if new or repeated:
            _audit_calendar(c, before, resolved, number, repeated, by, now)
        to = _onto(c, resolved) if not keep_open else {}
    moves = moving.carry_out(database, cache, Order(to, by, f"calendar:{resolved.key}", number), now)
    return Published(number, new, repeated, tuple(moves))


def _repeat(
    c: Connection, resolved: Calendar, number: int, by: str, now: datetime, *, keep_open: bool
) -> tuple[Repeated, ...]:
    """Say the policies again that use the calendar."""
    in_use: set[int] = set() if keep_open else drafts.in_use(c, now)
    start, made = drafts.begin(c, now), []
    for version in reissue.repeats(policies.all_versions(c), resolved, in_use, start):
        begins, note = reissue.begins(version, start), f"v{version.version} + {resolved.key} v{number}"
        repetition = policies.apply_policy(c, version.policy, by=by, now=now, effective_from=begins, note=note)
        made.append(Repeated(version.policy.key, version.version, repetition))
    return tuple(made)


def _onto(c: Connection, resolved: Calendar) -> Destinations:
    return reissue.successors(policies.all_versions(c), resolved)


def _audit_calendar(
    c: Connection,
    before: drafts.Numbered | None,
    resolved: Calendar,
    number: int,
    repeated: tuple[Repeated, ...],
    by: str,
    now: datetime,
) -> None:
    audit.write(
        c,
        now,
        by=by,
        action="calendar.applied",
        subject=f"calendar:{resolved.key}",
        before={"version": before.number, "calendar": drafts.plain(before.calendar)} if before else None,
        after={
            "version": number,
            "calendar": drafts.plain(resolved),
            "policies": [f"{each.policy} v{each.version}" for each in repeated],
        },
    )
