"""How a preview of a policy or a calendar looks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.api.schemas import Shown
from app.domain import differences, forecast
from app.domain.agreement import Duty
from app.domain.calendar import ClockKind
from app.flows import drafts


class Difference(Shown):
    pointer: str = Field(description="JSON pointer into the document.")
    before: Any = Field(description="null: not written.")
    after: Any


class Repetition(Shown):
    """A version of a policy that says the same on the calendar's new version."""

    policy: str
    before: int = Field(description="The version that is repeated.")
    version: int


class LeadName(Shown):
    id: int
    name: str | None
    company: str | None


class Move(Shown):
    """A deadline that changes."""

    handoff_id: int
    duty: Duty
    lead: LeadName
    owner: str | None = Field(description="null: nobody.")
    due_before: datetime
    due_after: datetime
    overdue: bool = Field(description="It would be overdue at once; the policy's `notice_minutes` are left instead.")


class Counts(Shown):
    running: int = Field(description="Clocks that would be moved.")
    changed: int = Field(description="Deadlines that would change; `moves` lists them.")
    earlier: int
    later: int
    overdue: int


class NewLead(Shown):
    """A lead that becomes MQL at `start`."""

    policy: str
    start: datetime
    due_before: datetime | None = Field(description="null: no clock.")
    due_after: datetime | None


class SameTarget(Shown):
    """The policy's target on one kind of clock, from the same start."""

    clock: ClockKind
    target: float = Field(description="Hours; days for business_days.")
    due_at: datetime


class Preview(Shown):
    """What applying would change. Nothing has been written."""

    key: str
    before: int | None = Field(description="The newest version; null: there is none yet.")
    after: int = Field(description="The version that would be made; the same as `before`: nothing would change.")
    differences: list[Difference]
    policies: list[Repetition] = Field(description="Policies that would take up a calendar.")
    counts: Counts
    moves: list[Move] = Field(description="Of a policy: with `migrate_open`. Of a calendar: without `keep_open`.")
    new_leads: list[NewLead]
    kinds: list[SameTarget] = Field(description="What the target means on each kind of clock; empty for a calendar.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "mql",
                    "before": 2,
                    "after": 3,
                    "differences": [{"pointer": "/target", "before": 24, "after": 9}],
                    "policies": [],
                    "counts": {"running": 7, "changed": 1, "earlier": 0, "later": 1, "overdue": 0},
                    "moves": [
                        {
                            "handoff_id": 812,
                            "duty": "follow_up",
                            "lead": {"id": 512, "name": "佐藤 翔太", "company": "山田製作所"},
                            "owner": "田中 舞",
                            "due_before": "2026-09-19T08:30:00Z",
                            "due_after": "2026-09-24T08:30:00Z",
                            "overdue": False,
                        }
                    ],
                    "new_leads": [
                        {
                            "policy": "mql",
                            "start": "2026-09-18T08:30:00Z",
                            "due_before": "2026-09-19T08:30:00Z",
                            "due_after": "2026-09-24T08:30:00Z",
                        }
                    ],
                    "kinds": [{"clock": "elapsed", "target": 9, "due_at": "2026-09-18T17:30:00Z"}],
                }
            ]
        }
    )


def shown(preview: drafts.Preview) -> Preview:
    return Preview(
        key=preview.key,
        before=preview.before,
        after=preview.after,
        differences=differences_shown(preview.differences),
        policies=repetitions(preview.policies),
        counts=_counts(preview),
        moves=[_move(move) for move in preview.moves],
        new_leads=[
            NewLead(policy=first.policy, start=first.start, due_before=first.before, due_after=first.after)
            for first in preview.firsts
        ],
        kinds=[SameTarget(clock=kind.clock, target=kind.target, due_at=kind.due) for kind in preview.kinds],
    )


def differences_shown(found: Iterable[differences.Difference]) -> list[Difference]:
    return [Difference(pointer=each.place, before=each.before, after=each.after) for each in found]


def repetitions(repeated: Iterable[drafts.Repeated]) -> list[Repetition]:
    return [Repetition(policy=each.policy, before=each.before, version=each.version) for each in repeated]


def _counts(preview: drafts.Preview) -> Counts:
    moves = preview.moves
    return Counts(
        running=preview.running,
        changed=len(moves),
        earlier=sum(move.due_after < move.due_before for move in moves),
        later=sum(move.due_after > move.due_before for move in moves),
        overdue=sum(move.overdue for move in moves),
    )


def _move(move: forecast.Move) -> Move:
    return Move(
        handoff_id=move.handoff_id,
        duty=move.duty,
        lead=LeadName(id=move.lead_id, name=move.name, company=move.company),
        owner=move.owner,
        due_before=move.due_before,
        due_after=move.due_after,
        overdue=move.overdue,
    )
