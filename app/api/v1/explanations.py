"""How an explanation looks: everything that a person needs to check a verdict by hand, in both tongues."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.api.schemas import Shown
from app.api.v1 import shapes
from app.api.v1.shapes import Handoff
from app.domain.clock import Verdict
from app.domain.touches import Standing


class Evidence(Shown):
    """An event of the lead, as the ledger holds it."""

    event_id: str
    kind: str
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]


class Found(Shown):
    """What one condition of the rule saw."""

    condition: dict[str, Any]
    held: bool
    value: int | float | str | None
    text_ja: str
    text_en: str
    evidence: list[Evidence] = Field(description="The newest events behind it.")
    more: int = Field(description="Older events behind it that are not written out.")


class Qualification(Shown):
    """Why the lead became MQL."""

    rule_ja: str
    rule_en: str
    completed_by: str = Field(description="The event that completed the rule.")
    findings: list[Found]


class ReceiptLine(Shown):
    day: date
    begins: datetime | None = Field(description="The piece of time that was used; null: a skipped day.")
    ends: datetime | None
    used_seconds: int = Field(description="What it took off the target; a business day is 86,400.")
    left_seconds: int = Field(description="What is then left.")
    skipped_because: str | None = Field(description="Why the day did not count; empty: a weekday without hours.")


class Receipt(Shown):
    """How the deadline was computed."""

    start: datetime
    due_at: datetime
    clock: str
    target: float = Field(description="Hours; days for the clock business_days.")
    calendar: str
    calendar_version: int
    lines: list[ReceiptLine]
    text_ja: list[str]
    text_en: list[str]


class ShownTouch(Shown):
    """Something that sales did, and whether it counts as follow-up under the policy."""

    event_id: str
    kind: str
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]
    counts: bool
    standing: Standing = Field(
        description="in_time, late: it stopped the clock; again: the clock stood already; else why it does not count."
    )


class OwnerTime(Shown):
    """One owner's time with the handoff; a reassignment does not restart the clock."""

    owner: str | None = Field(description="null: nobody.")
    name: str | None
    since: datetime
    until: datetime | None = Field(description="null: still.")
    used_seconds: int = Field(description="How long the policy's clock ran meanwhile.")


class Delays(Shown):
    """Whose time it took until the follow-up or until now, on the policy's clock."""

    ma_seconds: int = Field(description="Until the tools had told Tasuki.")
    own_seconds: int = Field(description="Until Tasuki had decided.")
    routing_seconds: int = Field(description="Until somebody had it.")
    human_seconds: int = Field(description="Until the owner followed up.")
    logging_seconds: int | None = Field(
        description="From the follow-up until it was recorded, as time goes by; null: no follow-up yet."
    )


class Journey(Shown):
    """The moments of the handoff; null: not yet, or nobody told."""

    occurred_at: datetime = Field(description="The lead fulfilled the rule.")
    received_at: datetime = Field(description="The last piece of evidence reached Tasuki.")
    decided_at: datetime = Field(description="Tasuki made it a handoff.")
    in_sfa_at: datetime | None = Field(description="A tool of sales first told of the lead.")
    assigned_at: datetime | None
    touched_at: datetime | None
    recorded_at: datetime | None = Field(description="Somebody wrote the follow-up down.")
    due_effective_at: datetime = Field(
        description="The deadline as it was for a person: later than due_at where the tools told too late."
    )
    delays: Delays


class VerdictStep(Shown):
    previous: Verdict | None
    verdict: Verdict
    true_at: datetime = Field(description="When it became true.")
    known_at: datetime = Field(description="When Tasuki found out.")


class OwedAlert(Shown):
    id: int
    reason: str
    channel: str
    state: str
    owed_at: datetime
    sent_at: datetime | None
    last_error: str | None


CALL = {"channel": "call", "automated": False, "by": "田中 舞", "outcome": "つながった"}
EXAMPLE: dict[str, Any] = {
    "handoff": shapes.EXAMPLE
    | {
        "verdict": "met",
        "verdict_at": "2026-09-19T07:30:00Z",
        "first_touch": {
            "at": "2026-09-19T07:30:00Z",
            "kind": "call",
            "by": "田中 舞",
            "received_at": "2026-09-19T09:02:00Z",
        },
    },
    "qualification": {
        "rule_ja": "スコアが80以上 かつ 資料ダウンロードが3回以上",
        "rule_en": "score of 80 or more and 3 or more downloads",
        "completed_by": "6b1f0c52a7d94f0fb6c43c0f9a6b7e11",
        "findings": [
            {
                "condition": {"score": {"at_least": 80}},
                "held": True,
                "value": 86,
                "text_ja": "スコア 86(80以上)",
                "text_en": "score 86 (80 or more)",
                "evidence": [
                    {
                        "event_id": "6b1f0c52a7d94f0fb6c43c0f9a6b7e11",
                        "kind": "score",
                        "occurred_at": "2026-09-18T08:30:00Z",
                        "received_at": "2026-09-18T08:30:04Z",
                        "data": {"score": 86},
                    }
                ],
                "more": 0,
            }
        ],
    },
    "receipt": {
        "start": "2026-09-18T08:30:00Z",
        "due_at": "2026-09-19T08:30:00Z",
        "clock": "elapsed",
        "target": 24,
        "calendar": "default",
        "calendar_version": 1,
        "lines": [
            {
                "day": "2026-09-18",
                "begins": "2026-09-18T08:30:00Z",
                "ends": "2026-09-19T08:30:00Z",
                "used_seconds": 86400,
                "left_seconds": 0,
                "skipped_because": None,
            }
        ],
        "text_ja": [
            "開始 9/18(金) 17:30",
            "9/18(金) 17:30–9/19(土) 17:30  24:00 消費  残り 0:00",
            "期限 9/19(土) 17:30",
        ],
        "text_en": [
            "Starts Fri 9/18 17:30",
            "Fri 9/18 17:30–Sat 9/19 17:30  24:00 used  0:00 left",
            "Due Sat 9/19 17:30",
        ],
    },
    "journey": {
        "occurred_at": "2026-09-18T08:30:00Z",
        "received_at": "2026-09-18T08:30:04Z",
        "decided_at": "2026-09-18T08:30:05Z",
        "in_sfa_at": "2026-09-18T08:32:40Z",
        "assigned_at": "2026-09-18T08:33:10Z",
        "touched_at": "2026-09-19T07:30:00Z",
        "recorded_at": "2026-09-19T09:02:00Z",
        "due_effective_at": "2026-09-19T08:30:00Z",
        "delays": {
            "ma_seconds": 4,
            "own_seconds": 1,
            "routing_seconds": 185,
            "human_seconds": 82610,
            "logging_seconds": 5520,
        },
    },
    "touches": [
        {
            "event_id": "0d4be1a1c2f34bb59c4d8a6f2b7e9c30",
            "kind": "follow_up",
            "occurred_at": "2026-09-19T07:30:00Z",
            "received_at": "2026-09-19T09:02:00Z",
            "data": CALL,
            "counts": True,
            "standing": "in_time",
        }
    ],
    "owners": [
        {
            "owner": "0055i000001TaNA",
            "name": "田中 舞",
            "since": "2026-09-18T08:33:10Z",
            "until": None,
            "used_seconds": 82610,
        }
    ],
    "verdicts": [
        {
            "previous": None,
            "verdict": "on_track",
            "true_at": "2026-09-18T08:30:00Z",
            "known_at": "2026-09-18T08:30:04Z",
        },
        {
            "previous": "breached",
            "verdict": "met",
            "true_at": "2026-09-19T07:30:00Z",
            "known_at": "2026-09-19T09:02:03Z",
        },
    ],
    "withdrawn": True,
    "alerts": [
        {
            "id": 77,
            "reason": "withdrawn",
            "channel": "slack",
            "state": "sent",
            "owed_at": "2026-09-19T09:02:03Z",
            "sent_at": "2026-09-19T09:02:08Z",
            "last_error": None,
        }
    ],
}


class Explanation(Shown):
    """Why a handoff has its verdict."""

    handoff: Handoff
    qualification: Qualification
    receipt: Receipt
    journey: Journey
    touches: list[ShownTouch] = Field(description="In the order in which they happened.")
    owners: list[OwnerTime]
    verdicts: list[VerdictStep] = Field(description="In the order in which they became known.")
    withdrawn: bool = Field(description="A breach was called and taken back: the follow-up had been in time.")
    alerts: list[OwedAlert]

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
