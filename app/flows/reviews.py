"""What meetings decide about the SLA: proposed, adopted as a version of the policy, and looked at again later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select, update

from app.db import Database
from app.domain.agenda import MISSED
from app.domain.clock import Verdict
from app.domain.policy import Policies, Policy
from app.domain.refusals import refused, validated
from app.domain.statistics import Share
from app.flows import audit, drafts, policies, publish
from app.models import HANDED_OVER, Handoff, Meeting, MeetingEntry, PolicyVersion, SlaProposal


class NoSuchProposal(LookupError):
    """No proposal has that number."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change of a policy as a meeting decides it."""

    policy: str
    #: Fields of the policy with their new values; the others stay.
    changes: Mapping[str, Any]
    effective_on: date
    #: When the meeting looks at what it did.
    review_on: date


@dataclass(frozen=True, slots=True)
class Review:
    """What a change did: attainment over the same length of time before and after it."""

    proposal: Any
    days: int
    before: Share
    after: Share


def check(c: Connection, wish: Wish, today: date) -> Policy:
    """The policy as it is to be. Raises Refused; places begin with `/sla_change`."""
    before = drafts.newest(policies.all_versions(c), wish.policy)
    if before is None:
        raise refused("/sla_change/policy", "unknown", "There is no policy {key}.", key=wish.policy)
    if wish.effective_on < today:
        raise refused(
            "/sla_change/effective_on", "in_the_past", "A policy applies from now on; what is past is not judged again."
        )
    if wish.review_on <= wish.effective_on:
        raise refused("/sla_change/review_on", "too_early", "Review it after it took effect.")
    document = policies.document_of(before.policy) | dict(wish.changes) | {"key": wish.policy}
    drafts.refuse_unstorable(document, "/sla_change/changes")
    agreed = validated(Policy, document, under="/sla_change/changes")
    if agreed == before.policy:
        raise refused("/sla_change/changes", "no_change", "The policy says so already.")
    return agreed


def propose(c: Connection, meeting_id: int, entry_id: int, wish: Wish, agreed: Policy) -> int:
    """The number of the proposal."""
    row = {
        "meeting_id": meeting_id,
        "entry_id": entry_id,
        "policy_key": wish.policy,
        "document": policies.document_of(agreed),
        "effective_on": wish.effective_on,
        "review_on": wish.review_on,
        "state": "proposed",
    }
    return int(c.execute(insert(SlaProposal).values(row).returning(SlaProposal.id)).scalar_one())


def read(c: Connection, number: int) -> Any:
    """Raises NoSuchProposal."""
    row = c.execute(_with_meeting().where(SlaProposal.id == number)).first()
    if row is None:
        raise NoSuchProposal(number)
    return row


def listed(c: Connection, *, series_key: str | None = None, state: str | None = None) -> Sequence[Any]:
    """The newest first."""
    query = _with_meeting().order_by(SlaProposal.id.desc())
    query = query if series_key is None else query.where(Meeting.series_key == series_key)
    return c.execute(query if state is None else query.where(SlaProposal.state == state)).all()


def _with_meeting() -> Any:
    return select(SlaProposal.__table__, Meeting.series_key, Meeting.number.label("meeting_number")).join(
        Meeting, Meeting.id == SlaProposal.meeting_id
    )


def adopt(database: Database, cache: policies.Cache, number: int, zone: ZoneInfo, *, by: str, now: datetime) -> int:
    """The version of the policy that it becomes, in force from its day on or from now. Raises NoSuchProposal, Refused.

    A process that dies in between leaves the version without the word that it came of this proposal; whoever adopts it
    once more finds it.
    """
    with database.read() as c:
        row = read(c, number)
        _check_open(row)
        version, made = _version_before(c, row), _version_made(c, row)
    if made is None:
        start = datetime.combine(row.effective_on, time(), zone).astimezone(now.tzinfo)
        made = publish.policy(
            database, cache, validated(Policy, row.document), by=by, now=now, note=_note(row), based_on=version,
            effective_from=start if start > now else None,
        ).version  # fmt: skip
    with database.write() as c:
        _decide(c, row, "adopted", by=by, now=now, version=made)
    return made


def _version_before(c: Connection, row: Any) -> int:
    """The policy as the meeting saw it: its other fields are part of what was agreed on."""
    said_at = select(MeetingEntry.at).where(MeetingEntry.id == row.entry_id).scalar_subquery()
    then = (PolicyVersion.key == row.policy_key, PolicyVersion.created_at <= said_at)
    return int(c.execute(select(func.max(PolicyVersion.version)).where(*then)).scalar_one())


def _version_made(c: Connection, row: Any) -> int | None:
    mine = (PolicyVersion.key == row.policy_key, PolicyVersion.note == _note(row))
    return c.scalar(select(func.max(PolicyVersion.version)).where(*mine))


def _note(row: Any) -> str:
    return f"{row.series_key} #{row.meeting_number} ({row.id})"


def withdraw(c: Connection, number: int, *, by: str, now: datetime) -> None:
    """Raises NoSuchProposal, Refused."""
    row = read(c, number)
    _check_open(row)
    _decide(c, row, "withdrawn", by=by, now=now, version=None)


def _check_open(row: Any) -> None:
    if row.state != "proposed":
        raise refused("", "decided", "This proposal is decided already.")


def _decide(c: Connection, row: Any, state: str, *, by: str, now: datetime, version: int | None) -> None:
    said = {"state": state, "version": version, "decided_by": by, "decided_at": now}
    c.execute(update(SlaProposal).where(SlaProposal.id == row.id, SlaProposal.state == "proposed").values(said))
    after = {"policy": row.policy_key, "version": version, "effective_on": row.effective_on.isoformat()}
    audit.write(c, now, by=by, action=f"proposal.{state}", subject=f"proposal:{row.id}", before=None, after=after)


# --- what it did


def due(c: Connection, known: Policies, series_key: str, on: date, zone: ZoneInfo, now: datetime) -> list[Review]:
    """The adopted changes of a series whose review has come and that no meeting since has looked at."""
    adopted = [row for row in listed(c, series_key=series_key, state="adopted") if row.review_on <= on]
    return [_review(c, known, row, zone, now) for row in adopted if not _looked_at(c, row, now)]


def _looked_at(c: Connection, row: Any, now: datetime) -> bool:
    """A meeting of the series was closed on its review date or after."""
    since = datetime.combine(row.review_on, time(), now.tzinfo)
    later = select(func.count()).where(Meeting.series_key == row.series_key, Meeting.closed_at.is_not(None))
    return bool(c.scalar(later.where(Meeting.starts_at >= since, Meeting.starts_at < now)))


def _review(c: Connection, known: Policies, row: Any, zone: ZoneInfo, now: datetime) -> Review:
    began = datetime.combine(row.effective_on, time(), zone)
    length = max(now - began, timedelta(days=1))
    ids = [version.id for version in known.versions if version.policy.key == row.policy_key]
    shares = [_attainment(c, ids, since, since + length) for since in (began - length, began)]
    return Review(row, length.days, *shares)


def _attainment(c: Connection, policy_ids: Sequence[int], since: datetime, until: datetime) -> Share:
    """Of the handoffs of a policy that were due in the time."""
    due_then = (Handoff.due_at >= since, Handoff.due_at < until, Handoff.policy_id.in_(policy_ids))
    query = select(Handoff.verdict, func.count()).where(HANDED_OVER, *due_then).group_by(Handoff.verdict)
    counts = {Verdict(verdict): count for verdict, count in c.execute(query)}
    met, missed = counts.get(Verdict.MET, 0), sum(counts.get(verdict, 0) for verdict in MISSED)
    return Share(met, met + missed)
