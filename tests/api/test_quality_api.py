"""The list of what there is to mend, and its cases, through REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.domain.quality import Kind
from app.flows import follow_ups, ledger
from app.flows.follow_ups import Entry
from app.flows.ledger import Fact
from app.models import Delivery
from connectors.contract import CanonicalEvent, EventKind, ExternalId
from tests.conftest import FRIDAY

H, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


def about(name: str, *systems: str) -> tuple[ExternalId, ...]:
    return tuple(ExternalId(system, f"{system}-{name}") for system in systems or ("ma", "sfa"))


class Mess:
    """One case of every kind."""

    def __init__(self, office: Any) -> None:
        self.office, self.number = office, 0
        for name in ("ma", "sfa"):
            config = {"role": name, "system": name}
            made = office.asks("POST", "/v1/sources", json={"name": name, "kind": "standard", "config": config})
            assert made.status_code == 201
        self.leads()
        self.sales()
        self.tools()

    def fact(self, kind: str, at: datetime, who: tuple[ExternalId, ...], **said: Any) -> Fact:
        self.number += 1
        source_id = 2 if who[0].system == "sfa" else 1
        received_at, key = said.pop("received_at", at), f"e{self.number}"
        event = CanonicalEvent(key, EventKind(kind), at, who, said, recorded_at=said.pop("recorded_at", None))
        return Fact(ledger.event_id(source_id, key), event, received_at, source_id, None)

    def mql(self, name: str, *systems: str, owner: str | None = "tanaka") -> None:
        who = about(name, *systems)
        read = [self.fact("activity", FRIDAY - n * H, who, activity="download", asset=f"a{n}") for n in (1, 2, 3)]
        assigned = [self.fact("owner", FRIDAY - 4 * H, who, owner=owner, name="田中 舞")] if owner else []
        named = self.fact("lead", FRIDAY - 5 * H, who, name=name.capitalize(), company="山田製作所")
        self.office.happens(named, *read, *assigned, self.fact("score", FRIDAY, who, score=86))

    def leads(self) -> None:
        self.mql("unowned", owner=None)
        self.mql("lonely", "ma")
        self.office.happens(self.fact("lead", FRIDAY, about("walkin", "sfa"), name="Walkin"))
        mail = ExternalId("email", "info@yamada.example")
        for name in ("one", "two", "three"):
            self.office.happens(self.fact("lead", FRIDAY, (*about(name), mail), name=name.capitalize()))

    def sales(self) -> None:
        for name in ("status", "late", "paused"):
            self.mql(name)
        sfa = about("status", "sfa")
        self.office.happens(
            self.fact("status", FRIDAY + H, sfa, status="contacted", raw="架電済み"),
            self.fact("status", FRIDAY + 2 * H, sfa, status=None, raw="謎"),
            self.fact("follow_up", FRIDAY + H, about("late", "sfa"), channel="call", recorded_at=FRIDAY + 9 * H),
        )
        state, clock = self.office.state, self.office.clock
        lead = self.office.get("/v1/leads", known_as="ma:ma-paused")["items"][0]["id"]
        with state.database.write() as c:
            pause = Entry(lead, EventKind.PAUSE, {"reason": "折り返しのご希望"}, "田中 舞", clock() - H)
            follow_ups.record(c, pause, state.versions.read(c), clock(), actor="test")

    def tools(self) -> None:
        jump = about("jump")
        self.office.happens(
            self.fact("score", FRIDAY, jump, score=5),
            self.fact("score", FRIDAY + 5 * MINUTE, jump, score=75),
            self.fact("activity", FRIDAY, jump, activity="見学"),
            self.fact("lead", FRIDAY + 900 * DAY, jump, received_at=FRIDAY + H, name="Jump"),
        )
        row = {"source_id": 1, "received_at": FRIDAY, "method": "POST", "url": "/", "headers": {}, "body": b"x"}
        row |= {"state": "quarantined", "reason": "[0].score: no number", "not_before": FRIDAY}
        with self.office.state.database.write() as c:
            c.execute(insert(Delivery).values(row))


@pytest.fixture
def mess(office, clock) -> Any:
    clock.now = FRIDAY + DAY
    Mess(office)
    return office


#: Kind → of its only case, what is worth a look.
CASES: dict[str, dict[str, Any]] = {
    "ownerless": {"verdict": "at_risk", "due_at": "2026-09-19T08:30:00Z"},
    "ma_only": {"handed_over": True, "first_seen_at": "2026-09-18T03:30:00Z"},
    "sfa_only": {"handed_over": False},
    "status_only": {"status": "contacted", "owner": "田中 舞", "at": "2026-09-18T09:30:00Z"},
    "score_jumps": {"leads": 1, "before": 5, "after": 75, "source": "ma", "ended_at": "2026-09-18T08:35:00Z"},
    "quarantined": {"source": "ma", "cause": "score: no number", "count": 1},
    "unmapped_statuses": {"source": "sfa", "word": "謎", "count": 1},
    "unmapped_channels": {"source": "ma", "word": "見学", "count": 1, "line": None},
    "impossible_times": {"why": "future", "event_kind": "lead", "against_at": "2026-09-18T09:30:00Z"},
    "open_ended_pauses": {"owner": "田中 舞", "count": 1},
}
WHO = {
    "ownerless": "Unowned",
    "ma_only": "Lonely",
    "sfa_only": "Walkin",
    "status_only": "Status",
    "score_jumps": "Jump",
    "impossible_times": "Jump",
}


def test_one_of_every_kind(mess) -> None:
    tasks = mess.get("/v1/quality")["items"]
    assert [task["kind"] for task in tasks] == [kind.value for kind in Kind]
    counted = {task["kind"]: task["count"] for task in tasks}
    assert counted["ambiguous_identities"] >= 1
    assert {kind: count for kind, count in counted.items() if kind != "ambiguous_identities"} == dict.fromkeys(
        [*CASES, "late_logging"], 1
    )
    assert all(task["oldest_at"] and task["remedy"] for task in tasks)
    for task in tasks:
        rows = mess.get(task["rows"])["items"]
        assert {row["kind"] for row in rows} == {task["kind"]}


@pytest.mark.parametrize("kind", CASES)
def test_the_case(mess, kind) -> None:
    (row,) = mess.get(f"/v1/quality/{kind}")["items"]
    assert {name: row[name] for name in CASES[kind]} == CASES[kind]
    if kind in WHO:
        assert row["lead"]["name"] == WHO[kind]


def test_late_entries_together_and_by_owner(mess) -> None:
    everybody, tanaka = mess.get("/v1/quality/late_logging")["items"]
    assert (everybody["everybody"], everybody["whose"]) == (True, None)
    assert tanaka == {
        "kind": "late_logging",
        "whose": "田中 舞",
        "everybody": False,
        "recorded": 1,
        "late": 1,
        "late_rate": None,
        "median_seconds": 28800,
        "p90_seconds": 28800,
        "oldest_at": "2026-09-18T09:30:00Z",
    }


def test_who_may_be_one_person(mess) -> None:
    unclear = mess.get("/v1/identities")["items"]
    rows = mess.get("/v1/quality/ambiguous_identities")["items"]
    assert [{name: row[name] for name in unclear[0]} for row in rows] == unclear


def test_the_pause_and_its_end(mess) -> None:
    (row,) = mess.get("/v1/quality/open_ended_pauses")["items"]
    (held,) = row["handoffs"]
    assert (held["since"], held["ends_at"]) == ("2026-09-19T07:30:00Z", "2026-10-19T07:30:00Z")
    assert (held["lead"]["name"], held["reason"]) == ("Paused", "折り返しのご希望")


@pytest.mark.parametrize("kind", Kind)
def test_page_by_page(mess, kind) -> None:
    whole = mess.get(f"/v1/quality/{kind}")["items"]
    found, cursor = [], None
    for _ in whole:
        answer = mess.get(f"/v1/quality/{kind}", limit=1, **({"cursor": cursor} if cursor else {}))
        found += answer["items"]
        cursor = answer["next_cursor"]
    assert cursor is None
    assert found == whole


def test_in_the_reader_s_tongue(mess) -> None:
    said = mess.asks("GET", "/v1/quality", headers={"Accept-Language": "en"}).json()["items"][0]
    assert (said["title"], said["rows"]) == ("Open handoffs without an owner", "/v1/quality/ownerless?days=90")
    said = mess.asks("GET", "/v1/quality", headers={"Accept-Language": "ja"}).json()["items"][0]
    assert (said["title"], said["remedy"]) == (
        "担当者が未設定の引き渡し",
        "営業ツールで担当者を設定してください。",
    )


def test_further_back_and_less(mess, clock) -> None:
    clock.now = FRIDAY + 20 * DAY
    assert mess.get("/v1/quality/unmapped_statuses", days=10)["items"] == []
    assert len(mess.get("/v1/quality/unmapped_statuses", days=30)["items"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/quality?days=0", 422),
        ("/v1/quality?days=366", 422),
        ("/v1/quality/nonsense", 422),
        ("/v1/quality/ownerless?cursor=WzFd", 422),  # of a list with another key
        ("/v1/quality/quarantined?cursor=WzFd", 200),
    ],
)
def test_what_is_asked_wrongly(client, token: Callable[..., dict[str, str]], path, status) -> None:
    assert client.get(path, headers=token("read")).status_code == status
