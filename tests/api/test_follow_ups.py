"""Follow-ups by hand: in the ledger, or refused with the place to mend; never half of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.refusals import Refused
from app.flows import follow_ups, rebuild
from app.flows.follow_ups import Entry
from app.models import Event
from connectors.contract import EventKind
from tests.conftest import FRIDAY

H = timedelta(hours=1)
CALL = {"kind": "follow_up", "lead_id": 1, "channel": "call"}


def events_by_hand(office: Any) -> list[Any]:
    with office.state.database.read() as c:
        by_hand = select(Event.kind, Event.occurred_at, Event.data, Event.about, Event.recorded_at)
        kinds = ("follow_up", "disposition")
        return list(c.execute(by_hand.where(Event.source_id.is_(None), Event.kind.in_(kinds))))


def test_a_call_by_hand_stops_the_clock(office) -> None:
    office.becomes_mql()
    office.clock.advance(3 * H)
    answer = office.asks(
        "POST", "/v1/follow-ups", json=CALL | {"occurred_at": "2026-09-18T19:00:00+09:00", "by": "田中 舞"}
    )
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/handoffs/1/explain")
    said = answer.json()
    assert (said["new"], said["handoff"]["verdict"], said["handoff"]["first_touch"]["by"]) == (True, "met", "田中 舞")
    ((kind, occurred_at, data, about, recorded_at),) = events_by_hand(office)
    assert (kind, occurred_at, recorded_at) == ("follow_up", FRIDAY + 1.5 * H, FRIDAY + 3 * H)
    assert data == {"channel": "call", "automated": False, "by": "田中 舞"}
    assert about == [["hubspot", "501"]]
    assert rebuild.check(office.state.database, office.clock()) == []


def test_the_audit_log_names_who_recorded_it_and_the_entry_whose_call_it_was(office, token) -> None:
    office.becomes_mql()
    office.clock.advance(H)
    said = office.asks("POST", "/v1/follow-ups", json=CALL | {"by": "田中 舞"}, headers=token("write")).json()
    office.clock.advance(H)
    revised = office.asks("PATCH", f"/v1/follow-ups/{said['event_id']}", json={"outcome": "つながった"}).json()
    assert revised["handoff"]["first_touch"]["by"] == "田中 舞"
    told = office.get("/v1/audit", action="lead.follow_up")["items"]
    assert [(each["by"], each["after"]["by"]) for each in told] == [
        ("test admin", "田中 舞"),
        ("test write", "田中 舞"),
    ]


def test_who_and_when_are_the_token_and_now_unless_told(office) -> None:
    office.becomes_mql()
    office.clock.advance(H)
    said = office.asks("POST", "/v1/follow-ups", json=CALL).json()
    assert (said["occurred_at"], said["handoff"]["first_touch"]["by"]) == ("2026-09-18T09:30:00Z", "test admin")


@pytest.mark.parametrize(
    ("said", "verdict", "outcome"),
    [
        ({"outcome": "sql"}, "met", "sql"),
        ({"outcome": "accepted"}, "on_track", "accepted"),
        ({"outcome": "rejected", "reason": "out_of_definition"}, "met", "rejected"),
        ({"outcome": "recycled", "reason": "来期"}, "met", "recycled"),
        ({"outcome": "disqualified", "reason": "no_budget"}, "met", "disqualified"),
        ({"outcome": "excluded", "reason": "invalid"}, "voided", "excluded"),
    ],
)
def test_a_decision_by_hand(office, said, verdict, outcome) -> None:
    office.becomes_mql()
    office.clock.advance(H)
    answer = office.asks("POST", "/v1/follow-ups", json={"kind": "disposition", "lead_id": 1} | said)
    handoff = answer.json()["handoff"]
    assert (handoff["verdict"], handoff["outcome"], handoff["outcome_reason"]) == (verdict, outcome, said.get("reason"))


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"kind": "disposition", "outcome": "rejected"}, "/reason"),
        ({"kind": "disposition", "outcome": "recycled", "reason": " "}, "/reason"),
        ({"kind": "disposition", "outcome": "disqualified"}, "/reason"),
        ({"kind": "disposition", "outcome": "rejected", "reason": "予算なし"}, "/reason"),
        ({"kind": "disposition", "outcome": "disqualified", "reason": "timing"}, "/again_on"),
        ({"kind": "disposition", "outcome": "disqualified", "reason": "no_fit", "detail": " "}, "/detail"),
        ({"kind": "pause", "reason": "  "}, "/reason"),
        ({"kind": "pause", "reason": "折り返し", "until": "2026-09-18T08:30:00Z"}, "/until"),
        ({"kind": "pause", "reason": "折り返し", "until": "2026-10-19T08:30:00Z"}, "/until"),
        ({"kind": "follow_up", "channel": "call", "occurred_at": "2026-09-18T08:35:01Z"}, "/occurred_at"),
        ({"kind": "follow_up", "channel": "call", "occurred_at": "2026-09-19T08:30:00Z"}, "/occurred_at"),
        ({"kind": "follow_up", "channel": "call", "occurred_at": "1999-12-31T23:59:59Z"}, "/occurred_at"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(office, said, place) -> None:
    office.becomes_mql()
    answer = office.asks("POST", "/v1/follow-ups", json={"lead_id": 1} | said)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [place])
    assert events_by_hand(office) == []


def test_what_lies_before_all_records_is_refused_without_the_api_too(office) -> None:
    office.becomes_mql()
    said = {"channel": "call", "automated": False}
    entry = Entry(1, EventKind.FOLLOW_UP, said, "田中 舞", FRIDAY.replace(year=1999))
    with office.state.database.write() as c, pytest.raises(Refused) as why:
        follow_ups.record(c, entry, office.state.versions.read(c), FRIDAY, actor="cli:ops")
    assert [refusal.place for refusal in why.value.refusals] == ["/occurred_at"]


def test_a_clock_that_runs_a_little_ahead_is_forgiven(office) -> None:
    office.becomes_mql()
    said = office.asks("POST", "/v1/follow-ups", json=CALL | {"occurred_at": "2026-09-18T08:35:00Z"}).json()
    assert said["occurred_at"] == "2026-09-18T08:30:00Z"


def test_an_unknown_lead_is_404(office) -> None:
    assert office.asks("POST", "/v1/follow-ups", json=CALL).status_code == 404
    with office.state.database.read() as c:
        assert c.scalar(select(func.count()).select_from(Event)) == 0


def test_the_same_key_records_once(office, token) -> None:
    office.becomes_mql()
    key = {"Idempotency-Key": "8e03978e"}
    first = office.asks("POST", "/v1/follow-ups", json=CALL, headers=key)
    office.clock.advance(H)
    again = office.asks("POST", "/v1/follow-ups", json=CALL, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert [answer.json()["new"] for answer in (first, again)] == [True, False]
    same = ("event_id", "occurred_at", "lead_id")
    assert [first.json()[name] for name in same] == [again.json()[name] for name in same]
    assert len(events_by_hand(office)) == 1
    other = office.asks("POST", "/v1/follow-ups", json=CALL | {"channel": "email"}, headers=key)
    assert (other.status_code, other.json()["errors"][0]["header"]) == (422, "Idempotency-Key")
    assert office.asks("POST", "/v1/follow-ups", json=CALL, headers=key | token("write")).json()["new"] is True


def test_without_a_key_every_entry_counts(office) -> None:
    office.becomes_mql()
    for _ in range(2):
        assert office.asks("POST", "/v1/follow-ups", json=CALL).json()["new"] is True
    assert len(events_by_hand(office)) == 2
