"""Explain: enough to check a verdict by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.flows import rebuild
from tests.api.conftest import person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact

H = timedelta(hours=1)


def explained(office: Any) -> dict[str, Any]:
    told: dict[str, Any] = office.get("/v1/handoffs/1/explain")
    return told


def test_a_breached_handoff(office) -> None:
    office.becomes_mql()
    office.hours_pass(19)
    office.hours_pass(25)
    told = explained(office)
    assert (told["handoff"]["verdict"], told["handoff"]["verdict_at"]) == ("breached", "2026-09-19T08:30:00Z")
    assert told["qualification"]["rule_ja"] == "スコアが80以上 かつ 資料ダウンロードが3回以上"
    score, downloads = told["qualification"]["findings"]
    assert (score["text_ja"], score["text_en"]) == ("スコア 86(80以上)", "score 86 (80 or more)")
    assert [event["data"]["title"] for event in downloads["evidence"]] == ["資料3", "資料2", "資料1"]
    assert told["qualification"]["completed_by"] == score["evidence"][0]["event_id"]
    assert [(step["previous"], step["verdict"], step["true_at"], step["known_at"]) for step in told["verdicts"]] == [
        (None, "on_track", "2026-09-18T08:30:00Z", "2026-09-18T08:30:00Z"),
        ("on_track", "at_risk", "2026-09-19T02:30:00Z", "2026-09-19T03:30:00Z"),
        ("at_risk", "breached", "2026-09-19T08:30:00Z", "2026-09-19T09:30:00Z"),
    ]
    assert {(alert["reason"], alert["channel"]) for alert in told["alerts"]} == {
        (reason, channel) for reason in ("at_risk", "breached") for channel in ("slack", "email")
    }
    assert (told["touches"], told["withdrawn"]) == ([], False)


def test_a_handoff_that_was_met(office) -> None:
    office.becomes_mql()
    office.clock.advance(2 * H)
    office.called(2)
    told = explained(office)
    assert told["handoff"]["first_touch"]["by"] == "田中 舞"
    assert [(touch["counts"], touch["standing"]) for touch in told["touches"]] == [(True, "in_time")]
    assert [step["verdict"] for step in told["verdicts"]] == ["on_track", "met"]


def test_a_call_that_was_logged_late(office) -> None:
    office.becomes_mql()
    office.hours_pass(25)
    office.hours_pass(26)
    office.called(23)
    told = explained(office)
    (touch,) = told["touches"]
    assert (touch["occurred_at"], touch["received_at"]) == ("2026-09-19T07:30:00Z", "2026-09-19T10:30:00Z")
    assert (told["handoff"]["verdict"], told["withdrawn"]) == ("met", True)
    last = told["verdicts"][-1]
    assert (last["previous"], last["verdict"], last["true_at"], last["known_at"]) == (
        "breached",
        "met",
        "2026-09-19T07:30:00Z",
        "2026-09-19T10:30:00Z",
    )
    assert told["alerts"][-1]["reason"] == "withdrawn"


@pytest.mark.parametrize(
    ("after", "said", "standing"),
    [
        (1, {"kind": "follow_up", "channel": "email", "automated": True}, "automated"),
        (1, {"kind": "follow_up", "channel": "other", "automated": False}, "not_agreed"),
        (1, {"kind": "status", "status": "working", "raw": "Working"}, "not_agreed"),
        (1, {"kind": "status", "status": None, "raw": "謎"}, "unmapped"),
        (1, {"kind": "disposition", "outcome": "rejected"}, "no_reason"),
        (-3, {"kind": "status", "status": "contacted", "raw": "Contacted"}, "before"),
    ],
)
def test_why_a_touch_does_not_count(office, after, said, standing) -> None:
    office.becomes_mql()
    office.happens(
        fact(said["kind"], FRIDAY + after * H, lead=person(1), **{k: v for k, v in said.items() if k != "kind"})
    )
    (touch,) = explained(office)["touches"]
    assert (touch["counts"], touch["standing"]) == (False, standing)


def test_every_owner_has_their_part_of_the_time(office) -> None:
    office.becomes_mql()
    office.happens(fact("owner", FRIDAY + 6 * H, lead=person(1), owner="suzuki", name="鈴木 亮"))
    office.clock.advance(10 * H)
    first, second = explained(office)["owners"]
    assert (first["name"], first["since"], first["used_seconds"]) == ("田中 舞", "2026-09-18T08:30:00Z", 6 * 3600)
    assert (second["name"], second["until"], second["used_seconds"]) == ("鈴木 亮", None, 4 * 3600)
    office.called(9)
    assert [owner["used_seconds"] for owner in explained(office)["owners"]] == [6 * 3600, 3 * 3600]


def test_the_receipt_names_every_closed_day(office) -> None:
    policy = {"key": "mql", "name": "MQL 9営業時間", "clock": "business_hours", "target": 9}
    rule = {"all": [{"score": {"at_least": 80}}, {"count": {"activity": "download", "at_least": 3}}]}
    assert office.asks("POST", "/v1/policies", json={"policy": policy | {"rule": rule}}).status_code == 201
    office.becomes_mql()
    told = explained(office)
    receipt = told["receipt"]
    assert told["handoff"]["policy"] == {"key": "mql", "version": 2}
    assert (receipt["due_at"], receipt["clock"], receipt["target"]) == ("2026-09-24T08:30:00Z", "business_hours", 9)
    skipped = {line["day"]: line["skipped_because"] for line in receipt["lines"] if line["skipped_because"] is not None}
    assert skipped == {
        "2026-09-19": "",
        "2026-09-20": "",
        "2026-09-21": "敬老の日",
        "2026-09-22": "国民の休日",
        "2026-09-23": "秋分の日",
    }
    assert sum(line["used_seconds"] for line in receipt["lines"]) == 9 * 3600
    assert any("敬老の日" in line for line in receipt["text_ja"])
    assert office.get("/v1/due", start="2026-09-18T08:30:00Z", policy="mql")["receipt"] == receipt
    assert rebuild.check(office.state.database, office.clock()) == []
