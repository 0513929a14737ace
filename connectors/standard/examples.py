"""What a sender of Tasuki's own JSON posts: one event of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any


def example_events() -> list[dict[str, Any]]:
    """What happened to one lead, and what a call turned out to be after all, as a sender would post it."""
    yamada = {"id": "L-1024", "email": "yamada@example.co.jp"}
    return [
        {
            "id": "lead-1024-1",
            "kind": "lead",
            "occurred_at": "2026-09-23T10:02:11+09:00",
            "lead": {**yamada, "ids": {"hubspot": "51"}},
            "name": "山田 太郎",
            "company": "株式会社みなと精機",
            "attributes": {"industry": "製造", "employees": 320},
            "url": "https://crm.example.jp/leads/L-1024",
        },
        {
            "id": "act-55012",
            "kind": "activity",
            "occurred_at": "2026-09-23T10:02:11+09:00",
            "lead": yamada,
            "activity": "download",
            "asset": "wp-07",
            "title": "原価管理 導入事例集 2026",
            "topics": ["原価管理"],
        },
        {
            "id": "score-1024-17",
            "kind": "score",
            "occurred_at": "2026-09-23T10:02:12+09:00",
            "lead": yamada,
            "score": 82,
        },
        {
            "id": "own-7781",
            "kind": "owner",
            "occurred_at": "2026-09-23T10:05:00+09:00",
            "lead": yamada,
            "owner": "u-204",
            "name": "佐藤 花子",
            "email": "sato@example.jp",
        },
        {
            "id": "call-3310",
            "kind": "follow_up",
            "occurred_at": "2026-09-24T09:40:00+09:00",
            "recorded_at": "2026-09-24T09:52:31+09:00",
            "lead": yamada,
            "channel": "call",
            "automated": False,
            "by": "佐藤 花子",
            "outcome": "connected",
            "record": "calls/3310",
            "revised_at": "2026-09-24T09:52:31+09:00",
        },
        {
            "id": "call-3310-2",
            "kind": "follow_up",
            "occurred_at": "2026-09-24T09:20:00+09:00",
            "recorded_at": "2026-09-24T09:52:31+09:00",
            "lead": yamada,
            "channel": "call",
            "automated": False,
            "by": "佐藤 花子",
            "outcome": "connected",
            "record": "calls/3310",
            "revised_at": "2026-09-24T10:05:00+09:00",
        },
        {
            "id": "st-9120",
            "kind": "status",
            "occurred_at": "2026-09-24T09:53:00+09:00",
            "lead": yamada,
            "status": "対応中",
        },
        {
            "id": "dis-118",
            "kind": "disposition",
            "occurred_at": "2026-09-24T16:20:00+09:00",
            "lead": yamada,
            "outcome": "sql",
            "by": "佐藤 花子",
        },
        {
            "id": "opp-9001-1",
            "kind": "opportunity",
            "occurred_at": "2026-09-24T16:25:00+09:00",
            "lead": yamada,
            "opportunity": "opp-9001",
            "state": "open",
            "stage": "提案",
            "amount": 1200000,
            "name": "みなと精機 原価管理",
        },
        {
            "id": "call-3310-3",
            "kind": "retracted",
            "occurred_at": "2026-09-25T09:05:00+09:00",
            "lead": yamada,
            "record": "calls/3310",
            "revised_at": "2026-09-25T09:05:00+09:00",
            "reason": "取引先違い",
            "by": "佐藤 花子",
        },
        {
            "id": "ack-77",
            "kind": "acknowledged",
            "occurred_at": "2026-09-25T09:10:00+09:00",
            "lead": yamada,
            "until": "2026-09-25T13:00:00+09:00",
            "by": "佐藤 花子",
        },
        {
            "id": "pause-21",
            "kind": "pause",
            "occurred_at": "2026-09-25T10:00:00+09:00",
            "lead": yamada,
            "reason": "20日に改めて電話してほしいとのこと",
            "until": "2026-10-20T10:00:00+09:00",
            "by": "佐藤 花子",
        },
        {
            "id": "resume-21",
            "kind": "resume",
            "occurred_at": "2026-10-16T09:00:00+09:00",
            "lead": yamada,
            "by": "佐藤 花子",
        },
        {
            "id": "answer-118",
            "kind": "answer",
            "occurred_at": "2026-10-19T11:30:00+09:00",
            "lead": yamada,
            "text": "予算は来期に確保予定とのこと。事例集を送りました",
            "by": "鈴木 一郎",
        },
    ]


def sample_events(now: datetime, *, status: str, attributes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A lead that read a document and was called, all within the last hours; for trying a source out."""
    lead = {"id": "tasuki-sample", "email": "yamada@example.co.jp"}
    told: list[dict[str, Any]] = [
        {"kind": "lead", "name": "山田 太郎", "company": "株式会社みなと精機"},
        {"kind": "activity", "activity": "download", "asset": "wp-07", "title": "導入事例集"},
        {"kind": "score", "score": 82},
        {"kind": "owner", "owner": "u-204", "name": "佐藤 花子"},
        {"kind": "follow_up", "channel": "call", "automated": False, "by": "佐藤 花子", "outcome": "connected"},
        {"kind": "status", "status": status},
    ]
    if attributes:
        told[0]["attributes"] = dict.fromkeys(attributes, "製造")
    first = now - timedelta(minutes=10 * len(told))
    times = [first + timedelta(minutes=10 * number) for number in range(len(told))]
    return [
        {"id": f"sample-{event['kind']}-{at:%Y%m%d%H%M%S}", "occurred_at": at.isoformat(), "lead": lead} | event
        for event, at in zip(told, times, strict=True)
    ]
