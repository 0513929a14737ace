"""How the cases of each kind of thing to mend look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.api.schemas import Shown, whole_seconds
from app.api.v1.identities import LeadName, Unclear
from app.api.v1.leads import Identity
from app.domain.clock import Verdict
from app.domain.quality import Jump, Kind, Logging
from app.domain.statistics import Weight
from app.flows.evidence import OwnersPauses, Paused, StatusOnly
from app.flows.misfits import ImpossibleTime, Quarantine, UnknownWord
from app.flows.misfits import JumpRow as Jumped
from app.flows.people import Question
from connectors.contract import EventKind

SATO: dict[str, Any] = {"id": 512, "name": "佐藤 翔太", "company": "山田製作所"}
OWNERLESS: dict[str, Any] = {
    "kind": "ownerless",
    "handoff_id": 812,
    "lead": SATO,
    "qualified_at": "2026-09-18T08:30:00Z",
    "due_at": "2026-09-19T08:30:00Z",
    "verdict": "at_risk",
}


class OwnerlessRow(Shown):
    """An open handoff that nobody owns."""

    kind: Literal[Kind.OWNERLESS]
    handoff_id: int
    lead: LeadName
    qualified_at: datetime
    due_at: datetime
    verdict: Verdict

    model_config = ConfigDict(json_schema_extra={"examples": [OWNERLESS]})


class OneSidedRow(Shown):
    """A lead that only one side's tools know."""

    kind: Literal[Kind.MA_ONLY, Kind.SFA_ONLY]
    lead: LeadName
    first_seen_at: datetime
    updated_at: datetime
    handed_over: bool = Field(description="It became MQL, and yet.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "ma_only",
                    "lead": SATO,
                    "first_seen_at": "2026-09-01T01:12:00Z",
                    "updated_at": "2026-09-18T08:30:04Z",
                    "handed_over": True,
                }
            ]
        }
    )


class DoubtRow(Unclear):
    """People who may be one, as /v1/identities lists them."""

    kind: Literal[Kind.AMBIGUOUS_IDENTITIES]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "ambiguous_identities",
                    "why": "ambiguous",
                    "ids": [{"system": "email", "value": "info@yamada.example"}],
                    "lead": {"id": 530, "name": None, "company": None},
                    "others": [SATO],
                    "count": 1,
                }
            ]
        }
    )


class StatusOnlyRow(Shown):
    """A handoff whose only follow-up is that somebody set a status."""

    kind: Literal[Kind.STATUS_ONLY]
    handoff_id: int
    lead: LeadName
    owner: str | None
    status: str
    by: str | None
    at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "status_only",
                    "handoff_id": 812,
                    "lead": SATO,
                    "owner": "田中 舞",
                    "status": "contacted",
                    "by": None,
                    "at": "2026-09-19T02:30:00Z",
                }
            ]
        }
    )


class LoggingRow(Shown):
    """How long after a follow-up it was recorded. Who recorded most comes first, however late."""

    kind: Literal[Kind.LATE_LOGGING]
    whose: str | None = Field(
        description="The team, where the policies name teams; else who did it, or the lead's owner. "
        "null: nobody knows whose, or in no team."
    )
    everybody: bool = Field(description="true: all of them together.")
    recorded: int = Field(description="Follow-ups by people that were recorded.")
    late: int = Field(description="Those recorded more than two hours later.")
    late_rate: float | None = Field(description="From 0 to 1; null: too few to tell a rate.")
    median_seconds: int
    p90_seconds: int = Field(description="Nine of ten took this long at most.")
    oldest_at: datetime | None = Field(description="When the earliest of the late ones happened.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "late_logging",
                    "whose": "インサイドセールス",
                    "everybody": False,
                    "recorded": 41,
                    "late": 6,
                    "late_rate": 0.1463,
                    "median_seconds": 540,
                    "p90_seconds": 10800,
                    "oldest_at": "2026-09-03T05:00:00Z",
                }
            ]
        }
    )


class JumpRow(Shown):
    """A score that moved by 50 or more within ten minutes, or 20 or more leads that were scored within ten."""

    kind: Literal[Kind.SCORE_JUMPS]
    source: str | None = Field(description="null: by hand.")
    lead: LeadName | None = Field(description="null: many leads at once.")
    leads: int
    before: float | None
    after: float | None
    began_at: datetime
    ended_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "score_jumps",
                    "source": "hubspot",
                    "lead": None,
                    "leads": 312,
                    "before": None,
                    "after": None,
                    "began_at": "2026-09-24T01:02:00Z",
                    "ended_at": "2026-09-24T01:05:12Z",
                }
            ]
        }
    )


class QuarantineRow(Shown):
    """Deliveries of one source that could not be read for one reason."""

    kind: Literal[Kind.QUARANTINED]
    source: str
    cause: str
    count: int
    oldest_at: datetime
    newest_at: datetime
    delivery_id: int = Field(description="The newest of them.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "quarantined",
                    "source": "hubspot",
                    "cause": "propertyValue: `高い` is no score; send a number.",
                    "count": 14,
                    "oldest_at": "2026-09-18T08:30:04Z",
                    "newest_at": "2026-09-19T01:12:40Z",
                    "delivery_id": 90210,
                }
            ]
        }
    )


class WordRow(Shown):
    """A word of a tool that nothing explains."""

    kind: Literal[Kind.UNMAPPED_STATUSES, Kind.UNMAPPED_CHANNELS]
    source: str | None
    word: str
    count: int
    first_at: datetime
    last_at: datetime
    line: str | None = Field(description="What `statuses` of the source's configuration lacks; the meaning is a guess.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "unmapped_statuses",
                    "source": "salesforce",
                    "word": "架電済み",
                    "count": 38,
                    "first_at": "2026-09-02T00:10:00Z",
                    "last_at": "2026-09-18T08:30:00Z",
                    "line": '"架電済み": contacted',
                }
            ]
        }
    )


class TimeRow(Shown):
    """An event that cannot have happened when its tool says."""

    kind: Literal[Kind.IMPOSSIBLE_TIMES]
    event_id: str
    event_kind: EventKind
    lead: LeadName
    source: str | None = Field(description="null: by hand.")
    why: Literal["future", "too_early"] = Field(
        description="future: still to come when it was received; too_early: a follow-up before any tool knew the lead."
    )
    said_at: datetime = Field(description="When it happened, as the tool says.")
    against_at: datetime = Field(description="The time that counts instead, or since when the lead is known.")
    received_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "impossible_times",
                    "event_id": "b5c3a1f09e7d4c2286aa01f3d9e4c7b8",
                    "event_kind": "follow_up",
                    "lead": SATO,
                    "source": "salesforce",
                    "why": "future",
                    "said_at": "2062-09-18T08:30:00Z",
                    "against_at": "2026-09-18T08:30:04Z",
                    "received_at": "2026-09-18T08:30:04Z",
                }
            ]
        }
    )


class PausedHandoff(Shown):
    handoff_id: int
    lead: LeadName
    since: datetime
    ends_at: datetime | None = Field(description="When the clock goes on by itself.")
    reason: str | None


class PausesRow(Shown):
    """Open handoffs of one owner whose clocks stand still until further notice."""

    kind: Literal[Kind.OPEN_ENDED_PAUSES]
    owner: str | None
    count: int
    handoffs: list[PausedHandoff]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "open_ended_pauses",
                    "owner": "田中 舞",
                    "count": 1,
                    "handoffs": [
                        {
                            "handoff_id": 812,
                            "lead": SATO,
                            "since": "2026-09-18T09:00:00Z",
                            "ends_at": "2026-10-18T09:00:00Z",
                            "reason": "折り返しのご希望",
                        }
                    ],
                }
            ]
        }
    )


Row = (
    OwnerlessRow
    | OneSidedRow
    | DoubtRow
    | StatusOnlyRow
    | LoggingRow
    | JumpRow
    | QuarantineRow
    | WordRow
    | TimeRow
    | PausesRow
)


def shown(kind: Kind, found: Any) -> Row:
    """A row of `quality.rows`."""
    return SHOW[kind](kind, found)


def _lead(known: Any) -> LeadName:
    return LeadName(id=known.id, name=known.name, company=known.company)


def _ownerless(kind: Any, row: Any) -> Row:
    return OwnerlessRow(
        kind=kind,
        handoff_id=row.id,
        lead=LeadName(id=row.lead_id, name=row.lead_name, company=row.company),
        qualified_at=row.qualified_at,
        due_at=row.due_at,
        verdict=Verdict(row.verdict),
    )


def _one_sided(kind: Any, row: Any) -> Row:
    times = {"first_seen_at": row.first_seen_at, "updated_at": row.updated_at}
    return OneSidedRow(kind=kind, lead=_lead(row), handed_over=row.handed_over, **times)


def _doubt(kind: Any, question: Question) -> Row:
    return DoubtRow(
        kind=kind,
        why=question.why,
        ids=[Identity(system=one.system, value=one.value) for one in question.ids],
        lead=_lead(question.lead),
        others=[_lead(other) for other in question.others],
        count=question.count,
    )


def _status_only(kind: Any, row: StatusOnly) -> Row:
    told = {"owner": row.owner, "status": row.status, "by": row.by, "at": row.at}
    return StatusOnlyRow.model_validate({"kind": kind, "handoff_id": row.handoff_id, "lead": _lead(row.lead)} | told)


def _logging(kind: Any, told: Logging) -> Row:
    late = told.late
    return LoggingRow(
        kind=kind,
        whose=told.whose,
        everybody=told.everybody,
        recorded=late.whole,
        late=late.part,
        late_rate=None if late.weight is Weight.COUNT_ONLY or late.rate is None else round(late.rate, 4),
        median_seconds=whole_seconds(told.median),
        p90_seconds=whole_seconds(told.p90),
        oldest_at=told.oldest,
    )


def _jump(kind: Any, row: Jumped) -> Row:
    jump = row.jump
    single = jump if isinstance(jump, Jump) else None
    return JumpRow(
        kind=kind,
        source=row.source,
        lead=_lead(row.lead) if row.lead else None,
        leads=1 if isinstance(jump, Jump) else jump.leads,
        before=single and single.before,
        after=single and single.after,
        began_at=jump.began_at,
        ended_at=jump.ended_at,
    )


def _quarantine(kind: Any, row: Quarantine) -> Row:
    times = {"oldest_at": row.oldest, "newest_at": row.newest}
    return QuarantineRow(
        kind=kind, source=row.source, cause=row.cause, count=row.count, delivery_id=row.delivery_id, **times
    )


def _word(kind: Any, row: UnknownWord) -> Row:
    times = {"first_at": row.oldest, "last_at": row.newest}
    return WordRow(kind=kind, source=row.source, word=row.word, count=row.count, line=row.line, **times)


def _time(kind: Any, row: ImpossibleTime) -> Row:
    return TimeRow(
        kind=kind,
        event_id=row.event_id,
        event_kind=row.kind,
        lead=_lead(row.lead),
        source=row.source,
        why=row.why,
        said_at=row.said,
        against_at=row.against,
        received_at=row.received_at,
    )


def _pauses(kind: Any, row: OwnersPauses) -> Row:
    return PausesRow(kind=kind, owner=row.owner, count=row.count, handoffs=[_paused(each) for each in row.paused])


def _paused(each: Paused) -> PausedHandoff:
    pause = each.pause
    return PausedHandoff(
        handoff_id=each.handoff_id, lead=_lead(each.lead), since=pause.at, ends_at=pause.until, reason=pause.reason
    )


SHOW: dict[Kind, Callable[[Any, Any], Row]] = {
    Kind.OWNERLESS: _ownerless,
    Kind.MA_ONLY: _one_sided,
    Kind.SFA_ONLY: _one_sided,
    Kind.AMBIGUOUS_IDENTITIES: _doubt,
    Kind.STATUS_ONLY: _status_only,
    Kind.LATE_LOGGING: _logging,
    Kind.SCORE_JUMPS: _jump,
    Kind.QUARANTINED: _quarantine,
    Kind.UNMAPPED_STATUSES: _word,
    Kind.UNMAPPED_CHANNELS: _word,
    Kind.IMPOSSIBLE_TIMES: _time,
    Kind.OPEN_ENDED_PAUSES: _pauses,
}
