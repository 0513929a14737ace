"""From an explanation as it was found to how it is shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.api.schemas import whole_seconds
from app.api.v1.explanations import (
    Delays,
    Evidence,
    Explanation,
    Found,
    Journey,
    OwedAlert,
    OwnerTime,
    Qualification,
    Receipt,
    ReceiptLine,
    ShownTouch,
    VerdictStep,
)
from app.api.v1.shapes import Handoff
from app.domain.deadline import Receipt as Computed
from app.domain.deadline import ReceiptLine as ComputedLine
from app.domain.history import Event
from app.domain.touches import COUNTED, Act
from app.flows import explain as flow
from app.flows.dossier import Reason


def explained(found: flow.Explanation, handoff: Handoff) -> Explanation:
    file = found.dossier
    return Explanation(
        handoff=handoff,
        qualification=Qualification(
            rule_ja=found.rule["ja"],
            rule_en=found.rule["en"],
            completed_by=file.episode.completed_by,
            findings=[_found(reason, words) for reason, words in zip(file.reasons, found.findings, strict=True)],
        ),
        receipt=receipt(file.receipt, file.version.calendar_version, found.receipt),
        journey=_journey(found),
        touches=[_touch(act) for act in found.touches],
        owners=[_owner(each) for each in found.owners],
        verdicts=[VerdictStep.model_validate(change, from_attributes=True) for change in file.changes],
        withdrawn=file.withdrawn,
        alerts=[OwedAlert.model_validate(row, from_attributes=True) for row in found.alerts],
    )


def _journey(found: flow.Explanation) -> Journey:
    took = found.delays
    return Journey(
        **asdict(found.journey),
        due_effective_at=found.due_effective_at,
        delays=Delays(
            ma_seconds=whole_seconds(took.ma),
            own_seconds=whole_seconds(took.own),
            routing_seconds=whole_seconds(took.routing),
            human_seconds=whole_seconds(took.human),
            logging_seconds=None if took.logging is None else whole_seconds(took.logging),
        ),
    )


def receipt(computed: Computed, calendar_version: int, words: flow.Words) -> Receipt:
    return Receipt(
        start=computed.start,
        due_at=computed.due,
        clock=computed.clock.value,
        target=computed.amount,
        calendar=computed.calendar_key,
        calendar_version=calendar_version,
        lines=[_line(line) for line in computed.lines],
        text_ja=words["ja"],
        text_en=words["en"],
    )


def _line(line: ComputedLine) -> ReceiptLine:
    return ReceiptLine(
        day=line.day,
        begins=line.begins,
        ends=line.ends,
        used_seconds=whole_seconds(line.used),
        left_seconds=whole_seconds(line.left),
        skipped_because=line.reason,
    )


def _found(reason: Reason, words: flow.Words) -> Found:
    finding = reason.finding
    return Found(
        condition=finding.condition,
        held=finding.held,
        value=finding.value,
        text_ja=words["ja"],
        text_en=words["en"],
        evidence=[Evidence(**_event(event)) for event in reason.events],
        more=reason.more,
    )


def _touch(act: Act) -> ShownTouch:
    return ShownTouch(**_event(act.event), counts=act.standing in COUNTED, standing=act.standing)


def _event(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "data": event.data,
    }


def _owner(held: flow.Ownership) -> OwnerTime:
    tenure = held.tenure
    return OwnerTime(
        owner=tenure.owner,
        name=tenure.name,
        since=tenure.since,
        until=tenure.until,
        used_seconds=whole_seconds(held.used),
    )
